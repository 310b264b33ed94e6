//! Bytes and words of eight rows without SIMD.

use super::super::isa::Integers;
use super::super::map::map;
use super::Scalar;

impl Integers for Scalar {
    type Bytes = [u8; 32];
    type Words = [i32; 8];

    #[inline(always)]
    fn bytes(self, bytes: &[u8; 32]) -> [u8; 32] {
        *bytes
    }

    #[inline(always)]
    fn and(self, bytes: [u8; 32], mask: u8) -> [u8; 32] {
        map(bytes, |byte| byte & mask)
    }

    #[inline(always)]
    fn or(self, a: [u8; 32], b: [u8; 32]) -> [u8; 32] {
        let mut both = a;
        for (both, b) in both.iter_mut().zip(b) {
            *both |= b;
        }
        both
    }

    #[inline(always)]
    fn shr(self, bytes: [u8; 32], n: u32, mask: u8) -> [u8; 32] {
        map(bytes, |byte| byte >> n & mask)
    }

    #[inline(always)]
    fn shl(self, bytes: [u8; 32], n: u32, mask: u8) -> [u8; 32] {
        map(bytes, |byte| byte << n & mask)
    }

    #[inline(always)]
    fn triple(self, bytes: [u8; 32]) -> [u8; 32] {
        map(bytes, |byte| byte.wrapping_mul(3))
    }

    #[inline(always)]
    fn carry_of_triple(self, bytes: [u8; 32]) -> [u8; 32] {
        map(bytes, |byte| ((3 * u16::from(byte)) >> 8) as u8)
    }

    #[inline(always)]
    fn lookup(self, levels: &[i8; 16], bytes: [u8; 32]) -> [u8; 32] {
        map(bytes, |byte| levels[usize::from(byte)] as u8)
    }

    #[inline(always)]
    fn all(self, integer: i32) -> [i32; 8] {
        [integer; 8]
    }

    #[inline(always)]
    fn words(self, bytes: &[u8; 32]) -> [i32; 8] {
        let (words, _) = bytes.as_chunks();
        each(|row| i32::from_le_bytes(words[row]))
    }

    #[inline(always)]
    fn halves(self, bytes: &[u8; 16]) -> [i32; 8] {
        let (halves, _) = bytes.as_chunks();
        each(|row| i32::from(u16::from_le_bytes(halves[row])))
    }

    #[inline(always)]
    fn field(self, words: [i32; 8], n: u32, mask: u32) -> [i32; 8] {
        map(words, |word| (word as u32 >> n & mask) as i32)
    }

    #[inline(always)]
    fn signed_byte(self, words: [i32; 8], n: u32) -> [i32; 8] {
        map(words, |word| word << (24 - 8 * n) >> 24)
    }

    #[inline(always)]
    fn add_shifted(self, a: [i32; 8], b: [i32; 8], n: u32) -> [i32; 8] {
        each(|row| a[row].wrapping_add(b[row] << n))
    }

    #[inline(always)]
    fn add_multiple(self, acc: [i32; 8], a: [i32; 8], b: [i32; 8]) -> [i32; 8] {
        each(|row| acc[row] + a[row] * b[row])
    }

    #[inline(always)]
    fn to_bytes(self, words: [i32; 8]) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
        bytes
    }

    #[inline(always)]
    fn to_f32(self, words: [i32; 8]) -> [f32; 8] {
        map(words, |word| word as f32)
    }
}

#[inline(always)]
fn each(row: impl Fn(usize) -> i32) -> [i32; 8] {
    let mut out = [0; 8];
    for (i, out) in out.iter_mut().enumerate() {
        *out = row(i);
    }
    out
}
