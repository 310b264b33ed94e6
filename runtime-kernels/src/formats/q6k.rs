//! Weight format q6k.

use super::super::bytes::array;
use super::super::format::Panel;
use super::super::half::f16_at;
use super::super::isa::Isa;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::super::super_block::{Factors, Sums, SuperBlock};
use super::super::unpack::{four_and_four, joined, nibble_of, nibbles, two_bits, two_bits_of};

/// 6 bits a weight, and for 16 weights a scale of 8 bits, in units of a block's:
/// `value = (q - 32) * (scale * unit)`. GGUF's Q6_K.
///
/// A block of a group: 8 f16 units; 4 words a row of i8 scales; then 8 parts of 192 bytes: the high 2
/// bits (see `unpack::two_bits`), and the low 4 bits as in `q4`.
#[derive(Clone, Copy, Debug)]
pub struct Q6K;

/// A part of a block as products take it.
#[derive(Clone, Copy)]
pub struct Part<I: Isa> {
    weights: [I::Bytes; 8],
    /// A row's integer scales, of the first 16 columns and of the last.
    scales: [I::Words; 2],
    /// The same, in the halves of a word.
    offsets: I::Words,
}

impl<I: Isa> Panel<I> for Part<I> {
    #[inline(always)]
    fn pair(&mut self, isa: I) {
        isa.pair(&mut self.weights);
    }
}

/// Where a part's bits begin.
const fn place(index: usize) -> usize {
    144 + 192 * index
}

impl SuperBlock for Q6K {
    const NAME: &'static str = "q6k";
    const GROUP_BLOCK_BYTES: usize = 1680;
    type Block = [u8; 1680];
    type Part<I: Isa> = Part<I>;
    type Factors<I: Isa> = Factors<I, 1>;

    #[inline(always)]
    fn blocks(weights: &[u8]) -> &[Self::Block] {
        weights.as_chunks().0
    }

    #[inline(always)]
    fn part<I: Isa>(isa: I, block: &Self::Block, index: usize) -> Part<I> {
        let part: &[u8; 192] = array(block, place(index));
        let words = isa.words(array(block, 16 + 32 * (index / 2)));
        let byte = 2 * (index as u32 % 2);
        let scales = map([byte, byte + 1], |byte| isa.signed_byte(words, byte));
        Part {
            weights: joined(
                isa,
                nibbles(isa, array(part, 64)),
                two_bits::<4, I>(isa, array(part, 0)),
            ),
            scales,
            offsets: isa.add_shifted(isa.field(scales[0], 0, 0xffff), scales[1], 16),
        }
    }

    #[inline(always)]
    fn factors<I: Isa>(isa: I, block: &Self::Block) -> Factors<I, 1> {
        Factors::of(isa, block)
    }

    #[inline(always)]
    fn add<I: Isa, const T: usize>(
        isa: I,
        part: &Part<I>,
        x: [&Q8Block; T],
        sums: &mut Sums<I, T>,
    ) {
        let [first, last] = four_and_four(&part.weights);
        let columns = map(x, |x| x.halves()[0]);
        isa.add_dot::<63, 4, T>(&mut sums.products, first, columns, part.scales[0]);
        let columns = map(x, |x| x.halves()[1]);
        isa.add_dot::<63, 4, T>(&mut sums.products, last, columns, part.scales[1]);
        sums.add_offsets(isa, part.offsets, x);
    }

    #[inline(always)]
    fn end<I: Isa, const T: usize>(
        isa: I,
        factors: Factors<I, 1>,
        sums: Sums<I, T>,
        scales: [f32; T],
        acc: &mut [I::F32x8; T],
    ) {
        factors.add(isa, sums.with_offsets(isa, -32), scales, acc);
    }

    fn row(group: &[u8], lane: usize, out: &mut [f32]) {
        for (block, out) in Self::blocks(group).iter().zip(out.as_chunks_mut::<256>().0) {
            for (index, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
                let part = &block[place(index)..];
                for (c, out) in out.iter_mut().enumerate() {
                    let scale = 2 * index + c / 16;
                    let scale = block[16 + 32 * (scale / 4) + 4 * lane + scale % 4] as i8;
                    let scale = f16_at(block, lane) * f32::from(scale);
                    let high = two_bits_of(part, lane, c) << 4;
                    let q = nibble_of(&part[64..], lane, c) | high;
                    *out = (f32::from(q) - 32.0) * scale;
                }
            }
        }
    }
}
