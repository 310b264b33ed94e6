//! The instruction sets, a row each.

/// Hands all rows to a macro; on one architecture, a later set is better.
///
/// A row has the set's module and the token in it; the only architecture (`target_arch`) that it
/// is for; and, for who compiles for it from elsewhere, what it is, its name in profiles, the
/// compiler's names of its features, and the modules that its own borrows from.
#[macro_export]
macro_rules! instruction_sets {
    ($then:ident) => {
        $then! {
            soft_float::SoftFloat in [] {
                about: "Plain Rust for CPUs without a floating-point unit; fits every target.",
                name: "soft-float",
                features: [],
                borrows: ["scalar"],
            }
            scalar::Scalar in [] {
                about: "Plain Rust; fits every target.",
                name: "scalar",
                features: [],
                borrows: [],
            }
            sse41::Sse41 in ["x86_64"] {
                about: "x86-64 with SSE4.1.",
                name: "sse4.1",
                features: ["sse4.1"],
                borrows: [],
            }
            avx2::Avx2 in ["x86_64"] {
                about: "x86-64 with AVX2.",
                name: "avx2",
                features: ["avx2", "f16c"],
                borrows: [],
            }
            avx512_vnni::Avx512Vnni in ["x86_64"] {
                about: "x86-64 with AVX2 and AVX-512's dot product of bytes (VNNI), 256 bits wide.",
                name: "avx512-vnni",
                features: ["avx2", "f16c", "avx512vl", "avx512vnni"],
                borrows: ["avx2"],
            }
            // Not 32-bit Arm: NEON flushes subnormals there.
            neon::Neon in ["aarch64"] {
                about: "AArch64 with Advanced SIMD.",
                name: "neon",
                features: ["neon"],
                borrows: [],
            }
            neon_dotprod::NeonDotprod in ["aarch64"] {
                about: "AArch64 with Advanced SIMD and the dot products of bytes of Armv8.2.",
                name: "neon-dotprod",
                features: ["neon", "dotprod"],
                borrows: ["neon"],
            }
            neon_i8mm::NeonI8mm in ["aarch64"] {
                about: "AArch64 with Advanced SIMD and the products of 8-bit matrices of Armv8.6.",
                name: "neon-i8mm",
                features: ["neon", "dotprod", "i8mm"],
                borrows: ["neon", "neon_dotprod"],
            }
            simd128::Simd128 in ["wasm32"] {
                about: "WebAssembly with 128-bit SIMD.",
                name: "simd128",
                features: ["simd128"],
                borrows: [],
            }
        }
    };
}
