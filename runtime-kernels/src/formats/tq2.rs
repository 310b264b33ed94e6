//! Weight format tq2.

use super::super::bytes::array;
use super::super::half::f16_at;
use super::super::isa::Isa;
use super::super::quantize::Q8Block;
use super::super::super_block::{Sums, SuperBlock, Ternary};
use super::super::unpack::{two_bits, two_bits_of};

/// Ternary weights in 2 bits, and a scale of 256: `value = (q - 1) * scale`. GGUF's TQ2_0.
///
/// A block of a group: 8 f16 scales, then 8 parts of 64 bytes (see `unpack::two_bits`).
#[derive(Clone, Copy, Debug)]
pub struct TQ2;

/// Where a part's bits begin.
const fn place(index: usize) -> usize {
    16 + 64 * index
}

impl SuperBlock for TQ2 {
    const NAME: &'static str = "tq2";
    const GROUP_BLOCK_BYTES: usize = 528;
    const ZERO: Option<i32> = Some(1);
    type Block = [u8; 528];
    type Part<I: Isa> = Ternary<I>;

    #[inline(always)]
    fn blocks(weights: &[u8]) -> &[Self::Block] {
        weights.as_chunks().0
    }

    #[inline(always)]
    fn part<I: Isa>(isa: I, block: &Self::Block, index: usize) -> Ternary<I> {
        Ternary(two_bits::<0, I>(isa, array(block, place(index))))
    }

    #[inline(always)]
    fn add<I: Isa, const T: usize>(
        isa: I,
        part: &Ternary<I>,
        x: [&Q8Block; T],
        sums: &mut Sums<I, T>,
    ) {
        part.add(isa, x, sums);
    }

    fn row(group: &[u8], lane: usize, out: &mut [f32]) {
        for (block, out) in Self::blocks(group).iter().zip(out.as_chunks_mut::<256>().0) {
            for (index, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
                let part = &block[place(index)..];
                for (c, out) in out.iter_mut().enumerate() {
                    let q = two_bits_of(part, lane, c);
                    *out = (f32::from(q) - 1.0) * f16_at(block, lane);
                }
            }
        }
    }
}
