//! The kernels of edgegen's generated crates: the same bits on every instruction set.
//!
//! An instruction set is a folder of three files over the traits of [`isa`], and a row of
//! [`instruction_sets!`]; a weight format is one file over [`format`](mod@format), a format of the
//! KV cache one over [`cache`]; the kernels are written once over both. Sums have one order and
//! multiplications are never fused with additions, so the results are equal to the bit.
//!
//! Where a kernel reads whole blocks, vectors are padded with zeros to them. Generated crates get
//! copies of the files that they use, but never of `lib.rs`, `sources.rs` or the rows.
//!
//! ```
//! use runtime_kernels::{AddAssign, Isa, scalar::Scalar};
//!
//! let mut x = [1.0; 8];
//! let isa = Scalar::new().expect("scalar code runs everywhere");
//! isa.run(AddAssign { x: &mut x, y: &[2.0; 8] });
//! assert_eq!(x, [3.0; 8]);
//! ```
#![no_std]

#[cfg(feature = "std")]
extern crate std;

mod activation;
pub mod add_assign;
pub mod add_bias;
pub mod argmax;
pub mod attention;
mod bytes;
pub mod cache;
pub mod codes;
pub mod exp;
pub mod exp_weights;
pub mod float_mode;
pub mod format;
pub mod gelu;
pub mod gelu_erf;
pub mod gelu_mul;
pub mod half;
pub mod hash;
pub mod head_layer_norm;
pub mod head_norm;
mod instruction_sets;
pub mod isa;
pub mod layer_norm;
pub mod layer_norm_gain;
mod map;
pub mod matmul;
pub mod quantize;
pub mod relu2;
pub mod relu2_mul;
pub mod rms_norm;
pub mod rope;
pub mod round_i8;
pub mod scale;
pub mod scaled;
pub mod shape;
pub mod silu_mul;
pub mod six_bits;
pub mod sixteens;
pub mod soft_cap;
#[cfg(feature = "sources")]
mod sources;
pub mod sum;
pub mod super_block;
pub mod tanh;
pub mod unpack;
pub mod zero;

/// The weight formats, a file each.
pub mod formats {
    pub mod f16;
    pub mod f32;
    pub mod iq4nl;
    pub mod iq4xs;
    pub mod mxfp4;
    pub mod q2k;
    pub mod q3k;
    pub mod q4;
    pub mod q4k;
    pub mod q4m;
    pub mod q5;
    pub mod q5k;
    pub mod q5m;
    pub mod q6k;
    pub mod q8;
    pub mod t2;
    pub mod t3;
    pub mod t4;
    pub mod tq1;
    pub mod tq2;
}

/// The formats of the KV cache, a file each.
pub mod caches {
    pub mod f32;
    pub mod i8;
}

#[cfg(target_arch = "x86_64")]
pub mod avx2;
#[cfg(target_arch = "x86_64")]
pub mod avx512_vnni;
#[cfg(target_arch = "aarch64")]
pub mod neon;
#[cfg(target_arch = "aarch64")]
pub mod neon_dotprod;
#[cfg(target_arch = "aarch64")]
pub mod neon_i8mm;
pub mod scalar;
#[cfg(target_arch = "wasm32")]
pub mod simd128;
pub mod soft_float;
#[cfg(target_arch = "x86_64")]
pub mod sse41;

pub use add_assign::AddAssign;
pub use add_bias::AddBias;
pub use argmax::argmax;
pub use attention::{Attention, ROWS, attention_span};
pub use cache::{Cache, head_words, padded_head_words};
pub use caches::{f32::F32Cache, i8::I8Cache};
pub use exp_weights::ExpWeights;
pub use float_mode::in_default_mode;
pub use format::Format;
pub use formats::{
    f16::F16, f32::F32, iq4nl::IQ4NL, iq4xs::IQ4XS, mxfp4::MXFP4, q2k::Q2K, q3k::Q3K, q4::Q4,
    q4k::Q4K, q4m::Q4M, q5::Q5, q5k::Q5K, q5m::Q5M, q6k::Q6K, q8::Q8, t2::T2, t3::T3, t4::T4,
    tq1::TQ1, tq2::TQ2,
};
pub use gelu::Gelu;
pub use gelu_erf::GeluErf;
pub use gelu_mul::GeluMul;
pub use hash::BitHash;
pub use head_layer_norm::HeadLayerNorm;
pub use head_norm::HeadNorm;
pub use isa::{Dot, Integers, Isa, Kernel, Lanes};
pub use layer_norm::LayerNorm;
pub use layer_norm_gain::LayerNormGain;
pub use matmul::MatMul;
pub use quantize::{Q8Block, Quantize};
pub use relu2::Relu2;
pub use relu2_mul::Relu2Mul;
pub use rms_norm::RmsNorm;
pub use rope::Rope;
pub use round_i8::RoundI8;
pub use scale::Scale;
pub use shape::{All, BLOCK, Const, Dim, GROUP, Window};
pub use silu_mul::SiluMul;
pub use soft_cap::SoftCap;
#[cfg(feature = "sources")]
pub use sources::{INSTRUCTION_SETS, SOURCES};
pub use zero::Zero;
