//! One pass through the network: the operations over the tokens of a batch.
//!
//! Shapes are constants in a generated crate and values in the interpreter.

use core::iter::once;
use core::ops::Range;

use super::kernels::{
    AddAssign, AddBias, Cache, Dim, Format, GROUP, Isa, Q8Block, Quantize, RmsNorm, Rope, SiluMul,
    head_words, padded_head_words,
};
use super::team::{Heads, HeadsBuffers, Operand, Product, Team};

/// A buffer in the arena, `[batch][width]`.
#[derive(Clone, Copy)]
pub struct Region {
    /// First float.
    pub start: usize,
    /// Floats of one token.
    pub width: usize,
}

/// The attention's shapes, and the buffers that it works in.
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
    /// Queries, keys and values.
    pub input: Region,
    /// Scratch, as the kernel needs it for the whole context.
    pub scores: Region,
    /// Where the result goes.
    pub output: Region,
}

/// The KV cache's shape, `[layer][keys, values][head]`, in words: f32, or bits in its place.
/// Keys and values of a head lie as the [`Cache`] says, and are read from front to back.
#[derive(Clone, Copy)]
pub struct CacheShape<C> {
    /// What a word is.
    pub format: C,
    /// Positions, a multiple of 8.
    pub context: usize,
    /// Heads of keys, and of values.
    pub heads: usize,
    /// Elements of a head.
    pub head_dim: usize,
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
        self.context * padded_head_words::<C>(self.head_dim)
    }

    /// Words of a position's key, or value, of a head.
    #[inline(always)]
    pub const fn words(self) -> usize {
        head_words::<C>(self.head_dim)
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

    /// Starts of a layer's keys and values.
    #[inline(always)]
    pub const fn layer(self, layer: usize) -> (usize, usize) {
        (2 * layer * self.half(), (2 * layer + 1) * self.half())
    }

    /// The place, in a layer's keys, of a word of a position.
    #[inline(always)]
    pub const fn key(self, position: usize, head: usize, word: usize) -> usize {
        let block = position / GROUP * padded_head_words::<C>(self.head_dim);
        head * self.head() + (block + self.padded(word)) * GROUP + position % GROUP
    }

    /// The same for values.
    #[inline(always)]
    pub const fn value(self, position: usize, head: usize, word: usize) -> usize {
        let word = self.padded(word);
        let (column, at) = (word / C::COLUMN, word % C::COLUMN);
        let width = if column < self.head_dim.div_ceil(GROUP) {
            C::COLUMN
        } else {
            C::SCALES
        };
        let column = column * C::COLUMN * self.context;
        head * self.head() + column + position * width + at
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

    /// The ranges of `layers` layers that hold the first `positions`, a multiple of 8.
    pub fn beginning(self, layers: usize, positions: usize) -> impl Iterator<Item = Range<usize>> {
        let columns = self.head_dim.div_ceil(GROUP);
        let head = move |keys: usize, values: usize| {
            let column = move |column: usize, words: usize| {
                let start = values + column * self.context * C::COLUMN;
                start..start + positions * words
            };
            once(keys..keys + positions * padded_head_words::<C>(self.head_dim))
                .chain((0..columns).map(move |index| column(index, C::COLUMN)))
                .chain(once(column(columns, C::SCALES)))
        };
        (0..layers).flat_map(move |layer| {
            let (keys, values) = self.layer(layer);
            (0..self.heads)
                .flat_map(move |h| head(keys + h * self.head(), values + h * self.head()))
        })
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
    #[inline(always)]
    fn range(&self, region: Region) -> Range<usize> {
        region.start..region.start + self.tokens * region.width
    }

    /// The batch's rows of some buffers, which do not overlap.
    #[inline(always)]
    fn buffers<const N: usize>(&mut self, regions: [Region; N]) -> [&mut [f32]; N] {
        let ranges = regions.map(|region| self.range(region));
        match self.arena.get_disjoint_mut(ranges) {
            Ok(buffers) => buffers,
            Err(_) => panic!("the arena's buffers overlap"),
        }
    }

    /// Looks the tokens' rows up in the embedding.
    #[inline(always)]
    pub fn embed<F: Format, C: Dim>(
        &mut self,
        parts: &[&'w [u8]],
        blocks: C,
        tokens: &[u32],
        output: Region,
    ) {
        assert!(
            output.width == 32 * blocks.get(),
            "the output is not as wide as a row"
        );
        let group_bytes = F::group_bytes(blocks.get());
        let groups_of_part = parts[0].len() / group_bytes;
        let [out] = self.buffers([output]);
        for (&token, out) in tokens.iter().zip(out.chunks_exact_mut(output.width)) {
            let (group, lane) = (token as usize / GROUP, token as usize % GROUP);
            let part = parts[group / groups_of_part];
            let start = group % groups_of_part * group_bytes;
            F::row(&part[start..start + group_bytes], lane, out);
        }
    }

    /// `output = rms_norm(input) * gain`.
    #[inline(always)]
    pub fn rms_norm<D: Dim>(
        &mut self,
        gain: &[u8],
        eps: f32,
        size: D,
        input: Region,
        output: Region,
    ) {
        let isa = self.team.isa();
        let [x, out] = self.buffers([input, output]);
        let rows = x
            .chunks_exact(input.width)
            .zip(out.chunks_exact_mut(output.width));
        for (x, out) in rows {
            isa.run(RmsNorm {
                x,
                gain,
                eps,
                size,
                out,
            });
        }
    }

    /// Activations to i8, for the products that follow.
    #[inline(always)]
    pub fn quantize(&mut self, input: Region) {
        let isa = self.team.isa();
        let x = &self.arena[self.range(input)];
        let out = &mut self.activations[..x.len() / 32];
        isa.run(Quantize { x, out });
    }

    /// `output[start..] = matrix × input`.
    #[inline(always)]
    pub fn mat_mul<F: Format<Input: Operand>, C: Dim>(
        &mut self,
        parts: &[&'w [u8]],
        blocks: C,
        input: Region,
        output: Region,
        start: usize,
    ) {
        let ranges = [self.range(input), self.range(output)];
        let Ok([floats, out]) = self.arena.get_disjoint_mut(ranges) else {
            panic!("the arena's buffers overlap");
        };
        let mut row = start;
        for &weights in parts {
            let product = Product::<F, C> {
                weights,
                blocks,
                input: Operand::choose(floats, &self.activations[..]),
                tokens: self.tokens,
            };
            self.team.product(product, &mut out[row..], output.width);
            row += weights.len() / F::group_bytes(blocks.get()) * GROUP;
        }
    }

    /// `buffer[start..] += bias`.
    #[inline(always)]
    pub fn add_bias(&mut self, bias: &[u8], buffer: Region, start: usize) {
        let isa = self.team.isa();
        let [x] = self.buffers([buffer]);
        for x in x.chunks_exact_mut(buffer.width) {
            isa.run(AddBias {
                x: &mut x[start..start + bias.len() / 4],
                bias,
            });
        }
    }

    /// Rotates `heads` heads that start at `start`. `table` is `[context][cos, sin][pairs]`.
    #[inline(always)]
    pub fn rope<H: Dim, D: Dim, P: Dim>(
        &mut self,
        table: &[u8],
        buffer: Region,
        start: usize,
        (heads, head_dim, half): (H, D, P),
    ) {
        let isa = self.team.isa();
        let position = self.position;
        let row_bytes = 8 * half.get();
        let [x] = self.buffers([buffer]);
        for (token, x) in x.chunks_exact_mut(buffer.width).enumerate() {
            isa.run(Rope {
                x: &mut x[start..start + heads.get() * head_dim.get()],
                heads,
                head_dim,
                half,
                table: &table[(position + token) * row_bytes..][..row_bytes],
            });
        }
    }

    /// Copies keys and values of the batch to the KV cache, in its format.
    #[inline(always)]
    pub fn store<C: Cache>(
        &mut self,
        cache: CacheShape<C>,
        layer: usize,
        buffer: Region,
        key: usize,
        value: usize,
    ) {
        let isa = self.team.isa();
        let rows = &self.arena[self.range(buffer)];
        let position = self.position;
        let (keys, values) = cache.layer(layer);
        self.team.with_cache(|memory| {
            for (token, row) in rows.chunks_exact(buffer.width).enumerate() {
                let position = position + token;
                for head in 0..cache.heads {
                    let start = head * cache.head_dim;
                    C::pack(isa, &row[key + start..][..cache.head_dim], |word, bits| {
                        memory[keys + cache.key(position, head, word)] = bits;
                    });
                    C::pack(
                        isa,
                        &row[value + start..][..cache.head_dim],
                        |word, bits| {
                            memory[values + cache.value(position, head, word)] = bits;
                        },
                    );
                }
            }
        });
    }

    /// Causal attention of the queries at the start of the input.
    #[inline(always)]
    pub fn attention<C: Cache, D: Dim, G: Dim>(
        &mut self,
        shape: AttentionShape<D, G>,
        cache: CacheShape<C>,
        layer: usize,
    ) {
        let (keys, values) = cache.layer(layer);
        let scores = shape.scores.start..shape.scores.start + shape.scores.width;
        let ranges = [self.range(shape.input), scores, self.range(shape.output)];
        let Ok([queries, scores, out]) = self.arena.get_disjoint_mut(ranges) else {
            panic!("the arena's buffers overlap");
        };
        self.team.attention::<C, D, G>(
            Heads {
                tokens: self.tokens,
                position: self.position,
                heads: shape.heads,
                head_dim: shape.head_dim,
                heads_per_kv: shape.heads_per_kv,
                scale: shape.scale,
                keys,
                values,
                context: cache.context,
            },
            HeadsBuffers {
                queries,
                query_stride: shape.input.width,
                scores,
                out,
                out_stride: shape.output.width,
            },
        );
        // The padding lies over memory of other buffers.
        let width = shape.heads * shape.head_dim.get();
        for row in out.chunks_exact_mut(shape.output.width) {
            row[width..].fill(0.0);
        }
    }

    /// `output = silu(gate) * up`, with the gates before `up` and as many.
    #[inline(always)]
    pub fn silu_mul(&mut self, input: Region, up: usize, output: Region) {
        let isa = self.team.isa();
        let [x, out] = self.buffers([input, output]);
        let rows = x
            .chunks_exact(input.width)
            .zip(out.chunks_exact_mut(output.width));
        for (x, out) in rows {
            isa.run(SiluMul {
                gate: &x[..up],
                up: &x[up..2 * up],
                out: &mut out[..up],
            });
            // The padding lies over memory of other buffers.
            out[up..].fill(0.0);
        }
    }

    /// Makes the batch consist of the tokens in some rows of `buffer` alone.
    #[inline(always)]
    pub fn select(&mut self, buffer: Region, rows: Range<usize>) {
        let place = |row| buffer.start + row * buffer.width;
        self.arena
            .copy_within(place(rows.start)..place(rows.end), buffer.start);
        self.tokens = rows.len();
    }

    /// `to += from`.
    #[inline(always)]
    pub fn add(&mut self, from: Region, to: Region) {
        let isa = self.team.isa();
        let [y, x] = self.buffers([from, to]);
        isa.run(AddAssign { x, y });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::vec::Vec;

    use super::*;
    use crate::kernels::{F32Cache, I8Cache};

    const LAYERS: usize = 2;

    /// All places of a position's words.
    fn places<C: Cache>(cache: CacheShape<C>, position: usize) -> Vec<usize> {
        let mut places = Vec::new();
        for layer in 0..LAYERS {
            let (keys, values) = cache.layer(layer);
            for head in 0..cache.heads {
                for word in 0..cache.words() {
                    places.push(keys + cache.key(position, head, word));
                    places.push(values + cache.value(position, head, word));
                }
            }
        }
        places
    }

    fn check<C: Cache>(format: C) {
        for head_dim in [1, 2, 4, 7, 8, 12, 64] {
            let cache = CacheShape {
                format,
                context: 24,
                heads: 3,
                head_dim,
            };
            let len = 2 * LAYERS * cache.half();
            let all: Vec<usize> = (0..24).flat_map(|at| places(cache, at)).collect();
            let distinct: BTreeSet<usize> = all.iter().copied().collect();
            assert_eq!(distinct.len(), all.len(), "{}, {head_dim}", C::NAME);
            assert!(distinct.iter().all(|&place| place < len));
            // The beginning has all that the first positions have, and nothing of the others.
            for positions in [8, 16] {
                let ranges = cache.beginning(LAYERS, positions);
                let beginning: BTreeSet<usize> = ranges.flatten().collect();
                assert_eq!(beginning.len(), len / 24 * positions);
                for at in 0..24 {
                    let mut places = places(cache, at).into_iter();
                    let found = |place| beginning.contains(&place) == (at < positions);
                    assert!(places.all(found), "{}, {head_dim}, {at}", C::NAME);
                }
            }
        }
    }

    /// Words that are no numbers: integers of i8, but not its scales.
    fn finite<C: Cache>(format: C, head_dim: usize, numbers: &[usize]) {
        let cache = CacheShape {
            format,
            context: 8,
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
        check(F32Cache);
        check(I8Cache);
    }
}
