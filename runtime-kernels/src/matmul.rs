//! Matrix times vectors.

use super::format::Format;
use super::isa::{Isa, Kernel};
use super::map::map;
use super::shape::{Dim, GROUP};

/// Weights times activations: a matrix and the vectors of one token or many.
///
/// A row's result is one chain over its blocks, so a token's result does not depend on the
/// tokens beside it, nor a row's on which rows are computed with it.
pub struct MatMul<'a, F: Format, R: Dim, C: Dim> {
    /// `groups` groups of `blocks` blocks of the format, each with its head.
    pub weights: &'a [u8],
    /// Rows, in groups of 8.
    pub groups: R,
    /// Columns, in blocks of 32.
    pub blocks: C,
    /// `[tokens][blocks]`.
    pub input: &'a [F::Input],
    /// Number of vectors.
    pub tokens: usize,
    /// Token `t`'s rows of group `g` go to `out[t * stride + 8 * g..][..8]`.
    pub out: &'a mut [f32],
    /// Distance of tokens in `out`.
    pub stride: usize,
}

impl<F: Format, R: Dim, C: Dim> Kernel for MatMul<'_, F, R, C> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let (groups, blocks) = (self.groups.get(), self.blocks.get());
        let mut rows = Rows::<I, F> {
            isa,
            weights: &self.weights[..groups * F::group_bytes(blocks)],
            input: &self.input[..self.tokens * blocks],
            blocks,
            tokens: self.tokens,
            out: self.out,
            stride: self.stride,
        };
        match F::GROUPS {
            8 => rows.streams::<8>(groups),
            _ => rows.streams::<2>(groups),
        }
    }
}

struct Rows<'a, I: Isa, F: Format> {
    isa: I,
    weights: &'a [u8],
    input: &'a [F::Input],
    blocks: usize,
    tokens: usize,
    out: &'a mut [f32],
    stride: usize,
}

impl<I: Isa, F: Format> Rows<'_, I, F> {
    /// All rows, of `G` groups at a time. Each group comes from another part of the matrix:
    /// memory is read fastest in few long streams.
    #[inline(always)]
    fn streams<const G: usize>(&mut self, groups: usize) {
        let length = groups / G;
        for group in 0..length {
            self.batch::<G>(core::array::from_fn(|g| group + g * length));
        }
        for group in G * length..groups {
            self.batch([group]);
        }
    }

    /// Rows of `G` groups, for all tokens.
    #[inline(always)]
    fn batch<const G: usize>(&mut self, groups: [usize; G]) {
        let mut token = 0;
        if I::TOKENS == 8 {
            while token + 8 <= self.tokens {
                for group in groups {
                    self.tile::<1, 8>([group], token);
                }
                token += 8;
            }
        }
        while token + 4 <= self.tokens {
            for group in groups {
                self.tile::<1, 4>([group], token);
            }
            token += 4;
        }
        for token in token..self.tokens {
            self.tile::<G, 1>(groups, token);
        }
    }

    /// Rows of `G` groups, for `T` tokens from `token` on.
    #[inline(always)]
    fn tile<const G: usize, const T: usize>(&mut self, groups: [usize; G], token: usize) {
        let blocks = self.blocks;
        // Slices of known length: indices below `blocks` need no check.
        let bytes = F::group_bytes(blocks);
        let mut heads: [&[u8]; G] = [&[]; G];
        let mut weights: [&[F::Block]; G] = [&[]; G];
        for ((head, weights), group) in heads.iter_mut().zip(&mut weights).zip(groups) {
            let (bytes, rest) = self.weights[group * bytes..][..bytes].split_at(F::HEAD_BYTES);
            *head = bytes;
            *weights = &F::blocks(rest)[..blocks];
        }
        let mut input: [&[F::Input]; T] = [&[]; T];
        for (t, input) in input.iter_mut().enumerate() {
            *input = &self.input[(token + t) * blocks..][..blocks];
        }
        let mut acc = [[self.isa.splat(0.0); T]; G];
        for block in 0..blocks {
            F::block(
                self.isa,
                map(weights, |w| &w[block]),
                map(input, |x| &x[block]),
                &mut acc,
            );
        }
        for g in 0..G {
            for (t, &sum) in acc[g].iter().enumerate() {
                let at = (token + t) * self.stride + groups[g] * GROUP;
                let Some(out) = self.out[at..].first_chunk_mut() else {
                    panic!("the output ends within a group");
                };
                self.isa.store(F::finish(self.isa, heads[g], sum), out);
            }
        }
    }
}
