//! The instruction sets that there are kernels for.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An instruction set, with the name that profiles use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum InstructionSet {
    /// Plain Rust for CPUs without a floating-point unit; fits every target.
    #[serde(rename = "soft-float")]
    SoftFloat,
    /// Plain Rust; fits every target.
    #[serde(rename = "scalar")]
    Scalar,
    /// x86-64 with SSE4.1.
    #[serde(rename = "sse4.1")]
    Sse41,
    /// x86-64 with AVX2.
    #[serde(rename = "avx2")]
    Avx2,
    /// x86-64 with AVX2 and the dot product of bytes of AVX-512 (VNNI) on 256-bit registers.
    #[serde(rename = "avx512-vnni")]
    Avx512Vnni,
    /// AArch64 with Advanced SIMD.
    #[serde(rename = "neon")]
    Neon,
    /// AArch64 with Advanced SIMD and the dot-product instructions of Armv8.2.
    #[serde(rename = "neon-dotprod")]
    NeonDotprod,
    /// WebAssembly with 128-bit SIMD.
    #[serde(rename = "simd128")]
    Simd128,
}

impl InstructionSet {
    /// Every instruction set; on one architecture, a later one is better.
    pub const ALL: [Self; 8] = [
        Self::SoftFloat,
        Self::Scalar,
        Self::Sse41,
        Self::Avx2,
        Self::Avx512Vnni,
        Self::Neon,
        Self::NeonDotprod,
        Self::Simd128,
    ];

    /// The name in a profile.
    pub fn name(self) -> &'static str {
        match self {
            Self::SoftFloat => "soft-float",
            Self::Scalar => "scalar",
            Self::Sse41 => "sse4.1",
            Self::Avx2 => "avx2",
            Self::Avx512Vnni => "avx512-vnni",
            Self::Neon => "neon",
            Self::NeonDotprod => "neon-dotprod",
            Self::Simd128 => "simd128",
        }
    }

    /// Whether code for this set can run on some device of the target triple.
    pub fn fits(self, target: &str) -> bool {
        let architecture = target.split('-').next().unwrap_or_default();
        match self {
            Self::SoftFloat | Self::Scalar => true,
            Self::Sse41 | Self::Avx2 | Self::Avx512Vnni => architecture == "x86_64",
            // 32-bit Arm flushes subnormals in NEON and its intrinsics are unstable.
            Self::Neon | Self::NeonDotprod => {
                matches!(architecture, "aarch64" | "arm64e" | "arm64ec")
            }
            Self::Simd128 => matches!(architecture, "wasm32" | "wasm64"),
        }
    }

    /// What the set is made of, as the compiler's target features.
    pub fn features(self) -> &'static [&'static str] {
        match self {
            Self::SoftFloat | Self::Scalar => &[],
            Self::Sse41 => &["sse4.1"],
            Self::Avx2 => &["avx2", "f16c"],
            Self::Avx512Vnni => &["avx2", "f16c", "avx512vl", "avx512vnni"],
            Self::Neon => &["neon"],
            Self::NeonDotprod => &["neon", "dotprod"],
            Self::Simd128 => &["simd128"],
        }
    }

    /// Whether a running program can find out that it has this set.
    /// A WebAssembly module with unknown instructions does not even load.
    pub fn is_detectable(self) -> bool {
        !matches!(self, Self::SoftFloat | Self::Scalar | Self::Simd128)
    }
}

impl fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
