//! The square of ReLU.

use super::activation::relu2;
use super::isa::{Isa, Kernel};

/// `x = max(0, x)²`.
///
/// The length is a multiple of 8.
pub struct Relu2<'a> {
    /// The values, in place.
    pub x: &'a mut [f32],
}

impl Kernel for Relu2<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        assert!(self.x.len().is_multiple_of(8), "relu2: length");
        for x in self.x.as_chunks_mut().0 {
            isa.store(relu2(isa, isa.load(x)), x);
        }
    }
}
