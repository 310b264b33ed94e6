//! Weight format q6k.

use super::super::bytes::array;
use super::super::half::f16_at;
use super::super::isa::Isa;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::super::sixteens::{self, Part};
use super::super::super_block::{Sums, SuperBlock};
use super::super::unpack::{joined, nibble_of, nibbles, two_bits, two_bits_of};

/// 6 bits a weight, and for 16 weights a scale of 8 bits, in units of a block's:
/// `value = (q - 32) * (scale * unit)`. GGUF's Q6_K.
///
/// A block of a group: 8 f16 units; 4 words a row of i8 scales; then 8 parts of 192 bytes: the high 2
/// bits (see `unpack::two_bits`), and the low 4 bits as in `q4`.
#[derive(Clone, Copy, Debug)]
pub struct Q6K;

/// Where a part's bits begin.
const fn place(index: usize) -> usize {
    144 + 192 * index
}

impl SuperBlock for Q6K {
    const NAME: &'static str = "q6k";
    const GROUP_BLOCK_BYTES: usize = 1680;
    const ZERO: Option<i32> = Some(32);
    type Block = [u8; 1680];
    type Part<I: Isa> = Part<I>;

    #[inline(always)]
    fn blocks(weights: &[u8]) -> &[Self::Block] {
        weights.as_chunks().0
    }

    #[inline(always)]
    fn part<I: Isa>(isa: I, block: &Self::Block, index: usize) -> Part<I> {
        let part: &[u8; 192] = array(block, place(index));
        let words = isa.words(array(block, 16 + 32 * (index / 2)));
        let byte = 2 * (index as u32 % 2);
        let scales = map([byte, byte + 1], |byte| isa.signed_byte(words, byte));
        let weights = joined(
            isa,
            nibbles(isa, array(part, 64)),
            two_bits::<4, I>(isa, array(part, 0)),
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
        sixteens::add::<63, I, T>(isa, part, x, sums);
    }

    fn row(group: &[u8], lane: usize, out: &mut [f32]) {
        for (block, out) in Self::blocks(group).iter().zip(out.as_chunks_mut::<256>().0) {
            for (index, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
                let part = &block[place(index)..];
                for (c, out) in out.iter_mut().enumerate() {
                    let scale = 2 * index + c / 16;
                    let scale = block[16 + 32 * (scale / 4) + 4 * lane + scale % 4] as i8;
                    let scale = f16_at(block, lane) * f32::from(scale);
                    let high = two_bits_of(part, lane, c) << 4;
                    let q = nibble_of(&part[64..], lane, c) | high;
                    *out = (f32::from(q) - 32.0) * scale;
                }
            }
        }
    }
}
