//! Weight format iq4xs.

use super::super::bytes::array;
use super::super::format::Panel;
use super::super::half::f16_at;
use super::super::isa::Isa;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::super::super_block::{Sums, SuperBlock};
use super::super::unpack::{nibble_of, nibbles};

/// 4 bits a weight that choose a level, and for 32 weights a scale of 6 bits, in units of a block's:
/// `value = level * ((scale - 32) * unit)`. GGUF's IQ4_XS.
///
/// A block of a group: 8 f16 units; a word a row with the low 4 bits of 8 scales; a u16 a row with
/// their high 2 bits; then 8 parts of 128 bytes, as the nibbles of `q4`.
#[derive(Clone, Copy, Debug)]
pub struct IQ4XS;

/// What the codes stand for, in units of the scale: GGUF's `kvalues_iq4nl`.
pub const LEVELS: [i8; 16] = [
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
];

/// A part of a block as products take it.
#[derive(Clone, Copy)]
pub struct Part<I: Isa> {
    weights: [I::Bytes; 8],
    /// A row's integer scale.
    scales: I::Words,
}

impl<I: Isa> Panel<I> for Part<I> {
    #[inline(always)]
    fn pair(&mut self, isa: I) {
        isa.pair(&mut self.weights);
    }
}

/// Where a part's codes begin.
const fn place(index: usize) -> usize {
    64 + 128 * index
}

impl SuperBlock for IQ4XS {
    const NAME: &'static str = "iq4xs";
    const GROUP_BLOCK_BYTES: usize = 1088;
    const ZERO: Option<i32> = Some(0);
    type Block = [u8; 1088];
    type Part<I: Isa> = Part<I>;

    #[inline(always)]
    fn blocks(weights: &[u8]) -> &[Self::Block] {
        weights.as_chunks().0
    }

    #[inline(always)]
    fn part<I: Isa>(isa: I, block: &Self::Block, index: usize) -> Part<I> {
        let codes = nibbles(isa, array(block, place(index)));
        let low = isa.field(isa.words(array(block, 16)), 4 * index as u32, 15);
        let high = isa.field(isa.halves(array(block, 48)), 2 * index as u32, 3);
        let scales = isa.add_shifted(isa.add_shifted(low, high, 4), isa.all(-32), 0);
        Part {
            weights: map(codes, |codes| isa.lookup(&LEVELS, codes)),
            scales,
        }
    }

    #[inline(always)]
    fn add<I: Isa, const T: usize>(
        isa: I,
        part: &Part<I>,
        x: [&Q8Block; T],
        sums: &mut Sums<I, T>,
    ) {
        let dots = isa.dot_i8(&part.weights, x);
        for (sum, dot) in sums.products.iter_mut().zip(dots) {
            *sum = isa.add_multiple(*sum, dot, part.scales);
        }
    }

    fn row(group: &[u8], lane: usize, out: &mut [f32]) {
        for (block, out) in Self::blocks(group).iter().zip(out.as_chunks_mut::<256>().0) {
            for (index, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
                let part = &block[place(index)..];
                let low = u32::from_le_bytes(*array(block, 16 + 4 * lane)) >> (4 * index) & 15;
                let high = u16::from_le_bytes(*array(block, 48 + 2 * lane)) >> (2 * index) & 3;
                let six = low | u32::from(high) << 4;
                let scale = f16_at(block, lane) * (six as f32 - 32.0);
                for (c, out) in out.iter_mut().enumerate() {
                    let code = nibble_of(part, lane, c);
                    *out = f32::from(LEVELS[usize::from(code)]) * scale;
                }
            }
        }
    }
}
