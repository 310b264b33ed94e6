//! Weight format q5.

use super::super::bytes::array;
use super::super::format::Format;
use super::super::half::f16_at;
use super::super::isa::Isa;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::super::scaled::{self, Scaled};
use super::super::unpack::{joined, nibble_of, nibbles, one_bit, one_bit_of};

/// 5 bits a weight and a scale: `value = (q - 16) * scale`. GGUF's Q5_0.
///
/// A block of a group: 8 f16 scales, the highest bits (see `unpack::one_bit`), then the nibbles as in
/// `q4`.
#[derive(Clone, Copy, Debug)]
pub struct Q5;

impl Format for Q5 {
    const NAME: &'static str = "q5";
    const GROUP_BLOCK_BYTES: usize = 176;
    const GROUPS: usize = 2;
    const PANELS: usize = 8;
    type Block = [u8; 176];
    type Input = Q8Block;
    type Panel<I: Isa> = Scaled<I>;

    #[inline(always)]
    fn blocks(weights: &[u8]) -> &[Self::Block] {
        weights.as_chunks().0
    }

    #[inline(always)]
    fn panel<I: Isa>(isa: I, block: &Self::Block) -> Scaled<I> {
        let high = one_bit::<4, I>(isa, array(block, 16));
        Scaled {
            weights: joined(isa, nibbles(isa, array(block, 48)), high),
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
        let (columns, start) = (map(x, |x| x.columns()), map(x, |x| 2 * x.center));
        let sums = isa.dot::<31, 8, T>(&panel.weights, columns, start);
        scaled::add(isa, sums, panel.scales, x, acc);
    }

    fn row(group: &[u8], lane: usize, out: &mut [f32]) {
        for (block, out) in Self::blocks(group).iter().zip(out.as_chunks_mut::<32>().0) {
            let scale = f16_at(block, lane);
            for (c, out) in out.iter_mut().enumerate() {
                let q = nibble_of(&block[48..], lane, c) | one_bit_of(&block[16..], lane, c) << 4;
                *out = (f32::from(q) - 16.0) * scale;
            }
        }
    }
}
