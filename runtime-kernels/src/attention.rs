//! Attention of tokens to those before them.

use core::ops::Range;

use super::exp::exp;
use super::isa::{Isa, Kernel};
use super::shape::{Dim, GROUP};

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
    /// `[context / 8][head_dim][8]`: a lane is a position. `head_dim` is padded to a multiple of 8.
    pub keys: &'a [f32],
    /// `[head_dim / 8][context][8]`: a lane is an element of the head.
    pub values: &'a [f32],
    /// Positions that keys and values have room for, a multiple of 8.
    pub context: usize,
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
pub const ROWS: usize = 8;

impl<D: Dim, G: Dim> Kernel for Attention<'_, D, G> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(mut self, isa: I) {
        let mut row = self.rows.start;
        while row < self.rows.end {
            row += match self.rows.end - row {
                1 => self.tile::<I, 1>(isa, row),
                2 => self.tile::<I, 2>(isa, row),
                3 => self.tile::<I, 3>(isa, row),
                4..ROWS => self.tile::<I, 4>(isa, row),
                _ => self.tile::<I, ROWS>(isa, row),
            };
        }
    }
}

impl<D: Dim, G: Dim> Attention<'_, D, G> {
    /// `R` rows from `row` on; gives their number.
    #[inline(always)]
    fn tile<I: Isa, const R: usize>(&mut self, isa: I, row: usize) -> usize {
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
            block: head_dim.next_multiple_of(GROUP) * GROUP,
            scale: self.scale,
        };
        keys.score(isa, queries, scores);

        let mut factors = [0.0; R];
        for ((scores, factor), sees) in scores.chunks_exact_mut(span).zip(&mut factors).zip(sees) {
            let scores = &mut scores[..sees.next_multiple_of(GROUP)];
            *factor = 1.0 / isa.run(Exponentials { scores, sees });
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
            column: self.context * GROUP,
            weights,
            factors,
            out: self.out,
            starts: places.map(|place| at(place) - first),
            head_dim,
        };
        values.weigh(isa);
        R
    }
}

struct Keys<'a> {
    keys: &'a [f32],
    /// Floats of eight positions.
    block: usize,
    scale: f32,
}

impl Keys<'_> {
    /// `scores[row][position]` = (the chain over `d` of `query[d] * key[d]`) × `scale`, in whole
    /// eights of positions.
    #[inline(always)]
    fn score<I: Isa, const R: usize>(&self, isa: I, queries: [&[f32]; R], scores: &mut [f32]) {
        // So many chains hide each other's latency.
        match R {
            ROWS => self.streams::<I, R, 1>(isa, queries, scores),
            3 | 4 => self.streams::<I, R, 2>(isa, queries, scores),
            _ => self.streams::<I, R, 4>(isa, queries, scores),
        }
    }

    /// `N` blocks at a time, each from another part: memory is read fastest in few long streams.
    #[inline(always)]
    fn streams<I: Isa, const R: usize, const N: usize>(
        &self,
        isa: I,
        queries: [&[f32]; R],
        scores: &mut [f32],
    ) {
        let blocks = scores.len() / R / GROUP;
        let length = blocks / N;
        for block in 0..length {
            let blocks = core::array::from_fn(|n| block + n * length);
            self.blocks::<I, R, N>(isa, queries, blocks, scores);
        }
        for block in N * length..blocks {
            self.blocks::<I, R, 1>(isa, queries, [block], scores);
        }
    }

    #[inline(always)]
    fn blocks<I: Isa, const R: usize, const N: usize>(
        &self,
        isa: I,
        queries: [&[f32]; R],
        blocks: [usize; N],
        scores: &mut [f32],
    ) {
        let keys = blocks.map(|block| &self.keys[block * self.block..][..self.block]);
        let mut sums = [[isa.splat(0.0); N]; R];
        #[allow(
            clippy::needless_range_loop,
            reason = "queries are indexed by two variables"
        )]
        for d in 0..queries[0].len() {
            let keys = keys.map(|keys| isa.load(&keys.as_chunks().0[d]));
            for r in 0..R {
                let query = isa.splat(queries[r][d]);
                for n in 0..N {
                    sums[r][n] = isa.add_product(sums[r][n], query, keys[n]);
                }
            }
        }
        let span = scores.len() / R;
        for (scores, sums) in scores.chunks_exact_mut(span).zip(sums) {
            let (scores, _) = scores.as_chunks_mut();
            for (block, sum) in blocks.into_iter().zip(sums) {
                isa.store(isa.mul(sum, isa.splat(self.scale)), &mut scores[block]);
            }
        }
    }
}

/// Replaces each score by `e^(score - max)`, and returns their sum. The first `sees` count: the
/// others become weights so small that a sum of 1 and more does not feel them. A kernel of its
/// own, so that it is compiled once and not for each number of rows.
struct Exponentials<'a> {
    scores: &'a mut [f32],
    sees: usize,
}

impl Kernel for Exponentials<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) -> f32 {
        self.scores[self.sees..].fill(f32::NEG_INFINITY);
        let (vectors, _) = self.scores.as_chunks_mut();
        let mut max = isa.splat(f32::NEG_INFINITY);
        for scores in vectors.iter() {
            max = isa.max(isa.load(scores), max);
        }
        let mut lanes = [0.0; 8];
        isa.store(max, &mut lanes);
        let greater = |a, b| if b > a { b } else { a };
        let max = isa.splat(lanes.into_iter().fold(f32::NEG_INFINITY, greater));
        let mut sum = isa.splat(0.0);
        for scores in vectors {
            let e = exp(isa, isa.sub(isa.load(scores), max));
            sum = isa.add(sum, e);
            isa.store(e, scores);
        }
        isa.fold(sum)
    }
}

struct Values<'a, const R: usize> {
    values: &'a [f32],
    /// Floats of eight elements of all positions.
    column: usize,
    /// Each row's weights of the positions that it sees; a later row sees no fewer.
    weights: [&'a [f32]; R],
    factors: [f32; R],
    out: &'a mut [f32],
    /// Each row's place in `out`.
    starts: [usize; R],
    head_dim: usize,
}

impl<const R: usize> Values<'_, R> {
    /// `out[row][d]` = (the chain over positions of `weight * value[d]`) × `factor`.
    #[inline(always)]
    fn weigh<I: Isa>(&mut self, isa: I) {
        // So many chains hide each other's latency.
        match R {
            ROWS => self.streams::<I, 1>(isa),
            3 | 4 => self.streams::<I, 2>(isa),
            _ => self.streams::<I, 4>(isa),
        }
    }

    /// `N` columns at a time.
    #[inline(always)]
    fn streams<I: Isa, const N: usize>(&mut self, isa: I) {
        let columns = self.head_dim.div_ceil(GROUP);
        let mut column = 0;
        while column + N <= columns {
            self.columns::<I, N>(isa, column);
            column += N;
        }
        for column in column..columns {
            self.columns::<I, 1>(isa, column);
        }
    }

    #[inline(always)]
    fn columns<I: Isa, const N: usize>(&mut self, isa: I, column: usize) {
        let mut values: [&[[f32; GROUP]]; N] = [&[]; N];
        for (n, values) in values.iter_mut().enumerate() {
            let (column, _) = self.values[(column + n) * self.column..][..self.column].as_chunks();
            *values = &column[..self.weights[R - 1].len()];
        }
        let mut sums = [[isa.splat(0.0); N]; R];
        let all_see = self.weights[0].len();
        let weights = self.weights.map(|weights| &weights[..all_see]);
        let common = values.map(|values| &values[..all_see]);
        for t in 0..all_see {
            let values = common.map(|values| isa.load(&values[t]));
            for r in 0..R {
                let weight = isa.splat(weights[r][t]);
                for n in 0..N {
                    sums[r][n] = isa.add_product(sums[r][n], weight, values[n]);
                }
            }
        }
        for (r, sums) in sums.iter_mut().enumerate() {
            for (t, &weight) in self.weights[r].iter().enumerate().skip(all_see) {
                let weight = isa.splat(weight);
                for n in 0..N {
                    sums[n] = isa.add_product(sums[n], weight, isa.load(&values[n][t]));
                }
            }
            let out = &mut self.out[self.starts[r]..][..self.head_dim];
            for (out, sum) in out[column * GROUP..].chunks_mut(GROUP).zip(sums) {
                let sum = isa.mul(*sum, isa.splat(self.factors[r]));
                match out.first_chunk_mut() {
                    Some(out) => isa.store(sum, out),
                    None => {
                        let mut lanes = [0.0; GROUP];
                        isa.store(sum, &mut lanes);
                        out.copy_from_slice(&lanes[..out.len()]);
                    }
                }
            }
        }
    }
}
