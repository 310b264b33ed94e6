//! Normalization of heads by mean and variance.

use super::bytes::array;
use super::isa::{Isa, Kernel};
use super::shape::Dim;
use super::sum::mean_and_variance;

/// Each head by itself as [`LayerNorm`](super::layer_norm::LayerNorm) without a bias, each with a gain
/// of its own: of queries and keys (Dehghani et al., "Scaling Vision Transformers to 22 Billion
/// Parameters", 2023).
pub struct HeadLayerNorm<'a, H: Dim, D: Dim> {
    /// `[heads][head_dim]`, in place.
    pub x: &'a mut [f32],
    /// As many little-endian f32.
    pub gain: &'a [u8],
    /// Added to the variance.
    pub eps: f32,
    /// Number of heads.
    pub heads: H,
    /// Elements of a head.
    pub head_dim: D,
}

impl<H: Dim, D: Dim> Kernel for HeadLayerNorm<'_, H, D> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let head_dim = self.head_dim.get();
        let len = self.heads.get() * head_dim;
        let heads = self.x[..len].chunks_exact_mut(head_dim);
        for (head, gain) in heads.zip(self.gain[..4 * len].chunks_exact(4 * head_dim)) {
            let (mean, variance) = mean_and_variance(isa, head);
            let (means, mut scales) = (isa.splat(mean), [0.0; 8]);
            let scale = isa.div(isa.splat(1.0), isa.sqrt(isa.splat(variance + self.eps)));
            isa.store(scale, &mut scales);
            let ((chunks, tail), (gain, gain_tail)) = (head.as_chunks_mut(), gain.as_chunks());
            for (x, gain) in chunks.iter_mut().zip(gain) {
                let v = isa.mul(isa.sub(isa.load(x), means), scale);
                isa.store(isa.mul(v, isa.load_bytes(gain)), x);
            }
            for (i, x) in tail.iter_mut().enumerate() {
                *x = (*x - mean) * scales[0] * f32::from_le_bytes(*array(gain_tail, 4 * i));
            }
        }
    }
}
