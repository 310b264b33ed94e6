//! Normalization.

use super::isa::{Isa, Kernel};
use super::shape::Dim;
use super::sum::sum_of_products;

/// `out = x / sqrt(mean(x²) + eps) * gain` (Zhang and Sennrich, "Root Mean Square Layer
/// Normalization", 2019).
pub struct RmsNorm<'a, D: Dim> {
    /// Padded with zeros to a multiple of 8.
    pub x: &'a [f32],
    /// As many little-endian f32.
    pub gain: &'a [u8],
    /// Added to the mean.
    pub eps: f32,
    /// Number of elements without the padding.
    pub size: D,
    /// As long as `x`.
    pub out: &'a mut [f32],
}

impl<D: Dim> Kernel for RmsNorm<'_, D> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let len = self.x.len();
        let equal = self.out.len() == len && self.gain.len() == 4 * len;
        let whole = len.is_multiple_of(8) && self.size.get() <= len;
        assert!(equal && whole, "rms_norm: lengths");
        let mean = sum_of_products(isa, self.x, self.x) / self.size.get() as f32;
        let scale = isa.div(isa.splat(1.0), isa.sqrt(isa.splat(mean + self.eps)));
        let (x, gain, out) = (
            self.x.as_chunks().0,
            self.gain.as_chunks().0,
            self.out.as_chunks_mut().0,
        );
        for ((x, gain), out) in x.iter().zip(gain).zip(out) {
            let v = isa.mul(isa.mul(isa.load(x), scale), isa.load_bytes(gain));
            isa.store(v, out);
        }
    }
}
