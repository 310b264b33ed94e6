//! Bytes and words of eight rows, two vectors each.

use core::arch::wasm32::*;

use super::super::isa::Integers;
use super::super::map::map;
use super::Simd128;

impl Integers for Simd128 {
    type Bytes = [v128; 2];
    type Words = [v128; 2];

    #[inline(always)]
    fn bytes(self, bytes: &[u8; 32]) -> [v128; 2] {
        let at = bytes.as_ptr().cast::<v128>();
        // SAFETY: the array is as long as the two loads, which need no alignment.
        unsafe { [v128_load(at), v128_load(at.add(1))] }
    }

    #[inline(always)]
    fn and(self, bytes: [v128; 2], mask: u8) -> [v128; 2] {
        map(bytes, |bytes| v128_and(bytes, u8x16_splat(mask)))
    }

    #[inline(always)]
    fn or(self, a: [v128; 2], b: [v128; 2]) -> [v128; 2] {
        [v128_or(a[0], b[0]), v128_or(a[1], b[1])]
    }

    #[inline(always)]
    fn shr(self, bytes: [v128; 2], n: u32, mask: u8) -> [v128; 2] {
        let shifted = map(bytes, |bytes| u8x16_shr(bytes, n));
        // All bits that are left.
        if mask == 0xff >> n {
            return shifted;
        }
        self.and(shifted, mask)
    }

    #[inline(always)]
    fn shl(self, bytes: [v128; 2], n: u32, mask: u8) -> [v128; 2] {
        let shifted = map(bytes, |bytes| u8x16_shl(bytes, n));
        if mask == 0xff << n {
            return shifted;
        }
        self.and(shifted, mask)
    }

    #[inline(always)]
    fn triple(self, bytes: [v128; 2]) -> [v128; 2] {
        map(bytes, |bytes| u8x16_add(bytes, u8x16_add(bytes, bytes)))
    }

    #[inline(always)]
    fn carry_of_triple(self, bytes: [v128; 2]) -> [v128; 2] {
        map(bytes, |bytes| {
            // -1 where it is reached.
            let reaches = |limit| u8x16_ge(bytes, u8x16_splat(limit));
            i8x16_neg(u8x16_add(reaches(86), reaches(171)))
        })
    }

    #[inline(always)]
    fn lookup(self, levels: &[i8; 16], bytes: [v128; 2]) -> [v128; 2] {
        // SAFETY: the array is as long as the load, which needs no alignment.
        let levels = unsafe { v128_load(levels.as_ptr().cast()) };
        map(bytes, |bytes| u8x16_swizzle(levels, bytes))
    }

    #[inline(always)]
    fn all(self, integer: i32) -> [v128; 2] {
        [i32x4_splat(integer); 2]
    }

    #[inline(always)]
    fn words(self, bytes: &[u8; 32]) -> [v128; 2] {
        self.bytes(bytes)
    }

    #[inline(always)]
    fn halves(self, bytes: &[u8; 16]) -> [v128; 2] {
        // SAFETY: the array is as long as the load, which needs no alignment.
        let halves = unsafe { v128_load(bytes.as_ptr().cast()) };
        [
            u32x4_extend_low_u16x8(halves),
            u32x4_extend_high_u16x8(halves),
        ]
    }

    #[inline(always)]
    fn field(self, words: [v128; 2], n: u32, mask: u32) -> [v128; 2] {
        map(words, |words| {
            v128_and(u32x4_shr(words, n), u32x4_splat(mask))
        })
    }

    #[inline(always)]
    fn signed_byte(self, words: [v128; 2], n: u32) -> [v128; 2] {
        map(words, |words| i32x4_shr(i32x4_shl(words, 24 - 8 * n), 24))
    }

    #[inline(always)]
    fn add_shifted(self, a: [v128; 2], b: [v128; 2], n: u32) -> [v128; 2] {
        [
            i32x4_add(a[0], i32x4_shl(b[0], n)),
            i32x4_add(a[1], i32x4_shl(b[1], n)),
        ]
    }

    #[inline(always)]
    fn add_multiple(self, acc: [v128; 2], a: [v128; 2], b: [v128; 2]) -> [v128; 2] {
        [
            i32x4_add(acc[0], i32x4_mul(a[0], b[0])),
            i32x4_add(acc[1], i32x4_mul(a[1], b[1])),
        ]
    }

    #[inline(always)]
    fn to_bytes(self, words: [v128; 2]) -> [v128; 2] {
        words
    }

    #[inline(always)]
    fn to_f32(self, words: [v128; 2]) -> [v128; 2] {
        map(words, |words| f32x4_convert_i32x4(words))
    }
}
