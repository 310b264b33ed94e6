//! Values within a limit.

use super::isa::{Isa, Kernel};
use super::tanh::soft_cap;

/// `x = cap * tanh(x / cap)` (Bello et al., "Neural Combinatorial Optimization", 2016; Gemma 2).
///
/// The length is a multiple of 8.
pub struct SoftCap<'a> {
    /// The values, in place.
    pub x: &'a mut [f32],
    /// What no value exceeds; more than zero.
    pub cap: f32,
}

impl Kernel for SoftCap<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        assert!(self.x.len().is_multiple_of(8), "soft_cap: length");
        soft_cap(isa, self.x, self.cap);
    }
}
