//! What an instruction set must provide; everything else is written once over these traits.
//!
//! The methods are IEEE operations or exact, so each instruction set gives the same bits.
//! An implementor is a token that only exists where the CPU has the instructions: that is
//! what makes the methods safe to call.

use super::map::map;
use super::quantize::Q8Block;
use super::unpack::{eight, nibbles};

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

/// Integers of eight interleaved rows: bytes, which weights are unpacked to, and words, which hold
/// their sums and scales.
#[allow(
    dead_code,
    reason = "a generated crate needs only what its formats use"
)]
pub trait Integers: Lanes {
    /// Four bytes of each of eight rows, a row's together.
    type Bytes: Copy + Send + Sync;
    /// An i32 of each of eight rows.
    type Words: Copy + Send + Sync;

    /// Bytes from memory.
    fn bytes(self, bytes: &[u8; 32]) -> Self::Bytes;
    /// Each byte `& mask`.
    fn and(self, bytes: Self::Bytes, mask: u8) -> Self::Bytes;
    /// `a | b`.
    fn or(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes;
    /// Each byte `>> n & mask`; `n` is 1 to 7, and the mask has none of the upper `n` bits.
    fn shr(self, bytes: Self::Bytes, n: u32, mask: u8) -> Self::Bytes;
    /// Each byte `<< n & mask`; `n` is 1 to 7, and the mask has none of the lower `n` bits.
    fn shl(self, bytes: Self::Bytes, n: u32, mask: u8) -> Self::Bytes;
    /// Three times each byte, modulo 256.
    fn triple(self, bytes: Self::Bytes) -> Self::Bytes;
    /// Of three times each byte, what is beyond 256: 0 to 2.
    fn carry_of_triple(self, bytes: Self::Bytes) -> Self::Bytes;
    /// The level of each byte, which is below 16.
    fn lookup(self, levels: &[i8; 16], bytes: Self::Bytes) -> Self::Bytes;

    /// The same integer for all rows.
    fn all(self, integer: i32) -> Self::Words;
    /// Eight little-endian i32.
    fn words(self, bytes: &[u8; 32]) -> Self::Words;
    /// Eight little-endian u16.
    fn halves(self, bytes: &[u8; 16]) -> Self::Words;
    /// Of each word, as u32, `>> n & mask`; `n` is below 32.
    fn field(self, words: Self::Words, n: u32, mask: u32) -> Self::Words;
    /// Of each word, byte `n` as i8.
    fn signed_byte(self, words: Self::Words, n: u32) -> Self::Words;
    /// `a + (b << n)`; `n` is below 32.
    fn add_shifted(self, a: Self::Words, b: Self::Words, n: u32) -> Self::Words;
    /// `acc + a * b`.
    fn add_multiple(self, acc: Self::Words, a: Self::Words, b: Self::Words) -> Self::Words;
    /// The bytes of the words, lowest first.
    fn to_bytes(self, words: Self::Words) -> Self::Bytes;
    /// The nearest f32: exact below 2^24.
    fn to_f32(self, words: Self::Words) -> Self::F32x8;
}

/// Dot products of eight interleaved rows with the i8 activations of `T` tokens, within ±127.
///
/// Of a row, columns `4k..4k + 4` are the four bytes of the `k`th [`Integers::Bytes`].
#[allow(
    dead_code,
    reason = "a generated crate needs only what its formats use"
)]
pub trait Dot: Integers {
    /// Brings unpacked weights into the order in which [`Self::dot`] and [`Self::dot_i8`] take them
    /// where `T` is even, two at a time.
    #[inline(always)]
    fn pair(self, _weights: &mut [Self::Bytes; 8]) {}

    /// `start` and the products of weights `0..=MAX`, at most 127, with `4 * N` columns.
    fn dot<const MAX: u8, const N: usize, const T: usize>(
        self,
        weights: &[Self::Bytes; N],
        x: [&[[i8; 4]; N]; T],
        start: [i32; T],
    ) -> [Self::Words; T];

    /// The products of weights that are i8 with 32 columns.
    fn dot_i8<const T: usize>(
        self,
        weights: &[Self::Bytes; 8],
        x: [&Q8Block; T],
    ) -> [Self::Words; T];

    /// The same of i8 in memory, 32 bytes after the other.
    #[inline(always)]
    fn dot_i8_of<const T: usize>(self, weights: &[u8; 256], x: [&Q8Block; T]) -> [Self::Words; T] {
        self.dot_i8(&eight(self, weights), x)
    }

    /// `start` and the products of 32 weights 0..=15 as [`nibbles`] has them.
    #[inline(always)]
    fn dot_nibbles<const T: usize>(
        self,
        weights: &[u8; 128],
        x: [&Q8Block; T],
        start: [i32; T],
    ) -> [Self::Words; T] {
        self.dot::<15, 8, T>(&nibbles(self, weights), map(x, |x| x.columns()), start)
    }

    /// The products of words of four i8 on both sides, lowest byte first: bytes `i` of word `row` of
    /// `rows[k]` and of `x[k]` are column `4*k + i`. At most 256 columns.
    fn dot_words<const T: usize>(self, rows: &[[f32; 8]], x: [&[i32]; T]) -> [Self::Words; T];

    /// `acc` and the products of the i16 in the lower halves of words with that of `x`, and of those
    /// in the upper ones.
    fn add_pairs(self, acc: Self::Words, pairs: Self::Words, x: i32) -> Self::Words;

    /// `acc` and the products of [`Self::dot`] times `scale`, which is within an i16.
    #[inline(always)]
    fn add_dot<const MAX: u8, const N: usize, const T: usize>(
        self,
        acc: &mut [Self::Words; T],
        weights: &[Self::Bytes; N],
        x: [&[[i8; 4]; N]; T],
        scale: Self::Words,
    ) {
        let dots = self.dot::<MAX, N, T>(weights, x, [0; T]);
        for t in 0..T {
            acc[t] = self.add_multiple(acc[t], dots[t], scale);
        }
    }

    /// `acc + sums * scale`, rounded after each of the two operations; sums are below 2^24.
    #[inline(always)]
    fn add_scaled(self, acc: Self::F32x8, sums: Self::Words, scale: Self::F32x8) -> Self::F32x8 {
        self.add_product(acc, self.to_f32(sums), scale)
    }
}

/// An instruction set that kernels run on.
#[allow(dead_code, reason = "a generated crate may not print the name")]
pub trait Isa: Dot {
    /// The name that profiles use.
    const NAME: &'static str;

    /// Tokens whose products share a load of the weights, 4 or 8: as the registers allow. With 1,
    /// each token is computed alone.
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
