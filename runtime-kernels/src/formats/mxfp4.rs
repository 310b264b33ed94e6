//! Weight format mxfp4.

use super::super::bytes::array;
use super::super::format::Format;
use super::super::isa::Isa;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::super::scaled::{self, Scaled};
use super::super::unpack::{nibble_of, nibbles};

/// What the codes stand for: twice the numbers of E2M1, of which GGUF has no negative zero.
pub const LEVELS: [i8; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/// The levels, 12 more than they are, so that they are not negative.
const RAISED: [i8; 16] = [12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0];

/// 4 bits a weight that choose a level, and a power of 2: `value = level * 2^n`. GGUF's MXFP4, where
/// `n` is at least −126.
///
/// A block of a group: 8 `n` as i8, then the codes as in `q4`.
#[derive(Clone, Copy, Debug)]
pub struct MXFP4;

#[inline(always)]
fn scales<I: Isa>(isa: I, block: &[u8; 136]) -> I::F32x8 {
    let word = |at| f32::from_le_bytes(*array(block, at));
    isa.pow2(isa.from_i8(&[word(0), word(4)]))
}

impl Format for MXFP4 {
    const NAME: &'static str = "mxfp4";
    const GROUP_BLOCK_BYTES: usize = 136;
    const GROUPS: usize = 2;
    const PANELS: usize = 8;
    type Block = [u8; 136];
    type Input = Q8Block;
    type Panel<I: Isa> = Scaled<I>;

    #[inline(always)]
    fn blocks(weights: &[u8]) -> &[Self::Block] {
        weights.as_chunks().0
    }

    #[inline(always)]
    fn panel<I: Isa>(isa: I, block: &Self::Block) -> Scaled<I> {
        let codes = nibbles(isa, array(block, 8));
        Scaled {
            weights: map(codes, |codes| isa.lookup(&RAISED, codes)),
            scales: scales(isa, block),
        }
    }

    #[inline(always)]
    fn products<I: Isa, const T: usize>(
        isa: I,
        panel: &Scaled<I>,
        x: [&Self::Input; T],
        acc: &mut [I::F32x8; T],
    ) {
        // -12 times the sum of the activations.
        let start = map(x, |x| x.center + (x.center >> 1));
        let sums = isa.dot::<24, 8, T>(&panel.weights, map(x, |x| x.columns()), start);
        scaled::add(isa, sums, panel.scales, x, acc);
    }

    fn row(group: &[u8], lane: usize, out: &mut [f32]) {
        for (block, out) in Self::blocks(group).iter().zip(out.as_chunks_mut::<32>().0) {
            let scale = f32::from_bits(((block[lane] as i8 as i32 + 127) as u32) << 23);
            for (c, out) in out.iter_mut().enumerate() {
                let code = nibble_of(&block[8..], lane, c);
                *out = f32::from(LEVELS[usize::from(code)]) * scale;
            }
        }
    }
}
