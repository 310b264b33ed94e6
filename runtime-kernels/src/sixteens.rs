//! Parts with a scale for each 16 columns: what `q2k`, `q3k` and `q6k` have in common.

use super::format::Panel;
use super::isa::Isa;
use super::map::map;
use super::quantize::Q8Block;
use super::super_block::Sums;
use super::unpack::four_and_four;

/// A part of a block as products take it.
#[derive(Clone, Copy)]
pub struct Part<I: Isa> {
    /// Eight times four columns.
    pub weights: [I::Bytes; 8],
    /// A row's integer scales, of the first 16 columns and of the last.
    pub scales: [I::Words; 2],
    /// What offsets are made of, in the halves of a word: the same, or a row's integer minimums.
    pub offsets: I::Words,
}

impl<I: Isa> Panel<I> for Part<I> {
    #[inline(always)]
    fn pair(&mut self, isa: I) {
        isa.pair(&mut self.weights);
    }
}

/// Weights whose offsets are the scales' own.
#[inline(always)]
#[allow(dead_code, reason = "not every format is made of it")]
pub fn centered<I: Isa>(isa: I, weights: [I::Bytes; 8], scales: [I::Words; 2]) -> Part<I> {
    Part {
        weights,
        scales,
        offsets: isa.add_shifted(isa.field(scales[0], 0, 0xffff), scales[1], 16),
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
    let [first, last] = four_and_four(&part.weights);
    let columns = map(x, |x| x.halves()[0]);
    isa.add_dot::<MAX, 4, T>(&mut sums.products, first, columns, part.scales[0]);
    let columns = map(x, |x| x.halves()[1]);
    isa.add_dot::<MAX, 4, T>(&mut sums.products, last, columns, part.scales[1]);
    sums.add_offsets(isa, part.offsets, x);
}
