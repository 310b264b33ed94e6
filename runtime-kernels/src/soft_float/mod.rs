//! No SIMD and no floating-point unit: sums and products of f32 by integer instructions.

mod dot;
mod float;
mod integers;
mod lanes;

use super::isa::{Isa, Kernel};
use super::scalar::Scalar;

/// Needs nothing of the CPU; what it does not do itself, scalar code does.
#[derive(Clone, Copy, Debug)]
pub struct SoftFloat(Scalar);

impl SoftFloat {
    /// Always there.
    #[inline(always)]
    pub const fn new() -> Option<Self> {
        match Scalar::new() {
            Some(scalar) => Some(Self(scalar)),
            None => None,
        }
    }
}

impl Isa for SoftFloat {
    const NAME: &'static str = "soft-float";
    // Tokens side by side would share nothing but code, which is to be small.
    const TOKENS: usize = 1;

    #[inline]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
}
