//! Attention of tokens to those before them.

use core::array::from_mut;
use core::marker::PhantomData;
use core::ops::Range;

use super::cache::{Cache, padded_head_words};
use super::exp::exp;
use super::isa::{Isa, Kernel};
use super::map::map;
use super::shape::{Dim, GROUP, Window};
use super::tanh::soft_cap;

/// Causal attention of the query heads that share one key and value head: softmax(q · K * scale)
/// · V, with grouped queries (Ainslie et al., "GQA", 2023).
///
/// A row is one head of one token: row `r` is head `r % heads_per_kv` of token
/// `r / heads_per_kv`. Rows share the loads of keys and values; each row's sums have one order,
/// so a row's result does not depend on the rows beside it.
pub struct Attention<'a, C: Cache, D: Dim, G: Dim, W: Window> {
    /// How keys and values lie in memory.
    pub cache: PhantomData<C>,
    /// `[tokens][query_stride]`, the queries of this key head first.
    pub queries: &'a [f32],
    /// Distance of tokens in `queries`.
    pub query_stride: usize,
    /// The rows to compute.
    pub rows: Range<usize>,
    /// Position of the first token: it sees so many positions, and itself.
    pub position: usize,
    /// Which positions a token sees.
    pub window: W,
    /// Of `context` positions, as the [cache](Cache) has them: position `p` lies at `p % context`.
    pub keys: &'a [f32],
    /// Of `context` positions.
    pub values: &'a [f32],
    /// Positions that keys and values have room for, a multiple of 8: all that the rows see.
    pub context: usize,
    /// Elements of a head.
    pub head_dim: D,
    /// Query heads that share a key and value head.
    pub heads_per_kv: G,
    /// Factor of the scores: 1 / sqrt(head_dim), unless the model says otherwise.
    pub scale: f32,
    /// What no score exceeds, as `cap * tanh(score / cap)`.
    pub cap: Option<f32>,
    /// Scratch memory: [`attention_span`] floats for each of [`ROWS`] rows or as many as there are.
    pub scores: &'a mut [f32],
    /// `[tokens][out_stride]`, the heads of a token first; from the first row on.
    pub out: &'a mut [f32],
    /// Distance of tokens in `out`.
    pub out_stride: usize,
}

/// Rows that share a load of keys and values, at most; bounded by the registers.
pub const ROWS: usize = 8;

/// Positions that rows computed together see, in whole eights, when the last sees those before `end`.
#[inline(always)]
pub const fn attention_span(end: usize, window: Option<usize>) -> usize {
    let all = end.next_multiple_of(GROUP);
    match window {
        // Each row's first position is one further, and may lie anywhere in its eight.
        Some(window) => {
            let some = (window + ROWS - 1 + GROUP - 1).next_multiple_of(GROUP);
            if some < all { some } else { all }
        }
        None => all,
    }
}

impl<C: Cache, D: Dim, G: Dim, W: Window> Kernel for Attention<'_, C, D, G, W> {
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

impl<C: Cache, D: Dim, G: Dim, W: Window> Attention<'_, C, D, G, W> {
    /// `R` rows from `row` on; gives their number.
    #[inline(always)]
    fn tile<I: Isa, const R: usize>(&mut self, isa: I, row: usize) -> usize {
        let (head_dim, heads) = (self.head_dim.get(), self.heads_per_kv.get());
        let places: [(usize, usize); R] =
            core::array::from_fn(|r| ((row + r) / heads, (row + r) % heads));
        let sees = map(places, |(token, _)| self.position + token + 1);
        let window = self.window.get();
        let first = map(sees, |sees| match window {
            Some(window) => sees.saturating_sub(window),
            None => 0,
        });
        // Blocks are those of the positions, wherever the oldest lies in its own.
        let base = first[0] / GROUP * GROUP;
        let span = sees[R - 1].next_multiple_of(GROUP) - base;
        let ring = Ring {
            start: if base < self.context {
                base
            } else {
                base % self.context
            },
            size: window.map(|_| self.context),
        };

        let queries = map(places, |(token, head)| {
            &self.queries[token * self.query_stride + head * head_dim..]
        });
        let queries = map(queries, |query| C::query(isa, &query[..head_dim]));
        let scores = &mut self.scores[..R * span];
        let block = padded_head_words::<C>(head_dim) * GROUP;
        let mut at = 0;
        while at < span {
            let (place, end) = ring.run(at, span);
            let keys = Keys {
                keys: &self.keys[place / GROUP * block..],
                block,
                scale: self.scale,
                first: at / GROUP,
                blocks: (end - at) / GROUP,
            };
            keys.score::<C, I, R>(isa, &queries, scores);
            at = end;
        }

        let column = self.context * C::COLUMN;
        let scales = &self.values[head_dim.div_ceil(GROUP) * column..];
        let mut factors = [0.0; R];
        let mut weights: [&[f32]; R] = [&[]; R];
        let rows = scores.chunks_exact_mut(span).zip(&mut factors);
        for (((scores, factor), weights), (&first, &sees)) in
            rows.zip(&mut weights).zip(first.iter().zip(&sees))
        {
            let (first, sees) = (first - base, sees - base);
            let begin = first / GROUP * GROUP;
            let seen = &mut scores[begin..sees.next_multiple_of(GROUP)];
            *factor = 1.0
                / isa.run(Exponentials {
                    scores: &mut *seen,
                    cap: self.cap,
                    sees: first - begin..sees - begin,
                });
            if C::SCALES > 0 {
                let (mut at, to) = (begin, begin + seen.len());
                while at < to {
                    let (place, end) = ring.run(at, to);
                    multiply(isa, &mut seen[at - begin..end - begin], &scales[place..]);
                    at = end;
                }
            }
            *weights = &scores[..sees];
        }

        let at = |(token, head)| token * self.out_stride + head * head_dim;
        let start = at((self.rows.start / heads, self.rows.start % heads));
        let mut values = Values {
            values: self.values,
            column,
            ring,
            first: map(first, |first| first - base),
            weights,
            factors,
            out: self.out,
            starts: map(places, |place| at(place) - start),
            head_dim,
        };
        values.weigh::<C, I>(isa);
        R
    }
}

/// Where positions lie that are counted from the first of some block.
#[derive(Clone, Copy)]
struct Ring {
    /// The place of the first.
    start: usize,
    /// Places; what lies before their end, if `None`.
    size: Option<usize>,
}

impl Ring {
    /// The place of a position, of which there are less than twice as many as places.
    #[inline(always)]
    fn place(self, position: usize) -> usize {
        let place = self.start + position;
        match self.size {
            Some(size) if place >= size => place - size,
            _ => place,
        }
    }

    /// The place of a position, and the end of those from there on that lie side by side, up to
    /// `to`.
    #[inline(always)]
    fn run(self, from: usize, to: usize) -> (usize, usize) {
        let place = self.place(from);
        match self.size {
            Some(size) if place + (to - from) > size => (place, from + (size - place)),
            _ => (place, to),
        }
    }
}

struct Keys<'a> {
    /// From the first block on.
    keys: &'a [f32],
    /// Words of eight positions.
    block: usize,
    scale: f32,
    /// The first block of the scores.
    first: usize,
    /// How many.
    blocks: usize,
}

impl Keys<'_> {
    /// `scores[row][position]` = `query · key` × `scale`, in whole eights of positions.
    #[inline(always)]
    fn score<C: Cache, I: Isa, const R: usize>(
        &self,
        isa: I,
        queries: &[C::Query<'_>; R],
        scores: &mut [f32],
    ) {
        // So many chains hide each other's latency.
        match R {
            ROWS => self.streams::<C, I, R, 1>(isa, queries, scores),
            3 | 4 => self.streams::<C, I, R, 2>(isa, queries, scores),
            _ => self.streams::<C, I, R, 4>(isa, queries, scores),
        }
    }

    /// `N` blocks at a time, each from another part: memory is read fastest in few long streams.
    #[inline(always)]
    fn streams<C: Cache, I: Isa, const R: usize, const N: usize>(
        &self,
        isa: I,
        queries: &[C::Query<'_>; R],
        scores: &mut [f32],
    ) {
        let length = self.blocks / N;
        for block in 0..length {
            let blocks = core::array::from_fn(|n| block + n * length);
            self.blocks::<C, I, R, N>(isa, queries, blocks, scores);
        }
        for block in N * length..self.blocks {
            self.blocks::<C, I, R, 1>(isa, queries, [block], scores);
        }
    }

    #[inline(always)]
    fn blocks<C: Cache, I: Isa, const R: usize, const N: usize>(
        &self,
        isa: I,
        queries: &[C::Query<'_>; R],
        blocks: [usize; N],
        scores: &mut [f32],
    ) {
        let keys = map(blocks, |block| {
            &self.keys[block * self.block..][..self.block]
        });
        let sums = C::dots(isa, queries, keys);
        let span = scores.len() / R;
        for (scores, sums) in scores.chunks_exact_mut(span).zip(sums) {
            let (scores, _) = scores.as_chunks_mut();
            for (block, sum) in blocks.into_iter().zip(sums) {
                let scores = &mut scores[self.first + block];
                isa.store(isa.mul(sum, isa.splat(self.scale)), scores);
            }
        }
    }
}

/// Replaces each score, bounded by the cap, by `e^(score - max)`, and returns their sum. Those in `sees` count: the
/// others become weights so small that a sum of 1 and more does not feel them. A kernel of its
/// own, so that it is compiled once and not for each number of rows.
struct Exponentials<'a> {
    scores: &'a mut [f32],
    cap: Option<f32>,
    sees: Range<usize>,
}

impl Kernel for Exponentials<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) -> f32 {
        if let Some(cap) = self.cap {
            soft_cap(isa, self.scores, cap);
        }
        self.scores[..self.sees.start].fill(f32::NEG_INFINITY);
        self.scores[self.sees.end..].fill(f32::NEG_INFINITY);
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

/// `x *= y`, as far as `x` goes, in whole eights.
#[inline(always)]
fn multiply<I: Isa>(isa: I, x: &mut [f32], y: &[f32]) {
    let y = &y[..x.len()];
    for (x, y) in x.as_chunks_mut().0.iter_mut().zip(y.as_chunks().0) {
        isa.store(isa.mul(isa.load(x), isa.load(y)), x);
    }
}

struct Values<'a, const R: usize> {
    values: &'a [f32],
    /// Words of eight elements of all positions.
    column: usize,
    ring: Ring,
    /// The first position that each row sees; a later row's is no earlier.
    first: [usize; R],
    /// Each row's weights of the positions up to the last that it sees; a later row's is no earlier.
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
    fn weigh<C: Cache, I: Isa>(&mut self, isa: I) {
        // So many chains hide each other's latency.
        match R {
            ROWS => self.streams::<C, I, 1>(isa),
            3 | 4 => self.streams::<C, I, 2>(isa),
            _ => self.streams::<C, I, 4>(isa),
        }
    }

    /// `N` columns at a time.
    #[inline(always)]
    fn streams<C: Cache, I: Isa, const N: usize>(&mut self, isa: I) {
        let columns = self.head_dim.div_ceil(GROUP);
        let mut column = 0;
        while column + N <= columns {
            self.columns::<C, I, N>(isa, column);
            column += N;
        }
        for column in column..columns {
            self.columns::<C, I, 1>(isa, column);
        }
    }

    #[inline(always)]
    fn columns<C: Cache, I: Isa, const N: usize>(&mut self, isa: I, column: usize) {
        let mut values: [&[C::Column]; N] = [&[]; N];
        for (n, values) in values.iter_mut().enumerate() {
            *values = C::columns(&self.values[(column + n) * self.column..][..self.column]);
        }
        // What all rows see, and what some see before and after it.
        let mut sums = [[isa.splat(0.0); N]; R];
        let from = self.first[R - 1];
        let to = self.weights[0].len().max(from);
        if self.first[0] < from {
            for (r, sums) in sums.iter_mut().enumerate() {
                let before = self.first[r]..from.min(self.weights[r].len());
                self.add::<C, I, N, 1>(isa, &values, [self.weights[r]], before, from_mut(sums));
            }
        }
        self.add::<C, I, N, R>(isa, &values, self.weights, from..to, &mut sums);
        if to < self.weights[R - 1].len() {
            for (r, sums) in sums.iter_mut().enumerate() {
                let after = to..self.weights[r].len();
                self.add::<C, I, N, 1>(isa, &values, [self.weights[r]], after, from_mut(sums));
            }
        }
        for (r, sums) in sums.iter().enumerate() {
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

    /// Goes on with the chains of `M` rows over some positions.
    #[inline(always)]
    fn add<C: Cache, I: Isa, const N: usize, const M: usize>(
        &self,
        isa: I,
        values: &[&[C::Column]; N],
        weights: [&[f32]; M],
        positions: Range<usize>,
        sums: &mut [[I::F32x8; N]; M],
    ) {
        let (mut at, to) = (positions.start, positions.end);
        while at < to {
            let (place, end) = self.ring.run(at, to);
            let len = end - at;
            let (mut weights, mut values) = (weights, *values);
            for weights in &mut weights {
                *weights = &weights[at..][..len];
            }
            for values in &mut values {
                *values = &values[place..][..len];
            }
            for t in 0..values[0].len() {
                let mut elements = [isa.splat(0.0); N];
                for n in 0..N {
                    elements[n] = C::elements(isa, &values[n][t]);
                }
                for m in 0..M {
                    let weight = isa.splat(weights[m][t]);
                    for n in 0..N {
                        sums[m][n] = isa.add_product(sums[m][n], weight, elements[n]);
                    }
                }
            }
            at = end;
        }
    }
}
