//! An activation without a gate.

use super::exp::exp;
use super::isa::{Isa, Kernel};

/// `x = gelu(x)` in its form by `tanh` (Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016):
/// `x / 2 * (1 + tanh(u))`, which is `x / (1 + e^-2u)`, with `u = sqrt(2 / π) * (x + 0.044715 x³)`.
///
/// The length is a multiple of 8.
pub struct Gelu<'a> {
    /// The values, in place.
    pub x: &'a mut [f32],
}

impl Kernel for Gelu<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        assert!(self.x.len().is_multiple_of(8), "gelu: length");
        for x in self.x.as_chunks_mut().0 {
            let v = isa.load(x);
            let cube = isa.mul(isa.mul(v, v), v);
            let sum = isa.add(v, isa.mul(cube, isa.splat(0.044_715)));
            // -2 * sqrt(2 / π)
            let e = exp(isa, isa.mul(sum, isa.splat(-1.595_769_2)));
            isa.store(isa.div(v, isa.add(isa.splat(1.0), e)), x);
        }
    }
}
