//! Normalization by mean and variance.

use super::isa::{Isa, Kernel};
use super::shape::Dim;
use super::sum::mean_and_variance;

/// `out = (x - mean) / sqrt(variance + eps) * gain + bias` (Ba, Kiros and Hinton, "Layer
/// Normalization", 2016).
pub struct LayerNorm<'a, D: Dim> {
    /// Padded to a multiple of 8.
    pub x: &'a [f32],
    /// As many little-endian f32, zeros in the padding.
    pub gain: &'a [u8],
    /// The same.
    pub bias: &'a [u8],
    /// Added to the variance.
    pub eps: f32,
    /// Number of elements without the padding.
    pub size: D,
    /// As long as `x`; zeros in the padding.
    pub out: &'a mut [f32],
}

impl<D: Dim> Kernel for LayerNorm<'_, D> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let (len, size) = (self.x.len(), self.size.get());
        let bytes = self.gain.len() == 4 * len && self.bias.len() == 4 * len;
        let whole = len.is_multiple_of(8) && size <= len;
        assert!(
            bytes && whole && self.out.len() == len,
            "layer_norm: lengths"
        );
        let (mean, variance) = mean_and_variance(isa, &self.x[..size]);
        let mean = isa.splat(mean);
        let scale = isa.div(isa.splat(1.0), isa.sqrt(isa.splat(variance + self.eps)));
        let (x, gain, bias) = (
            self.x.as_chunks().0,
            self.gain.as_chunks().0,
            self.bias.as_chunks().0,
        );
        for (((x, gain), bias), out) in x.iter().zip(gain).zip(bias).zip(self.out.as_chunks_mut().0)
        {
            let v = isa.mul(
                isa.mul(isa.sub(isa.load(x), mean), scale),
                isa.load_bytes(gain),
            );
            isa.store(isa.add(v, isa.load_bytes(bias)), out);
        }
    }
}
