//! The text of the files that go into generated crates.

macro_rules! sources {
    ($($path:literal)*) => {
        /// Path below `src`, and text; sorted by path. All files but `lib.rs`, the rows of
        /// instruction sets and this one.
        pub const SOURCES: &[(&str, &str)] = &[$(($path, include_str!($path))),*];
    };
}

/// The rows of instruction sets, for a crate that has them all.
pub const INSTRUCTION_SETS: &str = include_str!("instruction_sets.rs");

sources! {
    "add_assign.rs"
    "add_bias.rs"
    "argmax.rs"
    "attention.rs"
    "avx2/dot.rs"
    "avx2/lanes.rs"
    "avx2/mod.rs"
    "avx512_vnni/dot.rs"
    "avx512_vnni/mod.rs"
    "bytes.rs"
    "cache.rs"
    "caches/f32.rs"
    "caches/i8.rs"
    "codes.rs"
    "exp.rs"
    "exp_weights.rs"
    "float_mode.rs"
    "format.rs"
    "formats/f16.rs"
    "formats/f32.rs"
    "formats/q4.rs"
    "formats/q4m.rs"
    "formats/q8.rs"
    "formats/t2.rs"
    "formats/t3.rs"
    "formats/t4.rs"
    "gelu.rs"
    "half.rs"
    "hash.rs"
    "head_norm.rs"
    "isa.rs"
    "layer_norm.rs"
    "map.rs"
    "matmul.rs"
    "neon/dot.rs"
    "neon/lanes.rs"
    "neon/mod.rs"
    "neon_dotprod/dot.rs"
    "neon_dotprod/mod.rs"
    "neon_i8mm/dot.rs"
    "neon_i8mm/mod.rs"
    "quantize.rs"
    "rms_norm.rs"
    "rope.rs"
    "scalar/dot.rs"
    "scalar/lanes.rs"
    "scalar/mod.rs"
    "scale.rs"
    "shape.rs"
    "silu_mul.rs"
    "simd128/dot.rs"
    "simd128/lanes.rs"
    "simd128/mod.rs"
    "soft_float/dot.rs"
    "soft_float/float.rs"
    "soft_float/lanes.rs"
    "soft_float/mod.rs"
    "sse41/dot.rs"
    "sse41/lanes.rs"
    "sse41/mod.rs"
    "sum.rs"
    "zero.rs"
}
