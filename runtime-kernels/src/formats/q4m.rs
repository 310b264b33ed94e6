//! Weight format q4m.

use super::super::bytes::array;
use super::super::format::Format;
use super::super::half::f16_at;
use super::super::isa::Isa;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::super::scaled::{self, WithMinimum};
use super::super::unpack::nibbles;

/// 4 bits a weight, a scale and a minimum: `value = q * scale + minimum`.
///
/// A block of a group: 8 f16 scales, 8 f16 minimums, then the nibbles as in `q4`.
#[derive(Clone, Copy, Debug)]
pub struct Q4M;

impl Format for Q4M {
    const NAME: &'static str = "q4m";
    const GROUP_BLOCK_BYTES: usize = 160;
    const GROUPS: usize = 2;
    const PANELS: usize = 8;
    type Block = [u8; 160];
    type Input = Q8Block;
    type Panel<I: Isa> = WithMinimum<I>;

    #[inline(always)]
    fn blocks(weights: &[u8]) -> &[Self::Block] {
        weights.as_chunks().0
    }

    #[inline(always)]
    fn panel<I: Isa>(isa: I, block: &Self::Block) -> WithMinimum<I> {
        scaled::with_minimum(isa, nibbles(isa, array(block, 32)), array(block, 0))
    }

    #[inline(always)]
    fn products<I: Isa, const T: usize>(
        isa: I,
        panel: &WithMinimum<I>,
        x: [&Self::Input; T],
        acc: &mut [I::F32x8; T],
    ) {
        let columns = map(x, |x| x.columns());
        let sums = isa.dot::<15, 8, T>(&panel.weights, columns, [0; T]);
        scaled::add_with_minimum(isa, sums, panel, x, acc);
    }

    #[inline(always)]
    fn block<I: Isa, const G: usize>(
        isa: I,
        weights: [&Self::Block; G],
        x: &Self::Input,
        acc: &mut [I::F32x8; G],
    ) {
        for (block, acc) in weights.into_iter().zip(acc) {
            let sums = isa.dot_nibbles(array(block, 32), [x], [0]);
            let mut sum = [*acc];
            scaled::add_with_minimum(isa, sums, &Self::panel(isa, block), [x], &mut sum);
            [*acc] = sum;
        }
    }

    fn row(group: &[u8], lane: usize, out: &mut [f32]) {
        for (block, out) in Self::blocks(group).iter().zip(out.as_chunks_mut::<32>().0) {
            let (scale, minimum) = (f16_at(block, lane), f16_at(block, 8 + lane));
            for (c, out) in out.iter_mut().enumerate() {
                let pair = block[32 + 32 * (c / 4 % 4) + 4 * lane + c % 4];
                let q = if c < 16 { pair & 15 } else { pair >> 4 };
                *out = f32::from(q) * scale + minimum;
            }
        }
    }
}
