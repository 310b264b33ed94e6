//! The operations of a pass, over the tokens of a batch.
//!
//! Shapes are constants in a generated crate and values in the interpreter.

use core::iter::once;
use core::ops::Range;

use super::kernels::{
    Cache, Dim, Format, GROUP, Isa, Q8Block, Quantize, Window, head_words, padded_head_words,
};
use super::team::{Heads, HeadsBuffers, Operand, Product, Team};

/// Where a value lies in the arena: some floats of each token of a batch.
#[derive(Clone, Copy)]
pub struct Place {
    /// First float of the first token.
    pub start: usize,
    /// From a token to the next.
    pub stride: usize,
    /// Floats of a token.
    pub len: usize,
}

impl Place {
    /// The first token's floats, and `stride` from a token to the next.
    pub const fn new(first: Range<usize>, stride: usize) -> Self {
        Self {
            start: first.start,
            stride,
            len: first.end - first.start,
        }
    }

    /// A token's floats.
    #[inline(always)]
    pub const fn of(self, token: usize) -> Range<usize> {
        let start = self.start + token * self.stride;
        start..start + self.len
    }

    /// From the first float of the first token to the last of the last.
    #[inline(always)]
    const fn all(self, tokens: usize) -> Range<usize> {
        self.start..self.of(tokens - 1).end
    }
}

/// A position's row of a table.
#[inline(always)]
pub const fn row(table: &[u8], bytes: usize, position: usize) -> &[u8] {
    table.split_at(position * bytes).1.split_at(bytes).0
}

/// The attention's shapes.
#[derive(Clone, Copy)]
pub struct AttentionShape<D, G> {
    /// Query heads.
    pub heads: usize,
    /// Elements of a head.
    pub head_dim: D,
    /// Query heads that share a key and value head.
    pub heads_per_kv: G,
    /// Factor on `q · k`.
    pub scale: f32,
    /// What no score exceeds.
    pub cap: Option<f32>,
}

/// The shape of a layer's part of the KV cache, `[keys, values][head]`, in words: f32, or bits in its
/// place. Keys and values of a head lie as the [`Cache`] says, and are read from front to back.
#[derive(Clone, Copy)]
pub struct CacheShape<C> {
    /// What a word is.
    pub format: C,
    /// Positions that it has room for, a multiple of 8; where there are more, the youngest lie in
    /// the places of the oldest.
    pub positions: usize,
    /// A token sees no more than so many positions, itself and those before it.
    pub window: Option<usize>,
    /// Heads of keys, and of values.
    pub heads: usize,
    /// Elements of a head.
    pub head_dim: usize,
}

/// A layer's part of the KV cache.
#[derive(Clone, Copy)]
pub struct State<C> {
    /// Its shape.
    pub cache: CacheShape<C>,
    /// Its first word.
    pub start: usize,
}

impl<C: Cache> CacheShape<C> {
    /// Words of a layer's keys, or values.
    #[inline(always)]
    pub const fn half(self) -> usize {
        self.heads * self.head()
    }

    /// Words of a head's keys, or values; `head_dim` is padded to a multiple of 8.
    #[inline(always)]
    const fn head(self) -> usize {
        self.positions * padded_head_words::<C>(self.head_dim)
    }

    /// Words of a position's key, or value, of a head.
    #[inline(always)]
    pub const fn words(self) -> usize {
        head_words::<C>(self.head_dim)
    }

    /// Words of a position.
    #[inline(always)]
    pub const fn position_words(self) -> usize {
        2 * self.heads * self.words()
    }

    /// The number of a word with padding before the scale.
    #[inline(always)]
    const fn padded(self, word: usize) -> usize {
        if word < self.words() - C::SCALES {
            word
        } else {
            padded_head_words::<C>(self.head_dim) - 1
        }
    }

    /// The part of this shape that begins at `start`.
    pub const fn at(self, start: usize) -> State<C> {
        State { cache: self, start }
    }

    /// The place of a position.
    #[inline(always)]
    pub const fn place(self, position: usize) -> usize {
        position % self.positions
    }

    /// Whether tokens after the first `end` see a position.
    #[inline(always)]
    pub const fn is_seen(self, position: usize, end: usize) -> bool {
        match self.window {
            Some(window) => position + window > end,
            None => true,
        }
    }

    /// How many of the first `end` positions tokens after them see.
    pub const fn seen(self, end: usize) -> usize {
        match self.window {
            Some(window) if window <= end => window - 1,
            _ => end,
        }
    }

    /// Where, among the keys of a part, a word of the position at a place lies.
    #[inline(always)]
    pub const fn key(self, place: usize, head: usize, word: usize) -> usize {
        let block = place / GROUP * padded_head_words::<C>(self.head_dim);
        head * self.head() + (block + self.padded(word)) * GROUP + place % GROUP
    }

    /// The same for values.
    #[inline(always)]
    pub const fn value(self, place: usize, head: usize, word: usize) -> usize {
        let word = self.padded(word);
        let (column, at) = (word / C::COLUMN, word % C::COLUMN);
        let width = if column < self.head_dim.div_ceil(GROUP) {
            C::COLUMN
        } else {
            C::SCALES
        };
        let column = column * C::COLUMN * self.positions;
        head * self.head() + column + place * width + at
    }

    /// Whether the numbers among a position's words, which come head by head, are finite: all words,
    /// or the scales alone where the format has any and the others hold integers.
    pub fn are_finite(self, words: impl Iterator<Item = f32>) -> bool {
        let integers = if C::SCALES > 0 {
            self.words() - C::SCALES
        } else {
            0
        };
        let mut numbered = words.enumerate();
        numbered.all(|(at, word)| at % self.words() < integers || word.is_finite())
    }
}

impl<C: Cache> State<C> {
    /// Where the keys and the values start.
    #[inline(always)]
    pub const fn halves(self) -> (usize, usize) {
        (self.start, self.start + self.cache.half())
    }

    /// Where a position's words lie, key and value, head by head.
    pub fn words(self, position: usize) -> impl Iterator<Item = usize> {
        let cache = self.cache;
        let (keys, values) = self.halves();
        let place = cache.place(position);
        let words = move || {
            let heads = 0..cache.heads;
            heads.flat_map(move |head| (0..cache.words()).map(move |word| (head, word)))
        };
        let keys = words().map(move |(head, word)| keys + cache.key(place, head, word));
        let values = words().map(move |(head, word)| values + cache.value(place, head, word));
        keys.chain(values)
    }

    /// The ranges that hold the first `positions`, a multiple of 8, or the last of them for which
    /// there is room.
    pub fn beginning(self, positions: usize) -> impl Iterator<Item = Range<usize>> {
        let cache = self.cache;
        let positions = positions.min(cache.positions);
        let columns = cache.head_dim.div_ceil(GROUP);
        let head = move |keys: usize, values: usize| {
            let column = move |column: usize, words: usize| {
                let start = values + column * cache.positions * C::COLUMN;
                start..start + positions * words
            };
            once(keys..keys + positions * padded_head_words::<C>(cache.head_dim))
                .chain((0..columns).map(move |index| column(index, C::COLUMN)))
                .chain(once(column(columns, C::SCALES)))
        };
        let (keys, values) = self.halves();
        (0..cache.heads).flat_map(move |h| head(keys + h * cache.head(), values + h * cache.head()))
    }
}

/// The state of a pass.
pub struct Frame<'f, T> {
    /// Who computes; holds the KV cache.
    pub team: &'f mut T,
    /// The buffers.
    pub arena: &'f mut [f32],
    /// The quantized input of the next products, `[tokens][blocks]`.
    pub activations: &'f mut [Q8Block],
    /// Tokens.
    pub tokens: usize,
    /// Position of the first token.
    pub position: usize,
}

impl<'w, T: Team<'w>> Frame<'_, T> {
    /// The batch's floats of some places, none of which are of two.
    #[inline(always)]
    fn parts<const N: usize>(&mut self, ranges: [Range<usize>; N]) -> [&mut [f32]; N] {
        match self.arena.get_disjoint_mut(ranges) {
            Ok(parts) => parts,
            Err(_) => panic!("values overlap"),
        }
    }

    /// Runs a kernel for each token of the batch, on its values and by its position.
    #[inline(always)]
    pub fn rows<const N: usize>(
        &mut self,
        places: [Place; N],
        kernel: impl Fn(T::Isa, usize, [&mut [f32]; N]),
    ) {
        let (isa, first) = (self.team.isa(), self.position);
        for token in 0..self.tokens {
            let values = self.parts(places.map(|place| place.of(token)));
            kernel(isa, first + token, values);
        }
    }

    /// Looks the tokens' rows up in the embedding.
    #[inline(always)]
    pub fn embed<F: Format, C: Dim>(
        &mut self,
        matrix: &[&'w [u8]],
        blocks: C,
        tokens: &[u32],
        out: Place,
    ) {
        assert!(
            out.len == 32 * blocks.get(),
            "the output is not as wide as a row"
        );
        let group_bytes = F::group_bytes(blocks.get());
        let groups_of_part = matrix[0].len() / group_bytes;
        for (index, &token) in tokens.iter().enumerate() {
            let (group, lane) = (token as usize / GROUP, token as usize % GROUP);
            let part = matrix[group / groups_of_part];
            let start = group % groups_of_part * group_bytes;
            let row = &mut self.arena[out.of(index)];
            F::row(&part[start..start + group_bytes], lane, row);
        }
    }

    /// Activations to i8, for the products that follow; `shared` blocks of 32 have the same scale.
    /// The tokens' values lie one after the other.
    #[inline(always)]
    pub fn quantize(&mut self, input: Place, shared: impl Dim) {
        let isa = self.team.isa();
        let x = &self.arena[input.all(self.tokens)];
        let out = &mut self.activations[..x.len() / 32];
        isa.run(Quantize { x, shared, out });
    }

    /// `out = matrix × input`, with `blocks` of 32 elements in a row of the matrix. The tokens'
    /// inputs lie one after the other.
    #[inline(always)]
    pub fn mat_mul<F: Format<Input: Operand>, C: Dim>(
        &mut self,
        matrix: &[&'w [u8]],
        blocks: C,
        input: Place,
        out: Place,
    ) {
        let ranges = [input.all(self.tokens), out.all(self.tokens)];
        let Ok([floats, values]) = self.arena.get_disjoint_mut(ranges) else {
            panic!("values overlap");
        };
        let mut row = 0;
        for &weights in matrix {
            let product = Product::<F, C> {
                weights,
                blocks,
                input: Operand::choose(floats, &self.activations[..]),
                tokens: self.tokens,
            };
            self.team.product(product, &mut values[row..], out.stride);
            row += weights.len() / F::group_bytes(blocks.get()) * GROUP;
        }
    }

    /// Copies keys and values of the batch to a part of the KV cache, in its format.
    #[inline(always)]
    pub fn store<C: Cache>(&mut self, state: State<C>, key: Place, value: Place) {
        let cache = state.cache;
        let (isa, position, tokens) = (self.team.isa(), self.position, self.tokens);
        let arena = &*self.arena;
        let (keys, values) = state.halves();
        self.team.with_cache(|memory| {
            for token in 0..tokens {
                let place = cache.place(position + token);
                let (key, value) = (&arena[key.of(token)], &arena[value.of(token)]);
                for head in 0..cache.heads {
                    let elements = head * cache.head_dim..(head + 1) * cache.head_dim;
                    C::pack(isa, &key[elements.clone()], |word, bits| {
                        memory[keys + cache.key(place, head, word)] = bits;
                    });
                    C::pack(isa, &value[elements], |word, bits| {
                        memory[values + cache.value(place, head, word)] = bits;
                    });
                }
            }
        });
    }

    /// Causal attention over a part of the KV cache, whose window is `window`.
    #[inline(always)]
    pub fn attention<C: Cache, D: Dim, G: Dim, W: Window>(
        &mut self,
        window: W,
        shape: AttentionShape<D, G>,
        state: State<C>,
        query: Place,
        scores: Place,
        out: Place,
    ) {
        let cache = state.cache;
        debug_assert_eq!(
            window.get(),
            cache.window,
            "another window than the cache's"
        );
        let (keys, values) = state.halves();
        let ranges = [query.all(self.tokens), scores.of(0), out.all(self.tokens)];
        let Ok([queries, scratch, attended]) = self.arena.get_disjoint_mut(ranges) else {
            panic!("values overlap");
        };
        self.team.attention::<C, D, G, W>(
            Heads {
                tokens: self.tokens,
                position: self.position,
                heads: shape.heads,
                head_dim: shape.head_dim,
                heads_per_kv: shape.heads_per_kv,
                scale: shape.scale,
                cap: shape.cap,
                window,
                keys,
                values,
                context: cache.positions,
            },
            HeadsBuffers {
                queries,
                query_stride: query.stride,
                scores: scratch,
                out: attended,
                out_stride: out.stride,
            },
        );
    }

    /// Makes the batch consist of the tokens in some rows of a value alone.
    #[inline(always)]
    pub fn select(&mut self, value: Place, rows: Range<usize>) {
        self.arena.copy_within(
            value.of(rows.start).start..value.of(rows.end).start,
            value.start,
        );
        self.tokens = rows.len();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::vec::Vec;

    use super::*;
    use crate::kernels::{F32Cache, I8Cache};

    fn check<C: Cache>(format: C, window: Option<usize>) {
        for head_dim in [1, 2, 4, 7, 8, 12, 64] {
            let cache = CacheShape {
                format,
                positions: 24,
                window,
                heads: 3,
                head_dim,
            };
            let state = cache.at(1000);
            let len = 2 * cache.half();
            let all: Vec<usize> = (0..24).flat_map(|at| state.words(at)).collect();
            let distinct: BTreeSet<usize> = all.iter().copied().collect();
            assert_eq!(distinct.len(), all.len(), "{}, {head_dim}", C::NAME);
            assert!(
                distinct
                    .iter()
                    .all(|place| (1000..1000 + len).contains(place))
            );
            assert!(state.words(5).eq(state.words(29)), "one place in turn");
            // The beginning has all that the first positions have, and nothing of the others.
            for positions in [8, 16, 24, 32] {
                let ranges = state.beginning(positions);
                let beginning: BTreeSet<usize> = ranges.flatten().collect();
                assert_eq!(beginning.len(), len / 24 * positions.min(24));
                for at in 0..24 {
                    let found = |place| beginning.contains(&place) == (at < positions);
                    assert!(state.words(at).all(found), "{}, {head_dim}, {at}", C::NAME);
                }
            }
            for end in [0, 1, 16, 17, 18, 40] {
                let seen = (0..end).filter(|&at| cache.is_seen(at, end)).count();
                assert_eq!(cache.seen(end), seen, "{end}");
                assert_eq!(seen, window.map_or(end, |window| end.min(window - 1)));
            }
        }
    }

    /// Words that are no numbers: integers of i8, but not its scales.
    fn finite<C: Cache>(format: C, head_dim: usize, numbers: &[usize]) {
        let cache = CacheShape {
            format,
            positions: 8,
            window: None,
            heads: 3,
            head_dim,
        };
        for head in 0..cache.heads {
            for word in 0..cache.words() {
                for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    let mut words = std::vec![0.5; 2 * cache.heads * cache.words()];
                    words[head * cache.words() + word] = wrong;
                    let found = cache.are_finite(words.into_iter());
                    assert_eq!(found, !numbers.contains(&word), "{}, {word}", C::NAME);
                }
            }
        }
    }

    #[test]
    fn integers_of_the_cache_are_no_numbers() {
        finite(F32Cache, 5, &[0, 1, 2, 3, 4]);
        // Three words of four integers, and the scale.
        finite(I8Cache, 12, &[3]);
    }

    #[test]
    fn a_word_of_the_cache_has_a_place_of_its_own() {
        check(F32Cache, None);
        check(I8Cache, Some(17));
    }
}
