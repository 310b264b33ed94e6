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

    /// The code of the value 0, which offsets are multiplied by; `None` where they are minimums, with
    /// an f16 unit of their own behind that of the scales.
    const ZERO: Option<i32>;

    /// `[u8; Self::GROUP_BLOCK_BYTES]`, the f16 units of 8 rows first.
    type Block: AsRef<[u8]> + 'static;

    /// A part of 32 columns as products take it.
    type Part<I: Isa>: Panel<I>;

    /// The blocks that the bytes hold.
    fn blocks(weights: &[u8]) -> &[Self::Block];

    /// Unpacks a part.
    fn part<I: Isa>(isa: I, block: &Self::Block, index: usize) -> Self::Part<I>;

    /// Adds the products of a part with the activations of `T` tokens to their sums.
    fn add<I: Isa, const T: usize>(
        isa: I,
        part: &Self::Part<I>,
        x: [&Q8Block; T],
        sums: &mut Sums<I, T>,
    );

    /// The values of row `lane` of a group of blocks.
    fn row(group: &[u8], lane: usize, out: &mut [f32]);
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

    #[inline(always)]
    fn zero(isa: I) -> Self {
        Self {
            products: [isa.all(0); T],
            offsets: [isa.all(0); T],
        }
    }
}

/// The units that a block begins with: what a row's sums are multiplied by.
#[derive(Clone, Copy)]
pub struct Units<I: Isa> {
    scales: I::F32x8,
    minimums: I::F32x8,
}

impl<I: Isa> Units<I> {
    #[inline(always)]
    fn of<S: SuperBlock>(isa: I, block: &S::Block) -> Self {
        let block = block.as_ref();
        Self {
            scales: isa.from_f16(array(block, 0)),
            minimums: match S::ZERO {
                Some(_) => isa.splat(0.0),
                None => isa.from_f16(array(block, 16)),
            },
        }
    }

    /// Adds the sums of a block times its units; `x` are the activations, of one scale.
    #[inline(always)]
    fn add<S: SuperBlock, const T: usize>(
        self,
        isa: I,
        sums: Sums<I, T>,
        x: [&Input; T],
        acc: &mut [I::F32x8; T],
    ) {
        for t in 0..T {
            let (mut products, offsets) = (sums.products[t], sums.offsets[t]);
            if let Some(zero) = S::ZERO {
                products = isa.add_multiple(products, offsets, isa.all(-zero));
            }
            let activations = isa.splat(x[t][0].scale);
            let scale = isa.mul(self.scales, activations);
            acc[t] = isa.add_product(acc[t], isa.to_f32(products), scale);
            if S::ZERO.is_none() {
                let minimum = isa.mul(self.minimums, activations);
                acc[t] = isa.sub(acc[t], isa.mul(isa.to_f32(offsets), minimum));
            }
        }
    }
}

/// A whole block as products take it.
#[derive(Clone, Copy)]
pub struct Parts<I: Isa, P> {
    parts: [P; PARTS],
    units: Units<I>,
}

impl<I: Isa, P: Panel<I>> Panel<I> for Parts<I, P> {
    #[inline(always)]
    fn pair(&mut self, isa: I) {
        for part in &mut self.parts {
            part.pair(isa);
        }
    }
}

/// Ternary weights of a part, 1 more than they are.
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "not every format is made of it")]
pub struct Ternary<I: Isa>(pub [I::Bytes; 8]);

impl<I: Isa> Ternary<I> {
    /// Adds the products with the activations of `T` tokens to their sums.
    #[inline(always)]
    #[allow(dead_code, reason = "not every format is made of it")]
    pub fn add<const T: usize>(&self, isa: I, x: [&Q8Block; T], sums: &mut Sums<I, T>) {
        let columns = map(x, |x| x.columns());
        // Of two bits, whatever a file has in them.
        isa.add_dot::<3, 8, T>(&mut sums.products, &self.0, columns, isa.all(1));
        sums.add_offsets(isa, isa.all(1 << 16 | 1), x);
    }
}

impl<I: Isa> Panel<I> for Ternary<I> {
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
    type Panel<I: Isa> = Parts<I, S::Part<I>>;

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
            units: Units::of::<S>(isa, block),
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
        panel.units.add::<S, T>(isa, sums, x, acc);
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
            Units::of::<S>(isa, block).add::<S, 1>(isa, sums, [x], &mut sum);
            [*acc] = sum;
        }
    }

    fn row(group: &[u8], lane: usize, out: &mut [f32]) {
        S::row(group, lane, out);
    }
}
