//! Weight format t4.

use super::super::codes;
use super::super::format::Format;
use super::super::isa::Isa;
use super::super::quantize::Q8Block;

/// What the codes stand for, in units of a row's scale.
pub const LEVELS: [i8; 16] = [
    -63, -48, -37, -29, -22, -15, -9, -3, 3, 9, 15, 22, 29, 37, 48, 63,
];

/// 4 bits a weight, and a scale a row: the block is its codes.
#[derive(Clone, Copy, Debug)]
pub struct T4;

impl Format for T4 {
    const NAME: &'static str = "t4";
    const HEAD_BYTES: usize = codes::HEAD_BYTES;
    const GROUP_BLOCK_BYTES: usize = 128;
    const GROUPS: usize = 2;
    type Block = [u8; 128];
    type Input = Q8Block;

    #[inline(always)]
    fn blocks(weights: &[u8]) -> &[Self::Block] {
        weights.as_chunks().0
    }

    #[inline(always)]
    fn block<I: Isa, const G: usize, const T: usize>(
        isa: I,
        weights: [&Self::Block; G],
        x: [&Self::Input; T],
        acc: &mut [[I::F32x8; T]; G],
    ) {
        for (weights, acc) in weights.into_iter().zip(acc) {
            codes::add(isa, weights, &LEVELS, x, acc);
        }
    }

    #[inline(always)]
    fn finish<I: Isa>(isa: I, head: &[u8], sums: I::F32x8) -> I::F32x8 {
        codes::scale(isa, head, sums)
    }

    fn row(group: &[u8], lane: usize, out: &mut [f32]) {
        let (head, blocks) = group.split_at(Self::HEAD_BYTES);
        for (block, out) in Self::blocks(blocks).iter().zip(out.as_chunks_mut().0) {
            codes::values(block, &LEVELS, head, lane, out);
        }
    }
}
