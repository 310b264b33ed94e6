//! The codes of the formats `t2`, `t3` and `t4`: four bits that stand for a weight.
//!
//! A row's block has few bits a weight, and a code shows some of its neighbours': neighbours
//! along a circle share bits, which gives each weight sixteen levels to choose from, though not
//! freely (Marcellin and Fischer 1990, "Trellis coded quantization"; Tseng et al. 2024, "QTIP",
//! arXiv:2406.11235). The formats' levels are for the normal distribution, found by Lloyd's algorithm.
//!
//! A group has a head of 8 f16 scales, one a row. A block has words of 32 bits, 8 rows of each; they
//! become the words of codes that [`Dot::dot_codes`](super::isa::Dot::dot_codes) takes: byte `i` of
//! word `j` has the codes of columns `4j + i` (low) and `16 + 4j + i` (high).

use super::bytes::array;
use super::half::f16_at;
use super::isa::Isa;
use super::quantize::Q8Block;

/// Bytes of a group's scales.
pub const HEAD_BYTES: usize = 16;

/// Codes of 8 rows × 32 columns.
pub type Codes = [u8; 128];

/// Gives the words of all rows, `N` a row, to `word`, which makes word `j` of the codes of them.
#[inline(always)]
#[allow(dead_code, reason = "the block of `t4` is its codes")]
pub fn unpack<const N: usize>(block: &[u8], word: impl Fn([u32; N], usize) -> u32) -> Codes {
    let mut codes = [0; 128];
    let (rows, _) = codes.as_chunks_mut::<4>();
    for j in 0..4 {
        for row in 0..8 {
            let words =
                core::array::from_fn(|n| u32::from_le_bytes(*array(block, 4 * (8 * n + row))));
            rows[8 * j + row] = word(words, j).to_le_bytes();
        }
    }
    codes
}

/// Adds the products of the block of a group with the activations of `T` tokens to `acc`.
#[inline(always)]
pub fn add<I: Isa, const T: usize>(
    isa: I,
    codes: &Codes,
    levels: &[i8; 16],
    x: [&Q8Block; T],
    acc: &mut [I::F32x8; T],
) {
    let sums = isa.dot_codes(codes, levels, x);
    for t in 0..T {
        acc[t] = isa.add_scaled(acc[t], sums[t], isa.splat(x[t].scale));
    }
}

/// Multiplies sums with their rows' scales.
#[inline(always)]
pub fn scale<I: Isa>(isa: I, head: &[u8], sums: I::F32x8) -> I::F32x8 {
    isa.mul(sums, isa.from_f16(array(head, 0)))
}

/// A row's values in a block.
pub fn values(codes: &Codes, levels: &[i8; 16], head: &[u8], lane: usize, out: &mut [f32; 32]) {
    let scale = f16_at(head, lane);
    for (c, out) in out.iter_mut().enumerate() {
        let pair = codes[32 * (c / 4 % 4) + 4 * lane + c % 4];
        let code = if c < 16 { pair & 15 } else { pair >> 4 };
        *out = f32::from(levels[usize::from(code)]) * scale;
    }
}
