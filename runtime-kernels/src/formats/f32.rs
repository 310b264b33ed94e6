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
    // More would be much stack.
    const PANELS: usize = 1;
    type Block = [u8; 1024];
    type Input = [f32; 32];
    type Panel<I: Isa> = [I::F32x8; 32];

    #[inline(always)]
    fn blocks(weights: &[u8]) -> &[Self::Block] {
        weights.as_chunks().0
    }

    #[inline(always)]
    fn panel<I: Isa>(isa: I, block: &Self::Block) -> [I::F32x8; 32] {
        let mut columns = [isa.splat(0.0); 32];
        for (c, column) in columns.iter_mut().enumerate() {
            *column = isa.load_bytes(array(block, 32 * c));
        }
        columns
    }

    #[inline(always)]
    fn products<I: Isa, const T: usize>(
        isa: I,
        panel: &[I::F32x8; 32],
        x: [&Self::Input; T],
        acc: &mut [I::F32x8; T],
    ) {
        let mut sums = [isa.splat(0.0); T];
        for (c, &w) in panel.iter().enumerate() {
            for t in 0..T {
                sums[t] = isa.add_product(sums[t], w, isa.splat(x[t][c]));
            }
        }
        for t in 0..T {
            acc[t] = isa.add(acc[t], sums[t]);
        }
    }

    // Column after column, so that chains run side by side.
    #[inline(always)]
    fn block<I: Isa, const G: usize>(
        isa: I,
        weights: [&Self::Block; G],
        x: &Self::Input,
        acc: &mut [I::F32x8; G],
    ) {
        let mut sums = [isa.splat(0.0); G];
        for (c, &x) in x.iter().enumerate() {
            let x = isa.splat(x);
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = isa.add_product(*sum, isa.load_bytes(array(weights, 32 * c)), x);
            }
        }
        for (acc, sum) in acc.iter_mut().zip(sums) {
            *acc = isa.add(*acc, sum);
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
