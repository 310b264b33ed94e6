//! Weight format tq1.

use super::super::bytes::array;
use super::super::half::f16_at;
use super::super::isa::Isa;
use super::super::quantize::Q8Block;
use super::super::super_block::{Sums, SuperBlock, Ternary};

/// Ternary weights, five in a byte, and a scale of 256: `value = (q - 1) * scale`. GGUF's TQ1_0.
///
/// A block of a group: 8 f16 scales, then 13 vectors of 8 rows × 4 bytes. A byte is a fraction of 256,
/// and its digits to the base 3 are five weights: digit `n` of byte `i` of vector `v` is column
/// `4 * (13 * n + v) + i`, as long as there are columns.
#[derive(Clone, Copy, Debug)]
pub struct TQ1;

/// Vectors of a block.
const VECTORS: usize = 13;

/// The vector of four columns, and the digit.
const fn place(four: usize) -> (usize, usize) {
    (four % VECTORS, four / VECTORS)
}

impl SuperBlock for TQ1 {
    const NAME: &'static str = "tq1";
    const GROUP_BLOCK_BYTES: usize = 432;
    const ZERO: Option<i32> = Some(1);
    type Block = [u8; 432];
    type Part<I: Isa> = Ternary<I>;

    #[inline(always)]
    fn blocks(weights: &[u8]) -> &[Self::Block] {
        weights.as_chunks().0
    }

    #[inline(always)]
    fn part<I: Isa>(isa: I, block: &Self::Block, index: usize) -> Ternary<I> {
        let mut weights = [isa.bytes(array(block, 16)); 8];
        for (k, weights) in weights.iter_mut().enumerate() {
            let (vector, digit) = place(8 * index + k);
            let mut left = isa.bytes(array(block, 16 + 32 * vector));
            for _ in 0..digit {
                left = isa.triple(left);
            }
            *weights = isa.carry_of_triple(left);
        }
        Ternary(weights)
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
            for (c, out) in out.iter_mut().enumerate() {
                let (vector, digit) = place(c / 4);
                let mut left = block[16 + 32 * vector + 4 * lane + c % 4];
                for _ in 0..digit {
                    left = left.wrapping_mul(3);
                }
                let q = (3 * u16::from(left)) >> 8;
                *out = (f32::from(q) - 1.0) * f16_at(block, lane);
            }
        }
    }
}
