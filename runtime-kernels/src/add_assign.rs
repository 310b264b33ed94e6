//! Residual connections.

use super::isa::{Isa, Kernel};

/// `x += y`. The lengths are equal, and a multiple of 8.
pub struct AddAssign<'a> {
    /// The sum, in place.
    pub x: &'a mut [f32],
    /// What is added.
    pub y: &'a [f32],
}

impl Kernel for AddAssign<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let whole = self.x.len().is_multiple_of(8);
        assert!(whole && self.y.len() == self.x.len(), "add_assign: lengths");
        for (x, y) in self
            .x
            .as_chunks_mut()
            .0
            .iter_mut()
            .zip(self.y.as_chunks().0)
        {
            isa.store(isa.add(isa.load(x), isa.load(y)), x);
        }
    }
}
