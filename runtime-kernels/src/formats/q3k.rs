//! Weight format q3k.

use super::super::bytes::array;
use super::super::half::f16_at;
use super::super::isa::Isa;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::super::sixteens::{self, Part};
use super::super::super_block::{Sums, SuperBlock};
use super::super::unpack::{joined, one_bit, one_bit_of, two_bits, two_bits_of};

/// 3 bits a weight, and for 16 weights a scale of 6 bits, in units of a block's:
/// `value = (q - 4) * ((scale - 32) * unit)`. GGUF's Q3_K.
///
/// A block of a group: 8 f16 units; 2 words a row with the low 4 bits of 8 scales each, and one with
/// the high 2 bits of 16; then 8 parts of 96 bytes: the low 2 bits (see `unpack::two_bits`), and the
/// high one (see `unpack::one_bit`).
#[derive(Clone, Copy, Debug)]
pub struct Q3K;

/// Where a part's bits begin.
const fn place(index: usize) -> usize {
    112 + 96 * index
}

impl SuperBlock for Q3K {
    const NAME: &'static str = "q3k";
    const GROUP_BLOCK_BYTES: usize = 880;
    const ZERO: Option<i32> = Some(4);
    type Block = [u8; 880];
    type Part<I: Isa> = Part<I>;

    #[inline(always)]
    fn blocks(weights: &[u8]) -> &[Self::Block] {
        weights.as_chunks().0
    }

    #[inline(always)]
    fn part<I: Isa>(isa: I, block: &Self::Block, index: usize) -> Part<I> {
        let part: &[u8; 96] = array(block, place(index));
        let low = isa.words(array(block, 16 + 32 * (index / 4)));
        let high = isa.words(array(block, 80));
        let scales = map([0, 1], |half| {
            let scale = 2 * index as u32 + half;
            let low = isa.field(low, 4 * (scale % 8), 15);
            let six = isa.add_shifted(low, isa.field(high, 2 * scale, 3), 4);
            isa.add_shifted(six, isa.all(-32), 0)
        });
        let weights = joined(
            isa,
            two_bits::<0, I>(isa, array(part, 0)),
            one_bit::<2, I>(isa, array(part, 64)),
        );
        sixteens::centered(isa, weights, scales)
    }

    #[inline(always)]
    fn add<I: Isa, const T: usize>(
        isa: I,
        part: &Part<I>,
        x: [&Q8Block; T],
        sums: &mut Sums<I, T>,
    ) {
        sixteens::add::<7, I, T>(isa, part, x, sums);
    }

    fn row(group: &[u8], lane: usize, out: &mut [f32]) {
        for (block, out) in Self::blocks(group).iter().zip(out.as_chunks_mut::<256>().0) {
            for (index, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
                let part = &block[place(index)..];
                for (c, out) in out.iter_mut().enumerate() {
                    let scale = 2 * index + c / 16;
                    let word = |at| u32::from_le_bytes(*array(block, at + 4 * lane));
                    let low = word(16 + 32 * (scale / 8)) >> (4 * (scale % 8)) & 15;
                    let six = low | (word(80) >> (2 * scale) & 3) << 4;
                    let scale = f16_at(block, lane) * (six as f32 - 32.0);
                    let q = two_bits_of(part, lane, c) | one_bit_of(&part[64..], lane, c) << 2;
                    *out = (f32::from(q) - 4.0) * scale;
                }
            }
        }
    }
}
