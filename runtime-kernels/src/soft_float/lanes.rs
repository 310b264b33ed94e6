//! Eight lanes without floating point.

use super::super::isa::Lanes;
use super::super::map::map;
use super::super::scalar::TO_INTEGER;
use super::{SoftFloat, float};

impl Lanes for SoftFloat {
    type F32x8 = [f32; 8];

    #[inline(always)]
    fn splat(self, value: f32) -> [f32; 8] {
        self.0.splat(value)
    }

    #[inline(always)]
    fn load(self, values: &[f32; 8]) -> [f32; 8] {
        self.0.load(values)
    }

    #[inline(always)]
    fn load_bytes(self, bytes: &[u8; 32]) -> [f32; 8] {
        self.0.load_bytes(bytes)
    }

    #[inline(always)]
    fn store(self, v: [f32; 8], out: &mut [f32; 8]) {
        self.0.store(v, out);
    }

    #[inline(always)]
    fn add(self, mut a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        add(&mut a, &b);
        a
    }

    #[inline(always)]
    fn sub(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        self.add(a, map(b, |b| f32::from_bits(b.to_bits() ^ 1 << 31)))
    }

    #[inline(always)]
    fn mul(self, mut a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        mul(&mut a, &b);
        a
    }

    #[inline(always)]
    fn div(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        self.0.div(a, b)
    }

    #[inline(always)]
    fn max(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        self.0.max(a, b)
    }

    #[inline(always)]
    fn min(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        self.0.min(a, b)
    }

    #[inline(always)]
    fn abs(self, v: [f32; 8]) -> [f32; 8] {
        self.0.abs(v)
    }

    #[inline(always)]
    fn sqrt(self, v: [f32; 8]) -> [f32; 8] {
        self.0.sqrt(v)
    }

    #[inline(always)]
    fn add_product(self, mut acc: [f32; 8], a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        add_product(&mut acc, &a, &b);
        acc
    }

    #[inline(always)]
    fn from_f16(self, bytes: &[u8; 16]) -> [f32; 8] {
        let (words, _) = bytes.as_chunks();
        let mut out = [0.0; 8];
        for (out, &word) in out.iter_mut().zip(words) {
            *out = float::from_f16(u16::from_le_bytes(word));
        }
        out
    }

    #[inline(always)]
    fn from_i8(self, words: &[f32; 2]) -> [f32; 8] {
        self.0.from_i8(words)
    }

    #[inline(always)]
    fn pow2(self, n: [f32; 8]) -> [f32; 8] {
        // The sum ends in the bits of n + 127, which is the exponent's field.
        let biased = self.add(n, [TO_INTEGER + 127.0; 8]);
        map(biased, |n| f32::from_bits(n.to_bits() << 23))
    }

    #[inline(always)]
    fn round_to_i8(self, v: [f32; 8], out: &mut [i8; 8]) {
        *out = self.add(v, [TO_INTEGER; 8]).map(|v| v.to_bits() as i8);
    }
}

// Loops of their own: they take tens of instructions a lane, and a call eight lanes.

#[inline(never)]
fn add(a: &mut [f32; 8], b: &[f32; 8]) {
    for i in 0..8 {
        a[i] = float::add(a[i], b[i]);
    }
}

#[inline(never)]
fn mul(a: &mut [f32; 8], b: &[f32; 8]) {
    for i in 0..8 {
        a[i] = float::mul(a[i], b[i]);
    }
}

#[inline(never)]
fn add_product(acc: &mut [f32; 8], a: &[f32; 8], b: &[f32; 8]) {
    for i in 0..8 {
        acc[i] = float::add_product(acc[i], a[i], b[i]);
    }
}
