//! Weight format t2.

use super::super::codes::{self, Codes, Raised};
use super::super::format::Format;
use super::super::isa::{Integers, Isa};
use super::super::quantize::Q8Block;
use super::super::scalar::Scalar;

/// What the codes stand for, in units of a row's scale.
pub const LEVELS: [i8; 16] = [
    21, -38, -13, 2, -17, 8, -39, 31, 0, 57, 27, -25, 39, -15, 8, -60,
];

/// 2 bits a weight, and a scale a row.
///
/// Of a row's block, two words; each is a circle of 16 symbols of 2 bits, the first in the lowest
/// bits. A code is two neighbouring symbols: that at bit `p`, the weight's own, and that at
/// `p + 2`. Bits 0 and 4 of a byte begin the codes of word `2v` of the codes, bits 2 and 6 those
/// of word `2v + 1`.
#[derive(Clone, Copy, Debug)]
pub struct T2;

/// The codes' words.
#[inline(always)]
fn unpack<I: Integers>(isa: I, block: &[u8; 64]) -> Codes<I> {
    let mut codes = [isa.to_bytes(isa.all(0)); 4];
    for (j, code) in codes.iter_mut().enumerate() {
        let circles = codes::words(isa, block, j / 2);
        *code = isa.to_bytes(codes::rotated(isa, circles, 2 * (j as u32 % 2), u32::MAX));
    }
    codes
}

impl Format for T2 {
    const NAME: &'static str = "t2";
    const HEAD_BYTES: usize = codes::HEAD_BYTES;
    const GROUP_BLOCK_BYTES: usize = 64;
    const GROUPS: usize = 2;
    const PANELS: usize = 8;
    type Block = [u8; 64];
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
