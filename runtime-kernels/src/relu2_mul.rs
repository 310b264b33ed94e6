//! A gate that bends by the square of ReLU.

use super::activation::{gated, relu2};
use super::isa::{Isa, Kernel};

/// `out = max(0, gate)² * up`. All lengths are equal, and a multiple of 8.
pub struct Relu2Mul<'a> {
    /// The gate's projection.
    pub gate: &'a [f32],
    /// The other projection.
    pub up: &'a [f32],
    /// The product.
    pub out: &'a mut [f32],
}

impl Kernel for Relu2Mul<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        gated(isa, "relu2_mul", self.gate, self.up, self.out, |g| {
            relu2(isa, g)
        });
    }
}
