//! Values as 8 bits tell them.

use super::isa::{Isa, Kernel};
use super::quantize::amax;

/// `x = q / scale`, with `scale = 127 / amax` and `q = round(x * scale)`, halves to even: what
/// products of ternary weights read (Ma et al., "The Era of 1-bit LLMs", 2024). An `amax` below 1e-5
/// counts as that.
pub struct RoundI8<'a> {
    /// The values, in place. Padded with zeros to a multiple of 8.
    pub x: &'a mut [f32],
}

impl Kernel for RoundI8<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let (chunks, tail) = self.x.as_chunks_mut();
        assert!(tail.is_empty(), "round_i8: length");
        let amax = amax(isa, chunks);
        let scale = isa.splat(127.0 / if amax > 1e-5 { amax } else { 1e-5 });
        for x in chunks {
            let mut q = [0; 8];
            isa.round_to_i8(isa.mul(isa.load(x), scale), &mut q);
            for (x, q) in x.iter_mut().zip(q) {
                *x = f32::from(q);
            }
            isa.store(isa.div(isa.load(x), scale), x);
        }
    }
}
