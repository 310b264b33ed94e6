//! The weights of a sampling distribution.

use super::exp::exp;
use super::isa::{Isa, Kernel};

/// `x = e^((x - max) * factor)`: softmax without its division. The length is a multiple of 8.
pub struct ExpWeights<'a> {
    /// Logits, then weights.
    pub x: &'a mut [f32],
    /// The greatest logit.
    pub max: f32,
    /// One over the temperature.
    pub factor: f32,
}

impl Kernel for ExpWeights<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        assert!(self.x.len().is_multiple_of(8), "exp_weights: length");
        let (max, factor) = (isa.splat(self.max), isa.splat(self.factor));
        for x in self.x.as_chunks_mut().0 {
            let scaled = isa.mul(isa.sub(isa.load(x), max), factor);
            isa.store(exp(isa, scaled), x);
        }
    }
}
