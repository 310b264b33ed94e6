//! Matrix times vectors.

use core::array;

use super::format::{Format, Panel};
use super::isa::{Isa, Kernel};
use super::map::map;
use super::shape::{Dim, GROUP};

/// Weights times activations: a matrix and the vectors of one token or many.
///
/// A row's result is one chain over its blocks, so a token's result does not depend on the
/// tokens beside it, nor a row's on which rows are computed with it.
pub struct MatMul<'a, F: Format, R: Dim, C: Dim> {
    /// `groups` groups of blocks of the format, each with its head.
    pub weights: &'a [u8],
    /// Rows, in groups of 8.
    pub groups: R,
    /// Columns, in blocks of 32, which make up whole blocks of the format.
    pub blocks: C,
    /// `[tokens][blocks]`, in blocks of the format.
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
        let (groups, columns) = (self.groups.get(), self.blocks.get());
        assert!(
            columns.is_multiple_of(F::SPAN),
            "the last block of a row is cut"
        );
        let blocks = columns / F::SPAN;
        let mut rows = Rows::<I, F> {
            isa,
            weights: &self.weights[..groups * F::group_bytes(columns)],
            input: &self.input[..self.tokens * blocks],
            blocks,
            tokens: self.tokens,
            out: self.out,
            stride: self.stride,
        };
        // Tokens whose groups are unpacked for all of them.
        let together = match I::TOKENS {
            1 => 0,
            _ => self.tokens - self.tokens % 4,
        };
        match F::PANELS {
            8 => rows.unpacked::<8>(groups, together),
            _ => rows.unpacked::<1>(groups, together),
        }
        match F::GROUPS {
            8 => rows.streams::<8>(groups, together),
            _ => rows.streams::<2>(groups, together),
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

impl<'a, I: Isa, F: Format> Rows<'a, I, F> {
    /// A group's head and blocks.
    #[inline(always)]
    fn group(&self, group: usize) -> (&'a [u8], &'a [F::Block]) {
        let bytes = F::HEAD_BYTES + self.blocks * F::GROUP_BLOCK_BYTES;
        let (head, rest) = self.weights[group * bytes..][..bytes].split_at(F::HEAD_BYTES);
        (head, F::blocks(rest))
    }

    /// A token's activations.
    #[inline(always)]
    fn input(&self, token: usize) -> &'a [F::Input] {
        &self.input[token * self.blocks..][..self.blocks]
    }

    /// Where a token's rows of a group go.
    #[inline(always)]
    fn out(&mut self, group: usize, token: usize) -> &mut [f32; GROUP] {
        let at = token * self.stride + group * GROUP;
        match self.out[at..].first_chunk_mut() {
            Some(out) => out,
            None => panic!("the output ends within a group"),
        }
    }

    /// All rows, of `G` groups at a time, for tokens from `first` on one by one. Each group comes
    /// from another part of the matrix: memory is read fastest in few long streams.
    #[inline(always)]
    fn streams<const G: usize>(&mut self, groups: usize, first: usize) {
        if first == self.tokens {
            return;
        }
        let length = groups / G;
        for group in 0..length {
            self.alone::<G>(array::from_fn(|g| group + g * length), first);
        }
        for group in G * length..groups {
            self.alone([group], first);
        }
    }

    /// Rows of `G` groups, for tokens from `first` on.
    #[inline(always)]
    fn alone<const G: usize>(&mut self, groups: [usize; G], first: usize) {
        let (isa, blocks) = (self.isa, self.blocks);
        let mut heads: [&[u8]; G] = [&[]; G];
        let mut weights: [&[F::Block]; G] = [&[]; G];
        for g in 0..G {
            let (head, blocks_of_group) = self.group(groups[g]);
            heads[g] = head;
            // Slices of one known length: indices below it need no check.
            weights[g] = &blocks_of_group[..blocks];
        }
        for token in first..self.tokens {
            let input = &self.input[token * blocks..][..blocks];
            let mut acc = [isa.splat(0.0); G];
            for block in 0..blocks {
                F::block(isa, map(weights, |w| &w[block]), &input[block], &mut acc);
            }
            for g in 0..G {
                let sum = F::finish(isa, heads[g], acc[g]);
                isa.store(sum, self.out(groups[g], token));
            }
        }
    }

    /// All rows for the first `tokens` tokens: of a group, `P` blocks at a time are unpacked for all
    /// of them.
    #[inline(always)]
    fn unpacked<const P: usize>(&mut self, groups: usize, tokens: usize) {
        if tokens == 0 || groups == 0 {
            return;
        }
        let isa = self.isa;
        let Some(first) = self.group(0).1.first() else {
            return;
        };
        let mut panels = [F::panel(isa, first); P];
        for group in 0..groups {
            let (_, blocks) = self.group(group);
            for (index, blocks) in blocks.chunks(P).enumerate() {
                for (panel, block) in panels.iter_mut().zip(blocks) {
                    *panel = F::panel(isa, block);
                    panel.pair(isa);
                }
                let panels = &panels[..blocks.len()];
                let mut token = 0;
                if I::TOKENS == 8 {
                    while token + 8 <= tokens {
                        self.tile::<8>(group, panels, P * index, token);
                        token += 8;
                    }
                }
                while token < tokens {
                    self.tile::<4>(group, panels, P * index, token);
                    token += 4;
                }
            }
        }
    }

    /// Adds the products of some blocks of a group, of which `first` is the first, for `T` tokens
    /// from `token` on; their sums so far are where the results go.
    #[inline(always)]
    fn tile<const T: usize>(
        &mut self,
        group: usize,
        panels: &[F::Panel<I>],
        first: usize,
        token: usize,
    ) {
        let isa = self.isa;
        let mut input: [&[F::Input]; T] = [&[]; T];
        let mut acc = [isa.splat(0.0); T];
        for t in 0..T {
            input[t] = &self.input(token + t)[first..][..panels.len()];
            if first > 0 {
                acc[t] = isa.load(self.out(group, token + t));
            }
        }
        for (block, panel) in panels.iter().enumerate() {
            F::products(isa, panel, map(input, |x| &x[block]), &mut acc);
        }
        let (head, blocks) = self.group(group);
        let last = first + panels.len() == blocks.len();
        for (t, &sum) in acc.iter().enumerate() {
            let sum = if last { F::finish(isa, head, sum) } else { sum };
            isa.store(sum, self.out(group, token + t));
        }
    }
}
