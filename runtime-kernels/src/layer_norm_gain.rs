//! Normalization by mean and variance, without a bias.

use super::isa::{Isa, Kernel};
use super::shape::Dim;
use super::sum::mean_and_variance;

/// `out = (x - mean) / sqrt(variance + eps) * gain`: [`LayerNorm`](super::layer_norm::LayerNorm)
/// without its bias.
pub struct LayerNormGain<'a, D: Dim> {
    /// Padded to a multiple of 8.
    pub x: &'a [f32],
    /// As many little-endian f32, zeros in the padding.
    pub gain: &'a [u8],
    /// Added to the variance.
    pub eps: f32,
    /// Number of elements without the padding.
    pub size: D,
    /// As long as `x`; zeros in the padding.
    pub out: &'a mut [f32],
}

impl<D: Dim> Kernel for LayerNormGain<'_, D> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let (len, size) = (self.x.len(), self.size.get());
        let bytes = self.gain.len() == 4 * len && self.out.len() == len;
        let whole = len.is_multiple_of(8) && size <= len;
        assert!(bytes && whole, "layer_norm_gain: lengths");
        let (mean, variance) = mean_and_variance(isa, &self.x[..size]);
        let mean = isa.splat(mean);
        let scale = isa.div(isa.splat(1.0), isa.sqrt(isa.splat(variance + self.eps)));
        let (x, gain) = (self.x.as_chunks().0, self.gain.as_chunks().0);
        for ((x, gain), out) in x.iter().zip(gain).zip(self.out.as_chunks_mut().0) {
            let v = isa.mul(isa.sub(isa.load(x), mean), scale);
            isa.store(isa.mul(v, isa.load_bytes(gain)), out);
        }
    }
}
