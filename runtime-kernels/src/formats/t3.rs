//! Weight format t3.

use super::super::codes::{self, Codes, Raised};
use super::super::format::Format;
use super::super::isa::{Integers, Isa};
use super::super::quantize::Q8Block;
use super::super::scalar::Scalar;

/// What the codes stand for, in units of a row's scale.
pub const LEVELS: [i8; 16] = [
    -57, -20, 0, 22, -41, -10, 10, 32, -32, -10, 10, 40, -22, 0, 20, 56,
];

/// 3 bits a weight, and a scale a row.
///
/// Of a row's block, two words with the low halves of codes, 2 bits each, and one that is a circle of
/// 32 bits: of these a code has two neighbours in its high half, the lower its weight's own. Bits 0
/// and 4 of a byte begin the halves of words 0 and 2 of the codes, bits 2 and 6 those of words 1
/// and 3; word `j`'s high halves are bits 2 and 3, and 6 and 7, of the circle after rotation by `j`.
#[derive(Clone, Copy, Debug)]
pub struct T3;

/// The codes' words.
#[inline(always)]
fn unpack<I: Integers>(isa: I, block: &[u8; 96]) -> Codes<I> {
    let circles = codes::words(isa, block, 2);
    let mut codes = [isa.to_bytes(circles); 4];
    for (j, code) in codes.iter_mut().enumerate() {
        let halves = codes::words(isa, block, j / 2);
        let low = isa.field(halves, 2 * (j as u32 % 2), 0x3333_3333);
        let high = codes::rotated(isa, circles, j as u32, 0xcccc_cccc);
        *code = isa.to_bytes(isa.add_shifted(low, high, 0));
    }
    codes
}

impl Format for T3 {
    const NAME: &'static str = "t3";
    const HEAD_BYTES: usize = codes::HEAD_BYTES;
    const GROUP_BLOCK_BYTES: usize = 96;
    const GROUPS: usize = 2;
    const PANELS: usize = 8;
    type Block = [u8; 96];
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
