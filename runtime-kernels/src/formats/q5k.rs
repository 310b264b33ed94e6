//! Weight format q5k.

use super::super::bytes::array;
use super::super::isa::Isa;
use super::super::quantize::Q8Block;
use super::super::six_bits::{self, Part};
use super::super::super_block::{Sums, SuperBlock};
use super::super::unpack::{joined, nibble_of, nibbles, one_bit, one_bit_of};

/// 5 bits a weight, and for 32 weights a scale and a minimum of 6 bits, in units of a block's:
/// `value = q * (scale * unit) - minimum * unit of minimums`. GGUF's Q5_K.
///
/// A block of a group: 8 f16 units and 8 f16 units of minimums, scales and minimums as `six_bits`
/// has them, then 8 parts of 160 bytes, as the bits of `q5`.
#[derive(Clone, Copy, Debug)]
pub struct Q5K;

/// Where a part's bits begin.
const fn place(index: usize) -> usize {
    128 + 160 * index
}

impl SuperBlock for Q5K {
    const NAME: &'static str = "q5k";
    const GROUP_BLOCK_BYTES: usize = 1408;
    const ZERO: Option<i32> = None;
    type Block = [u8; 1408];
    type Part<I: Isa> = Part<I>;

    #[inline(always)]
    fn blocks(weights: &[u8]) -> &[Self::Block] {
        weights.as_chunks().0
    }

    #[inline(always)]
    fn part<I: Isa>(isa: I, block: &Self::Block, index: usize) -> Part<I> {
        let part: &[u8; 160] = array(block, place(index));
        let weights = joined(
            isa,
            nibbles(isa, array(part, 32)),
            one_bit::<4, I>(isa, array(part, 0)),
        );
        six_bits::part(isa, weights, array(block, 32), index)
    }

    #[inline(always)]
    fn add<I: Isa, const T: usize>(
        isa: I,
        part: &Part<I>,
        x: [&Q8Block; T],
        sums: &mut Sums<I, T>,
    ) {
        six_bits::add::<31, I, T>(isa, part, x, sums);
    }

    fn row(group: &[u8], lane: usize, out: &mut [f32]) {
        for (block, out) in Self::blocks(group).iter().zip(out.as_chunks_mut::<256>().0) {
            for (index, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
                let part = &block[place(index)..];
                let (scale, minimum) = six_bits::of(block, lane, index);
                for (c, out) in out.iter_mut().enumerate() {
                    let q = nibble_of(&part[32..], lane, c) | one_bit_of(part, lane, c) << 4;
                    *out = f32::from(q) * scale - minimum;
                }
            }
        }
    }
}
