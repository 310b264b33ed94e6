//! Weight format t4.

use super::super::bytes::array;
use super::super::codes::{self, Codes, Raised};
use super::super::format::Format;
use super::super::isa::{Integers, Isa};
use super::super::quantize::Q8Block;
use super::super::scalar::Scalar;

/// What the codes stand for, in units of a row's scale.
pub const LEVELS: [i8; 16] = [
    -63, -48, -37, -29, -22, -15, -9, -3, 3, 9, 15, 22, 29, 37, 48, 63,
];

/// 4 bits a weight, and a scale a row: the block is its codes.
#[derive(Clone, Copy, Debug)]
pub struct T4;

/// The codes' words.
#[inline(always)]
fn unpack<I: Integers>(isa: I, block: &[u8; 128]) -> Codes<I> {
    let mut codes = [isa.bytes(array(block, 0)); 4];
    for (j, code) in codes.iter_mut().enumerate() {
        *code = isa.bytes(array(block, 32 * j));
    }
    codes
}

impl Format for T4 {
    const NAME: &'static str = "t4";
    const HEAD_BYTES: usize = codes::HEAD_BYTES;
    const GROUP_BLOCK_BYTES: usize = 128;
    const GROUPS: usize = 2;
    const PANELS: usize = 8;
    type Block = [u8; 128];
    type Input = Q8Block;
    type Panel<I: Isa> = Raised<I>;

    #[inline(always)]
    fn blocks(weights: &[u8]) -> &[Self::Block] {
        weights.as_chunks().0
    }

    #[inline(always)]
    fn panel<I: Isa>(isa: I, block: &Self::Block) -> Raised<I> {
        codes::raised(isa, unpack(isa, block), &LEVELS)
    }

    #[inline(always)]
    fn products<I: Isa, const T: usize>(
        isa: I,
        panel: &Raised<I>,
        x: [&Self::Input; T],
        acc: &mut [I::F32x8; T],
    ) {
        codes::add(isa, panel, x, acc);
    }

    #[inline(always)]
    fn finish<I: Isa>(isa: I, head: &[u8], sums: I::F32x8) -> I::F32x8 {
        codes::scale(isa, head, sums)
    }

    fn row(group: &[u8], lane: usize, out: &mut [f32]) {
        let Some(scalar) = Scalar::new() else {
            panic!("scalar code runs everywhere");
        };
        let (head, blocks) = group.split_at(Self::HEAD_BYTES);
        for (block, out) in Self::blocks(blocks).iter().zip(out.as_chunks_mut().0) {
            codes::values(unpack(scalar, block), &LEVELS, head, lane, out);
        }
    }
}
