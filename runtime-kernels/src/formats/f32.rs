//! Weight format f32.

use super::super::bytes::array;
use super::super::format::Format;
use super::super::isa::Isa;

/// 32-bit floats. A block of a group: for each column, 8 rows × f32, little-endian.
#[derive(Clone, Copy, Debug)]
pub struct F32;

impl Format for F32 {
    const NAME: &'static str = "f32";
    const GROUP_BLOCK_BYTES: usize = 1024;
    const GROUPS: usize = 8;
    type Block = [u8; 1024];
    type Input = [f32; 32];

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
        let mut sums = [[isa.splat(0.0); T]; G];
        #[allow(clippy::needless_range_loop, reason = "x is indexed by two variables")]
        for c in 0..32 {
            for g in 0..G {
                let w = isa.load_bytes(array(weights[g], 32 * c));
                for t in 0..T {
                    sums[g][t] = isa.add_product(sums[g][t], w, isa.splat(x[t][c]));
                }
            }
        }
        for g in 0..G {
            for t in 0..T {
                acc[g][t] = isa.add(acc[g][t], sums[g][t]);
            }
        }
    }

    fn row(group: &[u8], lane: usize, out: &mut [f32]) {
        for (block, out) in Self::blocks(group).iter().zip(out.as_chunks_mut::<32>().0) {
            for (c, out) in out.iter_mut().enumerate() {
                *out = f32::from_le_bytes(*array(block, 4 * (8 * c + lane)));
            }
        }
    }
}
