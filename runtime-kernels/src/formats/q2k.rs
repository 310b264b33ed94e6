//! Weight format q2k.

use super::super::bytes::array;
use super::super::half::f16_at;
use super::super::isa::Isa;
use super::super::quantize::Q8Block;
use super::super::sixteens::{self, Part};
use super::super::super_block::{Sums, SuperBlock};
use super::super::unpack::{two_bits, two_bits_of};

/// 2 bits a weight, and for 16 weights a scale and a minimum of 4 bits, in units of a block's:
/// `value = q * (scale * unit) - minimum * unit of minimums`. GGUF's Q2_K.
///
/// A block of a group: 8 f16 units and 8 f16 units of minimums; 4 words a row, a byte for each 16
/// weights, scale low and minimum high; then 8 parts of 64 bytes (see `unpack::two_bits`).
#[derive(Clone, Copy, Debug)]
pub struct Q2K;

/// Where a part's bits begin.
const fn place(index: usize) -> usize {
    160 + 64 * index
}

impl SuperBlock for Q2K {
    const NAME: &'static str = "q2k";
    const GROUP_BLOCK_BYTES: usize = 672;
    const ZERO: Option<i32> = None;
    type Block = [u8; 672];
    type Part<I: Isa> = Part<I>;

    #[inline(always)]
    fn blocks(weights: &[u8]) -> &[Self::Block] {
        weights.as_chunks().0
    }

    #[inline(always)]
    fn part<I: Isa>(isa: I, block: &Self::Block, index: usize) -> Part<I> {
        let words = isa.words(array(block, 32 + 32 * (index / 2)));
        let byte = 16 * (index as u32 % 2);
        let field = |n| isa.field(words, byte + n, 15);
        Part {
            weights: two_bits::<0, I>(isa, array(block, place(index))),
            scales: [field(0), field(8)],
            offsets: isa.add_shifted(field(4), field(12), 16),
        }
    }

    #[inline(always)]
    fn add<I: Isa, const T: usize>(
        isa: I,
        part: &Part<I>,
        x: [&Q8Block; T],
        sums: &mut Sums<I, T>,
    ) {
        sixteens::add::<3, I, T>(isa, part, x, sums);
    }

    fn row(group: &[u8], lane: usize, out: &mut [f32]) {
        for (block, out) in Self::blocks(group).iter().zip(out.as_chunks_mut::<256>().0) {
            for (index, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
                let part = &block[place(index)..];
                for (c, out) in out.iter_mut().enumerate() {
                    let group = 2 * index + c / 16;
                    let both = block[32 + 32 * (group / 4) + 4 * lane + group % 4];
                    let scale = f16_at(block, lane) * f32::from(both & 15);
                    let minimum = f16_at(block, 8 + lane) * f32::from(both >> 4);
                    *out = f32::from(two_bits_of(part, lane, c)) * scale - minimum;
                }
            }
        }
    }
}
