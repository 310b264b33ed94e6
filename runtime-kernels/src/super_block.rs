//! Blocks of 256 columns whose parts have integers for scales, so that their sums are exact: what
//! their formats have in common.
//!
//! Activations have one scale for the 256 columns. A block's sum is at most 2^31 then, and becomes
//! an f32 once.

use super::bytes::array;
use super::format::{Format, Panel};
use super::isa::Isa;
use super::map::map;
use super::quantize::Q8Block;

/// Parts of 32 columns in a block.
pub const PARTS: usize = 8;

/// The activations of a block; those of a token have one scale.
pub type Input = [Q8Block; PARTS];

/// A format of such blocks.
pub trait SuperBlock: 'static {
    /// The name that profiles and the command line use.
    const NAME: &'static str;

    /// Bytes of a block of a group: 8 rows × 256 columns.
    const GROUP_BLOCK_BYTES: usize;

    /// `[u8; Self::GROUP_BLOCK_BYTES]`.
    type Block: 'static;

    /// A part of 32 columns as products take it.
    type Part<I: Isa>: Panel<I>;

    /// What a row's sums are multiplied by.
    type Factors<I: Isa>: Copy;

    /// The blocks that the bytes hold.
    fn blocks(weights: &[u8]) -> &[Self::Block];

    /// Unpacks a part.
    fn part<I: Isa>(isa: I, block: &Self::Block, index: usize) -> Self::Part<I>;

    /// Unpacks the factors.
    fn factors<I: Isa>(isa: I, block: &Self::Block) -> Self::Factors<I>;

    /// Adds the products of a part with the activations of `T` tokens to their sums.
    fn add<I: Isa, const T: usize>(
        isa: I,
        part: &Self::Part<I>,
        x: [&Q8Block; T],
        sums: &mut Sums<I, T>,
    );

    /// Adds the sums of a block times its factors; `scales` are those of the activations.
    fn end<I: Isa, const T: usize>(
        isa: I,
        factors: Self::Factors<I>,
        sums: Sums<I, T>,
        scales: [f32; T],
        acc: &mut [I::F32x8; T],
    );

    /// The values of row `lane` of a group of blocks.
    fn row(group: &[u8], lane: usize, out: &mut [f32]);
}

/// The f16 that a block begins with: of each row a unit, or a unit and one of minimums.
#[derive(Clone, Copy)]
pub struct Factors<I: Isa, const N: usize>([I::F32x8; N]);

impl<I: Isa, const N: usize> Factors<I, N> {
    /// Those of a block.
    #[inline(always)]
    pub fn of(isa: I, block: &[u8]) -> Self {
        let mut factors = [isa.from_f16(array(block, 0)); N];
        for (n, factor) in factors.iter_mut().enumerate().skip(1) {
            *factor = isa.from_f16(array(block, 16 * n));
        }
        Self(factors)
    }

    /// Adds sums times units.
    #[inline(always)]
    pub fn add<const T: usize>(
        self,
        isa: I,
        sums: [I::Words; T],
        scales: [f32; T],
        acc: &mut [I::F32x8; T],
    ) {
        for t in 0..T {
            let scale = isa.mul(self.0[0], isa.splat(scales[t]));
            acc[t] = isa.add_product(acc[t], isa.to_f32(sums[t]), scale);
        }
    }

    /// Adds products times units, and takes away offsets times units of minimums.
    #[inline(always)]
    #[allow(dead_code, reason = "not every format has minimums")]
    pub fn add_less<const T: usize>(
        self,
        isa: I,
        sums: Sums<I, T>,
        scales: [f32; T],
        acc: &mut [I::F32x8; T],
    ) {
        self.add(isa, sums.products, scales, acc);
        for t in 0..T {
            let minimum = isa.mul(self.0[N - 1], isa.splat(scales[t]));
            let minimum = isa.mul(isa.to_f32(sums.offsets[t]), minimum);
            acc[t] = isa.sub(acc[t], minimum);
        }
    }
}

/// Sums over the parts of a block.
#[derive(Clone, Copy)]
pub struct Sums<I: Isa, const T: usize> {
    /// Weights times activations.
    pub products: [I::Words; T],
    /// What is added to the weights, times activations.
    pub offsets: [I::Words; T],
}

impl<I: Isa, const T: usize> Sums<I, T> {
    /// Adds an i16 for the first 16 columns and one for the last, times the sums of activations.
    #[inline(always)]
    pub fn add_offsets(&mut self, isa: I, pairs: I::Words, x: [&Q8Block; T]) {
        for (offsets, x) in self.offsets.iter_mut().zip(x) {
            *offsets = isa.add_pairs(*offsets, pairs, x.half_sums);
        }
    }

    /// The products, and `times` the offsets.
    #[inline(always)]
    #[allow(dead_code, reason = "not every format has offsets of one size")]
    pub fn with_offsets(self, isa: I, times: i32) -> [I::Words; T] {
        let mut sums = self.products;
        for (sum, offset) in sums.iter_mut().zip(self.offsets) {
            *sum = isa.add_multiple(*sum, offset, isa.all(times));
        }
        sums
    }

    #[inline(always)]
    fn zero(isa: I) -> Self {
        Self {
            products: [isa.all(0); T],
            offsets: [isa.all(0); T],
        }
    }
}

/// A whole block as products take it.
#[derive(Clone, Copy)]
pub struct Parts<P, F> {
    parts: [P; PARTS],
    factors: F,
}

impl<I: Isa, P: Panel<I>, F: Copy> Panel<I> for Parts<P, F> {
    #[inline(always)]
    fn pair(&mut self, isa: I) {
        for part in &mut self.parts {
            part.pair(isa);
        }
    }
}

/// Weights of a part alone.
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "not every format is made of it")]
pub struct Weights<I: Isa>(pub [I::Bytes; 8]);

impl<I: Isa> Panel<I> for Weights<I> {
    #[inline(always)]
    fn pair(&mut self, isa: I) {
        isa.pair(&mut self.0);
    }
}

impl<S: SuperBlock> Format for S {
    const NAME: &'static str = S::NAME;
    const GROUP_BLOCK_BYTES: usize = S::GROUP_BLOCK_BYTES;
    const SPAN: usize = PARTS;
    const GROUPS: usize = 2;
    const PANELS: usize = 1;
    type Block = S::Block;
    type Input = Input;
    type Panel<I: Isa> = Parts<S::Part<I>, S::Factors<I>>;

    #[inline(always)]
    fn blocks(weights: &[u8]) -> &[Self::Block] {
        S::blocks(weights)
    }

    #[inline(always)]
    fn panel<I: Isa>(isa: I, block: &Self::Block) -> Self::Panel<I> {
        let mut parts = [S::part(isa, block, 0); PARTS];
        for (index, part) in parts.iter_mut().enumerate().skip(1) {
            *part = S::part(isa, block, index);
        }
        Parts {
            parts,
            factors: S::factors(isa, block),
        }
    }

    #[inline(always)]
    fn products<I: Isa, const T: usize>(
        isa: I,
        panel: &Self::Panel<I>,
        x: [&Self::Input; T],
        acc: &mut [I::F32x8; T],
    ) {
        let mut sums = Sums::zero(isa);
        for (index, part) in panel.parts.iter().enumerate() {
            S::add(isa, part, map(x, |x| &x[index]), &mut sums);
        }
        S::end(isa, panel.factors, sums, map(x, |x| x[0].scale), acc);
    }

    #[inline(always)]
    fn block<I: Isa, const G: usize>(
        isa: I,
        weights: [&Self::Block; G],
        x: &Self::Input,
        acc: &mut [I::F32x8; G],
    ) {
        for (block, acc) in weights.into_iter().zip(acc) {
            let mut sums = Sums::zero(isa);
            for (index, x) in x.iter().enumerate() {
                S::add(isa, &S::part(isa, block, index), [x], &mut sums);
            }
            let mut sum = [*acc];
            S::end(isa, S::factors(isa, block), sums, [x[0].scale], &mut sum);
            [*acc] = sum;
        }
    }

    fn row(group: &[u8], lane: usize, out: &mut [f32]) {
        S::row(group, lane, out);
    }
}
