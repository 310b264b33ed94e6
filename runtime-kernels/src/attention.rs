//! Attention of one token to those before it.

use super::exp::exp;
use super::isa::{Isa, Kernel};
use super::shape::Dim;
use super::sum::{padded, sum_of_products};

/// Causal attention of one token, for a range of its heads: softmax(q · K * scale) · V, with
/// grouped queries (Ainslie et al., "GQA", 2023).
pub struct Attention<'a, D: Dim, G: Dim> {
    /// `[heads][head_dim]`: the queries of this range of heads.
    pub q: &'a [f32],
    /// `[positions][kv_stride]`: keys, all heads of a position side by side.
    pub keys: &'a [f32],
    /// `[positions][kv_stride]`: values, likewise.
    pub values: &'a [f32],
    /// Distance of positions in `keys` and `values`.
    pub kv_stride: usize,
    /// Positions that the token sees, itself included; not 0.
    pub positions: usize,
    /// Elements of a head.
    pub head_dim: D,
    /// Query heads that share a key and value head.
    pub heads_per_kv: G,
    /// Number, among all query heads, of the first in `q`.
    pub first_head: usize,
    /// Factor of the scores: 1 / sqrt(head_dim), unless the model says otherwise.
    pub scale: f32,
    /// Scratch memory, at least `positions` long.
    pub scores: &'a mut [f32],
    /// `[heads][head_dim]`.
    pub out: &'a mut [f32],
}

impl<D: Dim, G: Dim> Kernel for Attention<'_, D, G> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let head_dim = self.head_dim.get();
        debug_assert!(self.q.len() == self.out.len() && self.q.len().is_multiple_of(head_dim));
        let scores = &mut self.scores[..self.positions];
        let heads = self
            .q
            .chunks_exact(head_dim)
            .zip(self.out.chunks_exact_mut(head_dim));
        for (head, (q, out)) in (self.first_head..).zip(heads) {
            let at = head / self.heads_per_kv.get() * head_dim;
            for (t, score) in scores.iter_mut().enumerate() {
                let k = &self.keys[t * self.kv_stride + at..][..head_dim];
                *score = sum_of_products(isa, q, k) * self.scale;
            }
            let factor = 1.0 / exponentials(isa, scores);
            let values = Values {
                values: self.values,
                stride: self.kv_stride,
            };
            values.weigh(isa, scores, factor, at, out);
        }
    }
}

/// Replaces each score by `e^(score - max)`, and returns their sum.
#[inline(always)]
fn exponentials<I: Isa>(isa: I, scores: &mut [f32]) -> f32 {
    let mut max = f32::NEG_INFINITY;
    for &score in scores.iter() {
        max = if score > max { score } else { max };
    }
    let max = isa.splat(max);
    let mut sum = isa.splat(0.0);
    let (vectors, tail) = scores.as_chunks_mut();
    for scores in vectors {
        let e = exp(isa, isa.sub(isa.load(scores), max));
        sum = isa.add(sum, e);
        isa.store(e, scores);
    }
    if !tail.is_empty() {
        let mut lanes = [0.0; 8];
        isa.store(exp(isa, isa.sub(isa.load(&padded(tail)), max)), &mut lanes);
        for (score, lane) in tail.iter_mut().zip(lanes) {
            *score = lane;
        }
        sum = isa.add(sum, isa.load(&padded(tail)));
    }
    isa.fold(sum)
}

struct Values<'a> {
    values: &'a [f32],
    stride: usize,
}

impl Values<'_> {
    /// `out[d]` = (the chain over positions of `weight * value[at + d]`) × `factor`.
    #[inline(always)]
    fn weigh<I: Isa>(&self, isa: I, weights: &[f32], factor: f32, at: usize, out: &mut [f32]) {
        // Four chains at once hide each other's latency.
        let (quads, rest) = out.as_chunks_mut::<32>();
        let mut d = at;
        for out in quads {
            self.columns::<I, 4>(isa, weights, factor, d, out.as_chunks_mut().0);
            d += 32;
        }
        let (vectors, tail) = rest.as_chunks_mut::<8>();
        for out in vectors {
            self.columns::<I, 1>(isa, weights, factor, d, core::slice::from_mut(out));
            d += 8;
        }
        for out in tail {
            let mut sum = 0.0;
            for (t, weight) in weights.iter().enumerate() {
                sum += weight * self.values[t * self.stride + d];
            }
            *out = sum * factor;
            d += 1;
        }
    }

    #[inline(always)]
    fn columns<I: Isa, const N: usize>(
        &self,
        isa: I,
        weights: &[f32],
        factor: f32,
        d: usize,
        out: &mut [[f32; 8]],
    ) {
        let mut sums = [isa.splat(0.0); N];
        for (t, &weight) in weights.iter().enumerate() {
            let (values, _) = self.values[t * self.stride + d..][..8 * N].as_chunks();
            let weight = isa.splat(weight);
            for (sum, v) in sums.iter_mut().zip(values) {
                *sum = isa.add(*sum, isa.mul(weight, isa.load(v)));
            }
        }
        for (sum, out) in sums.into_iter().zip(out) {
            isa.store(isa.mul(sum, isa.splat(factor)), out);
        }
    }
}
