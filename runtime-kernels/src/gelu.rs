//! An activation without a gate.

use super::activation::gelu;
use super::isa::{Isa, Kernel};

/// `x = gelu(x)` in its form by `tanh`.
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
            isa.store(gelu(isa, isa.load(x)), x);
        }
    }
}
