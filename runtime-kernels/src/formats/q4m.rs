//! Weight format q4m.

use super::super::bytes::array;
use super::super::format::Format;
use super::super::half::f16_at;
use super::super::isa::Isa;
use super::super::quantize::Q8Block;

/// 4 bits a weight, a scale and a minimum: `value = q * scale + minimum`.
///
/// A block of a group: 8 f16 scales, 8 f16 minimums, then the nibbles as in `q4`.
#[derive(Clone, Copy, Debug)]
pub struct Q4M;

impl Format for Q4M {
    const NAME: &'static str = "q4m";
    const GROUP_BLOCK_BYTES: usize = 160;
    const GROUPS: usize = 2;
    type Block = [u8; 160];
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
        for g in 0..G {
            let scales = isa.from_f16(array(weights[g], 0));
            let minimums = isa.mul(isa.from_f16(array(weights[g], 16)), isa.splat(0.125));
            let sums = isa.dot_q4(array(weights[g], 32), x, [0; T]);
            for t in 0..T {
                let scale = isa.mul(scales, isa.splat(x[t].scale));
                let minimum = isa.mul(minimums, isa.splat(x[t].scale));
                let sum = isa.splat(x[t].sum8);
                acc[g][t] = isa.add_scaled(acc[g][t], sums[t], scale);
                acc[g][t] = isa.add_product(acc[g][t], sum, minimum);
            }
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
