//! Padding.

use super::isa::{Isa, Kernel};

/// `x = 0`.
pub struct Zero<'a> {
    /// What is zeroed.
    pub x: &'a mut [f32],
}

impl Kernel for Zero<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, _: I) {
        self.x.fill(0.0);
    }
}
