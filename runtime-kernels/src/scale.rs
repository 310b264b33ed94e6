//! A factor on all values.

use super::isa::{Isa, Kernel};

/// `x *= factor`. The length is a multiple of 8.
pub struct Scale<'a> {
    /// The values, in place.
    pub x: &'a mut [f32],
    /// What each is multiplied with.
    pub factor: f32,
}

impl Kernel for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        assert!(self.x.len().is_multiple_of(8), "scale: length");
        let factor = isa.splat(self.factor);
        for x in self.x.as_chunks_mut().0 {
            isa.store(isa.mul(isa.load(x), factor), x);
        }
    }
}
