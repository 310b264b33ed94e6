//! Weight format q5m.

use super::super::bytes::array;
use super::super::format::Format;
use super::super::half::f16_at;
use super::super::isa::Isa;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::super::scaled::{self, WithMinimum};
use super::super::unpack::{joined, nibble_of, nibbles, one_bit, one_bit_of};

/// 5 bits a weight, a scale and a minimum: `value = q * scale + minimum`. GGUF's Q5_1.
///
/// A block of a group: 8 f16 scales, 8 f16 minimums, then bits as in `q5`.
#[derive(Clone, Copy, Debug)]
pub struct Q5M;

impl Format for Q5M {
    const NAME: &'static str = "q5m";
    const GROUP_BLOCK_BYTES: usize = 192;
    const GROUPS: usize = 2;
    const PANELS: usize = 8;
    type Block = [u8; 192];
    type Input = Q8Block;
    type Panel<I: Isa> = WithMinimum<I>;

    #[inline(always)]
    fn blocks(weights: &[u8]) -> &[Self::Block] {
        weights.as_chunks().0
    }

    #[inline(always)]
    fn panel<I: Isa>(isa: I, block: &Self::Block) -> WithMinimum<I> {
        let high = one_bit::<4, I>(isa, array(block, 32));
        let weights = joined(isa, nibbles(isa, array(block, 64)), high);
        scaled::with_minimum(isa, weights, array(block, 0))
    }

    #[inline(always)]
    fn products<I: Isa, const T: usize>(
        isa: I,
        panel: &WithMinimum<I>,
        x: [&Self::Input; T],
        acc: &mut [I::F32x8; T],
    ) {
        let columns = map(x, |x| x.columns());
        let sums = isa.dot::<31, 8, T>(&panel.weights, columns, [0; T]);
        scaled::add_with_minimum(isa, sums, panel, x, acc);
    }

    fn row(group: &[u8], lane: usize, out: &mut [f32]) {
        for (block, out) in Self::blocks(group).iter().zip(out.as_chunks_mut::<32>().0) {
            let (scale, minimum) = (f16_at(block, lane), f16_at(block, 8 + lane));
            for (c, out) in out.iter_mut().enumerate() {
                let q = nibble_of(&block[64..], lane, c) | one_bit_of(&block[32..], lane, c) << 4;
                *out = f32::from(q) * scale + minimum;
            }
        }
    }
}
