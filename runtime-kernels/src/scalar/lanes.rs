//! Eight lanes without SIMD.

use super::super::half::f16_at;
use super::super::isa::Lanes;
use super::super::map::map;
use super::Scalar;

impl Lanes for Scalar {
    type F32x8 = [f32; 8];

    #[inline(always)]
    fn splat(self, value: f32) -> [f32; 8] {
        [value; 8]
    }

    #[inline(always)]
    fn load(self, values: &[f32; 8]) -> [f32; 8] {
        *values
    }

    #[inline(always)]
    fn load_bytes(self, bytes: &[u8; 32]) -> [f32; 8] {
        let (words, _) = bytes.as_chunks();
        each(|i| f32::from_le_bytes(words[i]))
    }

    #[inline(always)]
    fn store(self, v: [f32; 8], out: &mut [f32; 8]) {
        *out = v;
    }

    #[inline(always)]
    fn add(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        each(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn sub(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        each(|i| a[i] - b[i])
    }

    #[inline(always)]
    fn mul(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        each(|i| a[i] * b[i])
    }

    #[inline(always)]
    fn div(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        each(|i| a[i] / b[i])
    }

    #[inline(always)]
    fn max(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        each(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn min(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        each(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn abs(self, v: [f32; 8]) -> [f32; 8] {
        each(|i| f32::from_bits(v[i].to_bits() & 0x7fff_ffff))
    }

    #[inline(always)]
    fn sqrt(self, v: [f32; 8]) -> [f32; 8] {
        each(|i| sqrt(v[i]))
    }

    #[inline(always)]
    fn from_f16(self, bytes: &[u8; 16]) -> [f32; 8] {
        each(|i| f16_at(bytes, i))
    }

    #[inline(always)]
    fn from_i8(self, words: &[f32; 2]) -> [f32; 8] {
        let bytes = map(*words, |word| word.to_bits().to_le_bytes());
        each(|i| f32::from(bytes[i / 4][i % 4] as i8))
    }

    #[inline(always)]
    fn pow2(self, n: [f32; 8]) -> [f32; 8] {
        // The sum ends in the bits of n + 127, which is the exponent's field.
        each(|i| f32::from_bits((n[i] + (TO_INTEGER + 127.0)).to_bits() << 23))
    }

    #[inline(always)]
    fn round_to_i8(self, v: [f32; 8], out: &mut [i8; 8]) {
        for (out, v) in out.iter_mut().zip(v) {
            *out = (v + TO_INTEGER).to_bits() as i8;
        }
    }
}

/// 1.5 × 2^23: a small number added to it is rounded to an integer, which the low bits then hold.
pub const TO_INTEGER: f32 = 12_582_912.0;

#[inline(always)]
fn each(lane: impl Fn(usize) -> f32) -> [f32; 8] {
    let mut out = [0.0; 8];
    for (i, out) in out.iter_mut().enumerate() {
        *out = lane(i);
    }
    out
}

/// The square root, correctly rounded: `core` has none.
fn sqrt(x: f32) -> f32 {
    let bits = x.to_bits();
    if bits << 1 == 0 || bits == f32::INFINITY.to_bits() {
        return x;
    }
    if bits > f32::INFINITY.to_bits() {
        return f32::NAN;
    }
    // x = mantissa × 2^exponent with a mantissa of 24 bits.
    let (mut mantissa, mut exponent) = (u64::from(bits & 0x7f_ffff), (bits >> 23) as i32);
    if exponent == 0 {
        let shift = mantissa.leading_zeros() as i32 - 40;
        mantissa <<= shift;
        exponent = 1 - shift;
    } else {
        mantissa |= 0x80_0000;
    }
    exponent -= 127 + 23;
    // Widened so that the exponent is even and the root has 25 bits: 24 and one to round by.
    let odd = exponent & 1;
    let root = (mantissa << (25 + (1 - odd))).isqrt();
    let exponent = (exponent - 25 - (1 - odd)) / 2;
    // An odd root is inexact (the square of an odd number is odd), so never a tie: round up.
    let mantissa = root.div_ceil(2) as u32;
    // The hidden bit of the mantissa adds one to the exponent's field.
    f32::from_bits((((exponent + 1 + 127 + 23 - 1) as u32) << 23) + mantissa)
}
