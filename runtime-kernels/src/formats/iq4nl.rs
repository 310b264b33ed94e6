//! Weight format iq4nl.

use super::super::bytes::array;
use super::super::format::Format;
use super::super::half::f16_at;
use super::super::isa::Isa;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::super::scaled::{self, Scaled};
use super::super::unpack::{nibble_of, nibbles};

/// What the codes stand for, in units of the scale: GGUF's `kvalues_iq4nl`.
pub const LEVELS: [i8; 16] = [
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
];

/// 4 bits a weight that choose a level, and a scale: `value = level * scale`. GGUF's IQ4_NL.
///
/// A block of a group is as in `q4`.
#[derive(Clone, Copy, Debug)]
pub struct IQ4NL;

impl Format for IQ4NL {
    const NAME: &'static str = "iq4nl";
    const GROUP_BLOCK_BYTES: usize = 144;
    const GROUPS: usize = 2;
    const PANELS: usize = 8;
    type Block = [u8; 144];
    type Input = Q8Block;
    type Panel<I: Isa> = Scaled<I>;

    #[inline(always)]
    fn blocks(weights: &[u8]) -> &[Self::Block] {
        weights.as_chunks().0
    }

    #[inline(always)]
    fn panel<I: Isa>(isa: I, block: &Self::Block) -> Scaled<I> {
        let codes = nibbles(isa, array(block, 16));
        Scaled {
            weights: map(codes, |codes| isa.lookup(&LEVELS, codes)),
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

    fn row(group: &[u8], lane: usize, out: &mut [f32]) {
        for (block, out) in Self::blocks(group).iter().zip(out.as_chunks_mut::<32>().0) {
            let scale = f16_at(block, lane);
            for (c, out) in out.iter_mut().enumerate() {
                let code = nibble_of(&block[16..], lane, c);
                *out = f32::from(LEVELS[usize::from(code)]) * scale;
            }
        }
    }
}
