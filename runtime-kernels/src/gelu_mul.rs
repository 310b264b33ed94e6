//! A gate that bends by GELU.

use super::activation::{gated, gelu};
use super::isa::{Isa, Kernel};

/// `out = gelu(gate) * up`, with GELU in its form by `tanh` (Shazeer, "GLU Variants Improve
/// Transformer", 2020). All lengths are equal, and a multiple of 8.
pub struct GeluMul<'a> {
    /// The gate's projection.
    pub gate: &'a [f32],
    /// The other projection.
    pub up: &'a [f32],
    /// The product.
    pub out: &'a mut [f32],
}

impl Kernel for GeluMul<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        gated(isa, "gelu_mul", self.gate, self.up, self.out, |g| {
            gelu(isa, g)
        });
    }
}
