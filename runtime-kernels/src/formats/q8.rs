//! Weight format q8.

use super::super::bytes::array;
use super::super::format::Format;
use super::super::half::f16_at;
use super::super::isa::Isa;
use super::super::quantize::Q8Block;
use super::super::scaled::{self, Scaled};
use super::super::unpack::eight;

/// 8 bits a weight and a scale: `value = q * scale`.
///
/// A block of a group: 8 f16 scales, then 8 chunks of 4 columns, each 8 rows × 4 i8.
#[derive(Clone, Copy, Debug)]
pub struct Q8;

impl Format for Q8 {
    const NAME: &'static str = "q8";
    const GROUP_BLOCK_BYTES: usize = 272;
    const GROUPS: usize = 2;
    const PANELS: usize = 8;
    type Block = [u8; 272];
    type Input = Q8Block;
    type Panel<I: Isa> = Scaled<I>;

    #[inline(always)]
    fn blocks(weights: &[u8]) -> &[Self::Block] {
        weights.as_chunks().0
    }

    #[inline(always)]
    fn panel<I: Isa>(isa: I, block: &Self::Block) -> Scaled<I> {
        Scaled {
            weights: eight(isa, array(block, 16)),
            scales: isa.from_f16(array(block, 0)),
        }
    }

    #[inline(always)]
    fn products<I: Isa, const T: usize>(
        isa: I,
        panel: &Scaled<I>,
        x: [&Self::Input; T],
        acc: &mut [I::F32x8; T],
    ) {
        let sums = isa.dot_i8(&panel.weights, x);
        scaled::add(isa, sums, panel.scales, x, acc);
    }

    #[inline(always)]
    fn block<I: Isa, const G: usize>(
        isa: I,
        weights: [&Self::Block; G],
        x: &Self::Input,
        acc: &mut [I::F32x8; G],
    ) {
        for g in 0..G {
            let scales = isa.from_f16(array(weights[g], 0));
            let sums = isa.dot_i8_of(array(weights[g], 16), [x]);
            let mut sum = [acc[g]];
            scaled::add(isa, sums, scales, [x], &mut sum);
            [acc[g]] = sum;
        }
    }

    fn row(group: &[u8], lane: usize, out: &mut [f32]) {
        for (block, out) in Self::blocks(group).iter().zip(out.as_chunks_mut::<32>().0) {
            let scale = f16_at(block, lane);
            for (c, out) in out.iter_mut().enumerate() {
                let q = block[16 + 32 * (c / 4) + 4 * lane + c % 4] as i8;
                *out = f32::from(q) * scale;
            }
        }
    }
}
