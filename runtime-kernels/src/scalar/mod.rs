//! No SIMD: runs everywhere, and defines what the others must compute.

mod dot;
mod integers;
mod lanes;

use super::isa::{Isa, Kernel};
#[allow(unused_imports, reason = "soft_float needs it")]
pub use lanes::TO_INTEGER;

/// Needs nothing of the CPU.
#[derive(Clone, Copy, Debug)]
pub struct Scalar(());

impl Scalar {
    /// Always there.
    #[inline(always)]
    pub const fn new() -> Option<Self> {
        Some(Self(()))
    }
}

impl Isa for Scalar {
    const NAME: &'static str = "scalar";
    const TOKENS: usize = 4;

    #[inline]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
}
