//! Weight format tq2.

use super::super::bytes::array;
use super::super::half::f16_at;
use super::super::isa::Isa;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::super::super_block::{Factors, Sums, SuperBlock, Weights};
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
    type Block = [u8; 528];
    type Part<I: Isa> = Weights<I>;
    type Factors<I: Isa> = Factors<I, 1>;

    #[inline(always)]
    fn blocks(weights: &[u8]) -> &[Self::Block] {
        weights.as_chunks().0
    }

    #[inline(always)]
    fn part<I: Isa>(isa: I, block: &Self::Block, index: usize) -> Weights<I> {
        Weights(two_bits::<0, I>(isa, array(block, place(index))))
    }

    #[inline(always)]
    fn factors<I: Isa>(isa: I, block: &Self::Block) -> Factors<I, 1> {
        Factors::of(isa, block)
    }

    #[inline(always)]
    fn add<I: Isa, const T: usize>(
        isa: I,
        part: &Weights<I>,
        x: [&Q8Block; T],
        sums: &mut Sums<I, T>,
    ) {
        let columns = map(x, |x| x.columns());
        isa.add_dot::<3, 8, T>(&mut sums.products, &part.0, columns, isa.all(1));
        sums.add_offsets(isa, isa.all(1 << 16 | 1), x);
    }

    #[inline(always)]
    fn end<I: Isa, const T: usize>(
        isa: I,
        factors: Factors<I, 1>,
        sums: Sums<I, T>,
        scales: [f32; T],
        acc: &mut [I::F32x8; T],
    ) {
        factors.add(isa, sums.with_offsets(isa, -1), scales, acc);
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
