//! Attention of tokens to those before them.

use core::ops::Range;

use super::exp::exp;
use super::isa::{Isa, Kernel};
use super::shape::{Dim, GROUP};
use super::sum::padded;

/// Causal attention of the query heads that share one key and value head: softmax(q · K * scale)
/// · V, with grouped queries (Ainslie et al., "GQA", 2023).
///
/// A row is one head of one token: row `r` is head `r % heads_per_kv` of token
/// `r / heads_per_kv`. Rows share the loads of keys and values; each row's sums have one order,
/// so a row's result does not depend on the rows beside it.
pub struct Attention<'a, D: Dim, G: Dim> {
    /// `[tokens][query_stride]`, the queries of this key head first.
    pub queries: &'a [f32],
    /// Distance of tokens in `queries`.
    pub query_stride: usize,
    /// The rows to compute.
    pub rows: Range<usize>,
    /// Position of the first token: it sees so many positions, and itself.
    pub position: usize,
    /// `[positions / 8][kv_stride][8]`, from this head's first element on: a lane is a position.
    pub keys: &'a [f32],
    /// `[positions][kv_stride]`, from this head's first element on.
    pub values: &'a [f32],
    /// Floats of one position's keys, or values, of all heads.
    pub kv_stride: usize,
    /// Elements of a head.
    pub head_dim: D,
    /// Query heads that share a key and value head.
    pub heads_per_kv: G,
    /// Factor of the scores: 1 / sqrt(head_dim), unless the model says otherwise.
    pub scale: f32,
    /// Scratch memory: the positions of the last row, in whole eights, for each of
    /// [`ROWS`] rows or as many as there are.
    pub scores: &'a mut [f32],
    /// `[tokens][out_stride]`, the heads of a token first; from the first row on.
    pub out: &'a mut [f32],
    /// Distance of tokens in `out`.
    pub out_stride: usize,
}

/// Rows that share a load of keys and values, at most; bounded by the registers.
pub const ROWS: usize = 4;

impl<D: Dim, G: Dim> Kernel for Attention<'_, D, G> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(mut self, isa: I) {
        let mut row = self.rows.start;
        while row < self.rows.end {
            match self.rows.end - row {
                1 => self.tile::<I, 1>(isa, row),
                2 => self.tile::<I, 2>(isa, row),
                3 => self.tile::<I, 3>(isa, row),
                _ => self.tile::<I, ROWS>(isa, row),
            }
            row += ROWS;
        }
    }
}

impl<D: Dim, G: Dim> Attention<'_, D, G> {
    /// `R` rows from `row` on.
    #[inline(always)]
    fn tile<I: Isa, const R: usize>(&mut self, isa: I, row: usize) {
        let (head_dim, heads) = (self.head_dim.get(), self.heads_per_kv.get());
        let places: [(usize, usize); R] =
            core::array::from_fn(|r| ((row + r) / heads, (row + r) % heads));
        let sees = places.map(|(token, _)| self.position + token + 1);
        let span = sees[R - 1].next_multiple_of(GROUP);

        let queries = places
            .map(|(token, head)| &self.queries[token * self.query_stride + head * head_dim..]);
        let queries: [&[f32]; R] = queries.map(|query| &query[..head_dim]);
        let scores = &mut self.scores[..R * span];
        let keys = Keys {
            keys: self.keys,
            block: self.kv_stride * GROUP,
            head: head_dim * GROUP,
            scale: self.scale,
        };
        keys.score(isa, queries, scores);

        let mut factors = [0.0; R];
        for ((scores, factor), sees) in scores.chunks_exact_mut(span).zip(&mut factors).zip(sees) {
            *factor = 1.0 / exponentials(isa, &mut scores[..sees]);
        }

        let mut weights: [&[f32]; R] = [&[]; R];
        for ((weights, scores), sees) in weights.iter_mut().zip(scores.chunks_exact(span)).zip(sees)
        {
            *weights = &scores[..sees];
        }
        let at = |(token, head)| token * self.out_stride + head * head_dim;
        let first = at((self.rows.start / heads, self.rows.start % heads));
        let mut values = Values {
            values: self.values,
            stride: self.kv_stride,
            weights,
            factors,
            out: self.out,
            starts: places.map(|place| at(place) - first),
        };
        values.weigh(isa, head_dim);
    }
}

struct Keys<'a> {
    keys: &'a [f32],
    /// Floats of eight positions: of all heads, and of one.
    block: usize,
    head: usize,
    scale: f32,
}

impl Keys<'_> {
    /// `scores[row][position]` = (the chain over `d` of `query[d] * key[d]`) × `scale`, in whole
    /// eights of positions.
    #[inline(always)]
    fn score<I: Isa, const R: usize>(&self, isa: I, queries: [&[f32]; R], scores: &mut [f32]) {
        let span = scores.len() / R;
        let blocks = span / GROUP;
        let mut block = 0;
        // So many chains hide each other's latency.
        if R > 2 {
            while block + 2 <= blocks {
                self.blocks::<I, R, 2>(isa, queries, block, scores);
                block += 2;
            }
        } else {
            while block + 4 <= blocks {
                self.blocks::<I, R, 4>(isa, queries, block, scores);
                block += 4;
            }
        }
        while block < blocks {
            self.blocks::<I, R, 1>(isa, queries, block, scores);
            block += 1;
        }
    }

    #[inline(always)]
    fn blocks<I: Isa, const R: usize, const N: usize>(
        &self,
        isa: I,
        queries: [&[f32]; R],
        block: usize,
        scores: &mut [f32],
    ) {
        let mut keys: [&[[f32; 8]]; N] = [&[]; N];
        for (n, keys) in keys.iter_mut().enumerate() {
            *keys = self.keys[(block + n) * self.block..][..self.head]
                .as_chunks()
                .0;
        }
        let mut sums = [[isa.splat(0.0); N]; R];
        for d in 0..self.head / GROUP {
            let keys = keys.map(|keys| isa.load(&keys[d]));
            for r in 0..R {
                let query = isa.splat(queries[r][d]);
                for n in 0..N {
                    sums[r][n] = isa.add(sums[r][n], isa.mul(query, keys[n]));
                }
            }
        }
        let span = scores.len() / R;
        for (scores, sums) in scores.chunks_exact_mut(span).zip(sums) {
            let (scores, _) = scores[block * GROUP..].as_chunks_mut();
            for (score, sum) in scores.iter_mut().zip(sums) {
                isa.store(isa.mul(sum, isa.splat(self.scale)), score);
            }
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

struct Values<'a, const R: usize> {
    values: &'a [f32],
    stride: usize,
    /// Each row's weights of the positions that it sees; a later row sees no fewer.
    weights: [&'a [f32]; R],
    factors: [f32; R],
    out: &'a mut [f32],
    /// Each row's place in `out`.
    starts: [usize; R],
}

impl<const R: usize> Values<'_, R> {
    /// `out[row][d]` = (the chain over positions of `weight * value[d]`) × `factor`.
    #[inline(always)]
    fn weigh<I: Isa>(&mut self, isa: I, head_dim: usize) {
        let mut d = 0;
        // So many chains hide each other's latency.
        if R > 2 {
            while d + 2 * GROUP <= head_dim {
                self.columns::<I, 2>(isa, d);
                d += 2 * GROUP;
            }
        } else {
            while d + 4 * GROUP <= head_dim {
                self.columns::<I, 4>(isa, d);
                d += 4 * GROUP;
            }
        }
        while d + GROUP <= head_dim {
            self.columns::<I, 1>(isa, d);
            d += GROUP;
        }
        for d in d..head_dim {
            for r in 0..R {
                let mut sum = 0.0;
                for (t, weight) in self.weights[r].iter().enumerate() {
                    sum += weight * self.values[t * self.stride + d];
                }
                self.out[self.starts[r] + d] = sum * self.factors[r];
            }
        }
    }

    /// `N` vectors from `d` on.
    #[inline(always)]
    fn columns<I: Isa, const N: usize>(&mut self, isa: I, d: usize) {
        let load = |t: usize| -> [I::F32x8; N] {
            let (values, _) = self.values[t * self.stride + d..][..N * GROUP].as_chunks();
            core::array::from_fn(|n| isa.load(&values[n]))
        };
        let mut sums = [[isa.splat(0.0); N]; R];
        let all_see = self.weights[0].len();
        let weights = self.weights.map(|weights| &weights[..all_see]);
        for t in 0..all_see {
            let values = load(t);
            for r in 0..R {
                let weight = isa.splat(weights[r][t]);
                for n in 0..N {
                    sums[r][n] = isa.add(sums[r][n], isa.mul(weight, values[n]));
                }
            }
        }
        for r in 0..R {
            for t in all_see..self.weights[r].len() {
                let (weight, values) = (isa.splat(self.weights[r][t]), load(t));
                for n in 0..N {
                    sums[r][n] = isa.add(sums[r][n], isa.mul(weight, values[n]));
                }
            }
            let (out, _) = self.out[self.starts[r] + d..][..N * GROUP].as_chunks_mut();
            for (out, sum) in out.iter_mut().zip(sums[r]) {
                isa.store(isa.mul(sum, isa.splat(self.factors[r])), out);
            }
        }
    }
}
