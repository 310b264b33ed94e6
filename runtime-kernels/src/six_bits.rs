//! Scales and minimums of 6 bits, for 32 columns each: what `q4k` and `q5k` have in common.
//!
//! Of a row, a word has the low 4 bits of 8 scales, another those of 8 minimums, and a third the
//! high 2 bits of 8 scales and of 8 minimums; words of 8 rows follow each other.

use super::bytes::array;
use super::format::Panel;
use super::half::f16_at;
use super::isa::Isa;
use super::map::map;
use super::quantize::Q8Block;
use super::super_block::Sums;

/// A part of a block as products take it.
#[derive(Clone, Copy)]
pub struct Part<I: Isa> {
    /// Eight times four columns.
    pub weights: [I::Bytes; 8],
    /// A row's integer scale.
    pub scales: I::Words,
    /// A row's integer minimum, in both halves.
    pub minimums: I::Words,
}

impl<I: Isa> Panel<I> for Part<I> {
    #[inline(always)]
    fn pair(&mut self, isa: I) {
        isa.pair(&mut self.weights);
    }
}

/// Weights with their scales and minimums.
#[inline(always)]
pub fn part<I: Isa>(isa: I, weights: [I::Bytes; 8], packed: &[u8; 96], index: usize) -> Part<I> {
    let index = index as u32;
    let field = |at, n, mask| isa.field(isa.words(array(packed, at)), n, mask);
    let high = |n| field(64, n, 3);
    let minimums = isa.add_shifted(field(32, 4 * index, 15), high(16 + 2 * index), 4);
    Part {
        weights,
        scales: isa.add_shifted(field(0, 4 * index, 15), high(2 * index), 4),
        minimums: isa.add_shifted(minimums, minimums, 16),
    }
}

/// Adds the products of weights `0..=MAX` with the activations of `T` tokens to their sums.
#[inline(always)]
pub fn add<const MAX: u8, I: Isa, const T: usize>(
    isa: I,
    part: &Part<I>,
    x: [&Q8Block; T],
    sums: &mut Sums<I, T>,
) {
    let columns = map(x, |x| x.columns());
    isa.add_dot::<MAX, 8, T>(&mut sums.products, &part.weights, columns, part.scales);
    sums.add_offsets(isa, part.minimums, x);
}

/// The scale and the minimum of a row's part of a block that begins with its units.
pub fn of(block: &[u8], row: usize, index: usize) -> (f32, f32) {
    let word = |at: usize| u32::from_le_bytes(*array(block, 32 + at + 4 * row));
    let integer = |at, high: usize| {
        let (low, high) = (word(at) >> (4 * index) & 15, word(64) >> high & 3);
        (low | high << 4) as f32
    };
    let scale = f16_at(block, row) * integer(0, 2 * index);
    let minimum = f16_at(block, 8 + row) * integer(32, 16 + 2 * index);
    (scale, minimum)
}
