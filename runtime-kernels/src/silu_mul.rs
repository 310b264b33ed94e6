//! The gate of the feed-forward network.

use super::activation::{gated, silu};
use super::isa::{Isa, Kernel};

/// `out = silu(gate) * up` with `silu(g) = g / (1 + e^-g)` (Shazeer, "GLU Variants Improve
/// Transformer", 2020). All lengths are equal, and a multiple of 8.
pub struct SiluMul<'a> {
    /// The gate's projection.
    pub gate: &'a [f32],
    /// The other projection.
    pub up: &'a [f32],
    /// The product.
    pub out: &'a mut [f32],
}

impl Kernel for SiluMul<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        gated(isa, "silu_mul", self.gate, self.up, self.out, |g| {
            silu(isa, g)
        });
    }
}
