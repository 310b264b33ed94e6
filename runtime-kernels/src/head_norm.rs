//! Normalization of heads.

use super::bytes::array;
use super::isa::{Isa, Kernel};
use super::shape::Dim;
use super::sum::sum_of_products;

/// Each head by itself as [`RmsNorm`](super::rms_norm::RmsNorm), with one gain for all: of queries and
/// keys (Henry et al., "Query-Key Normalization for Transformers", 2020).
pub struct HeadNorm<'a, H: Dim, D: Dim> {
    /// `[heads][head_dim]`, in place.
    pub x: &'a mut [f32],
    /// `head_dim` little-endian f32.
    pub gain: &'a [u8],
    /// Added to the mean.
    pub eps: f32,
    /// Number of heads.
    pub heads: H,
    /// Elements of a head.
    pub head_dim: D,
}

impl<H: Dim, D: Dim> Kernel for HeadNorm<'_, H, D> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let head_dim = self.head_dim.get();
        let (gain, gain_tail) = self.gain[..4 * head_dim].as_chunks();
        for head in self.x[..self.heads.get() * head_dim].chunks_exact_mut(head_dim) {
            let mean = sum_of_products(isa, head, head) / head_dim as f32;
            let mut scales = [0.0; 8];
            let scale = isa.div(isa.splat(1.0), isa.sqrt(isa.splat(mean + self.eps)));
            isa.store(scale, &mut scales);
            let (chunks, tail) = head.as_chunks_mut();
            for (x, gain) in chunks.iter_mut().zip(gain) {
                let v = isa.mul(isa.mul(isa.load(x), scale), isa.load_bytes(gain));
                isa.store(v, x);
            }
            for (i, x) in tail.iter_mut().enumerate() {
                *x = *x * scales[0] * f32::from_le_bytes(*array(gain_tail, 4 * i));
            }
        }
    }
}
