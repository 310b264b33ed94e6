//! The codes of the formats `t2`, `t3` and `t4`: four bits that stand for a weight.
//!
//! A row's block has few bits a weight, and a code shows some of its neighbours': neighbours
//! along a circle share bits, which gives each weight sixteen levels to choose from, though not
//! freely (Marcellin and Fischer 1990, "Trellis coded quantization"; Tseng et al. 2024, "QTIP",
//! arXiv:2406.11235). The formats' levels are for the normal distribution, found by Lloyd's algorithm.
//!
//! A group has a head of 8 f16 scales, one a row. A block has words of 32 bits, 8 rows of each; they
//! become the words of codes: byte `i` of word `j` has the codes of columns `4j + i` (low) and
//! `16 + 4j + i` (high).

use super::bytes::array;
use super::format::Panel;
use super::half::f16_at;
use super::isa::{Integers, Isa};
use super::map::map;
use super::quantize::Q8Block;
use super::scalar::Scalar;
use super::unpack::halves;

/// Bytes of a group's scales.
pub const HEAD_BYTES: usize = 16;

/// The words of codes of 8 rows × 32 columns.
pub type Codes<I> = [<I as Integers>::Bytes; 4];

/// Word `n` of all rows of a block.
#[inline(always)]
#[allow(dead_code, reason = "the block of `t4` is its codes")]
pub fn words<I: Integers>(isa: I, block: &[u8], n: usize) -> I::Words {
    isa.words(array(block, 32 * n))
}

/// Words that are circles of bits, rotated right by `n`, which is below 32, `& mask`.
#[inline(always)]
#[allow(dead_code, reason = "the block of `t4` is its codes")]
pub fn rotated<I: Integers>(isa: I, circles: I::Words, n: u32, mask: u32) -> I::Words {
    if n == 0 {
        return isa.field(circles, 0, mask);
    }
    let right = isa.field(circles, n, u32::MAX >> n);
    isa.field(isa.add_shifted(right, circles, 32 - n), 0, mask)
}

/// The levels of a block's weights, 64 more than they are, so that they are not negative.
#[derive(Clone, Copy)]
pub struct Raised<I: Isa>([I::Bytes; 8]);

impl<I: Isa> Panel<I> for Raised<I> {
    #[inline(always)]
    fn pair(&mut self, isa: I) {
        isa.pair(&mut self.0);
    }
}

/// Looks the levels of codes up.
#[inline(always)]
pub fn raised<I: Isa>(isa: I, codes: Codes<I>, levels: &[i8; 16]) -> Raised<I> {
    let levels = map(*levels, |level| level + 64);
    Raised(map(halves(isa, codes), |codes| isa.lookup(&levels, codes)))
}

/// Adds the products of the block of a group with the activations of `T` tokens to `acc`.
#[inline(always)]
pub fn add<I: Isa, const T: usize>(
    isa: I,
    raised: &Raised<I>,
    x: [&Q8Block; T],
    acc: &mut [I::F32x8; T],
) {
    let (columns, start) = (map(x, |x| x.columns()), map(x, |x| 8 * x.center));
    let sums = isa.dot::<127, 8, T>(&raised.0, columns, start);
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
pub fn values(
    codes: Codes<Scalar>,
    levels: &[i8; 16],
    head: &[u8],
    lane: usize,
    out: &mut [f32; 32],
) {
    let scale = f16_at(head, lane);
    for (c, out) in out.iter_mut().enumerate() {
        let pair = codes[c / 4 % 4][4 * lane + c % 4];
        let code = if c < 16 { pair & 15 } else { pair >> 4 };
        *out = f32::from(levels[usize::from(code)]) * scale;
    }
}
