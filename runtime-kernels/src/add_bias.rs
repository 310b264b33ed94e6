//! Biases of projections.

use super::isa::{Isa, Kernel};

/// `x += bias`. The lengths are equal, and a multiple of 8.
pub struct AddBias<'a> {
    /// The sum, in place.
    pub x: &'a mut [f32],
    /// Little-endian f32.
    pub bias: &'a [u8],
}

impl Kernel for AddBias<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let whole = self.x.len().is_multiple_of(8);
        assert!(
            whole && self.bias.len() == 4 * self.x.len(),
            "add_bias: lengths"
        );
        for (x, bias) in self
            .x
            .as_chunks_mut()
            .0
            .iter_mut()
            .zip(self.bias.as_chunks().0)
        {
            isa.store(isa.add(isa.load(x), isa.load_bytes(bias)), x);
        }
    }
}
