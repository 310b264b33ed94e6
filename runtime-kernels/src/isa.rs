//! What an instruction set must provide; everything else is written once over these traits.
//!
//! The methods are IEEE operations or exact, so each instruction set gives the same bits.
//! An implementor is a token that only exists where the CPU has the instructions: that is
//! what makes the methods safe to call.

use super::quantize::Q8Block;

/// Eight f32 lanes and the operations on them.
#[allow(dead_code, reason = "a generated crate needs only what its model uses")]
pub trait Lanes: Copy + Send + Sync + 'static {
    /// Eight f32 values in registers.
    type F32x8: Copy;

    /// The same value in all lanes.
    fn splat(self, value: f32) -> Self::F32x8;
    /// Eight values from memory.
    fn load(self, values: &[f32; 8]) -> Self::F32x8;
    /// Eight little-endian f32 from bytes of any alignment.
    fn load_bytes(self, bytes: &[u8; 32]) -> Self::F32x8;
    /// Writes the lanes to memory.
    fn store(self, v: Self::F32x8, out: &mut [f32; 8]);

    /// `a + b`.
    fn add(self, a: Self::F32x8, b: Self::F32x8) -> Self::F32x8;
    /// `a - b`.
    fn sub(self, a: Self::F32x8, b: Self::F32x8) -> Self::F32x8;
    /// `a * b`.
    fn mul(self, a: Self::F32x8, b: Self::F32x8) -> Self::F32x8;
    /// `a / b`.
    fn div(self, a: Self::F32x8, b: Self::F32x8) -> Self::F32x8;
    /// `if a > b { a } else { b }`: so zeros of either sign and NaN give `b`.
    fn max(self, a: Self::F32x8, b: Self::F32x8) -> Self::F32x8;
    /// `if a < b { a } else { b }`: so zeros of either sign and NaN give `b`.
    fn min(self, a: Self::F32x8, b: Self::F32x8) -> Self::F32x8;
    /// The value without its sign.
    fn abs(self, v: Self::F32x8) -> Self::F32x8;
    /// The square root, correctly rounded, of values that are not negative.
    fn sqrt(self, v: Self::F32x8) -> Self::F32x8;

    /// `acc + a * b`, rounded after each of the two operations.
    #[inline(always)]
    fn add_product(self, acc: Self::F32x8, a: Self::F32x8, b: Self::F32x8) -> Self::F32x8 {
        self.add(acc, self.mul(a, b))
    }

    /// Eight little-endian f16, each exactly; only for finite values, subnormal ones included.
    #[allow(clippy::wrong_self_convention, reason = "self is only the proof")]
    fn from_f16(self, bytes: &[u8; 16]) -> Self::F32x8;
    /// Eight i8: the bytes of two words, each word's lowest byte first.
    #[allow(clippy::wrong_self_convention, reason = "self is only the proof")]
    fn from_i8(self, words: &[f32; 2]) -> Self::F32x8;
    /// `2^n` of integers `n` in `-126..=127` that are held as f32.
    fn pow2(self, n: Self::F32x8) -> Self::F32x8;
    /// The nearest integers, halves to even, of values within ±127.
    fn round_to_i8(self, v: Self::F32x8, out: &mut [i8; 8]);

    /// The sum of the lanes in the one order that all kernels use:
    /// `((0+4)+(2+6))+((1+5)+(3+7))`.
    #[inline(always)]
    fn fold(self, v: Self::F32x8) -> f32 {
        let mut l = [0.0; 8];
        self.store(v, &mut l);
        ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
    }
}

/// Dot products of eight interleaved rows with the i8 activations of `T` tokens, over 32 columns.
///
/// Of a row, columns `4k..4k + 4` are four bytes in a row.
#[allow(
    dead_code,
    reason = "a generated crate needs only what its formats use"
)]
pub trait Dot: Lanes {
    /// The sums of eight rows: integers below 2^24, so that they are exact as f32.
    type Sums: Copy;

    /// Weights i8; byte `32*k + 4*row + i` is column `4*k + i`.
    fn dot_q8<const T: usize>(self, weights: &[u8; 256], x: [&Q8Block; T]) -> [Self::Sums; T];

    /// Weights 0..=15; byte `32*j + 4*row + i` holds column `4*j + i` in its low nibble
    /// and column `16 + 4*j + i` in its high one. A token's sums begin with `start`.
    fn dot_q4<const T: usize>(
        self,
        weights: &[u8; 128],
        x: [&Q8Block; T],
        start: [i32; T],
    ) -> [Self::Sums; T];

    /// Weights by codes: byte `32*j + 4*row + i` holds the code of column `4*j + i` in its low
    /// nibble and that of column `16 + 4*j + i` in its high one, and a weight is the level of its
    /// code. Levels are within ±63.
    fn dot_codes<const T: usize>(
        self,
        codes: &[u8; 128],
        levels: &[i8; 16],
        x: [&Q8Block; T],
    ) -> [Self::Sums; T];

    /// Words of four i8 on both sides, lowest byte first: bytes `i` of word `row` of `rows[k]` and
    /// of `x[k]` are column `4*k + i`. At most 256 columns, and `x` within ±127.
    fn dot_i8<const T: usize>(self, rows: &[[f32; 8]], x: [&[i32]; T]) -> [Self::Sums; T];

    /// The sums as f32.
    fn to_f32(self, sums: Self::Sums) -> Self::F32x8;

    /// `acc + sums * scale`, rounded after each of the two operations.
    #[inline(always)]
    fn add_scaled(self, acc: Self::F32x8, sums: Self::Sums, scale: Self::F32x8) -> Self::F32x8 {
        self.add_product(acc, self.to_f32(sums), scale)
    }
}

/// An instruction set that kernels run on.
#[allow(dead_code, reason = "a generated crate may not print the name")]
pub trait Isa: Dot {
    /// The name that profiles use.
    const NAME: &'static str;

    /// Tokens whose products share a load of the weights, 4 or 8: as the registers allow.
    const TOKENS: usize;

    /// Runs a kernel, compiled for this instruction set.
    fn run<K: Kernel>(self, kernel: K) -> K::Output;
}

/// A computation written once for all instruction sets; start it with [`Isa::run`].
pub trait Kernel {
    /// What it returns, beside what it writes.
    type Output;

    /// The computation. Implementations are `#[inline(always)]`, so that they are compiled
    /// with the instruction set of the function that they are inlined in.
    fn run<I: Isa>(self, isa: I) -> Self::Output;
}
