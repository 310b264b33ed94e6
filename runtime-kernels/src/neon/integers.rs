//! Bytes and words of eight rows, two vectors each.

use core::arch::aarch64::*;

use super::super::isa::Integers;
use super::super::map::map;
use super::HasNeon;

macro_rules! shift {
    ($shift:ident, $bytes:ident, $n:ident) => {
        // SAFETY: the token proves NEON.
        unsafe {
            match $n {
                1 => $shift::<1>($bytes),
                2 => $shift::<2>($bytes),
                3 => $shift::<3>($bytes),
                4 => $shift::<4>($bytes),
                5 => $shift::<5>($bytes),
                6 => $shift::<6>($bytes),
                _ => $shift::<7>($bytes),
            }
        }
    };
}

impl<A: HasNeon> Integers for A {
    type Bytes = [uint8x16_t; 2];
    type Words = [int32x4_t; 2];

    #[inline(always)]
    fn bytes(self, bytes: &[u8; 32]) -> [uint8x16_t; 2] {
        let at = bytes.as_ptr();
        // SAFETY: the token proves NEON; the array is as long as the two loads.
        unsafe { [vld1q_u8(at), vld1q_u8(at.add(16))] }
    }

    #[inline(always)]
    fn and(self, bytes: [uint8x16_t; 2], mask: u8) -> [uint8x16_t; 2] {
        // SAFETY: the token proves NEON.
        map(bytes, |bytes| unsafe { vandq_u8(bytes, vdupq_n_u8(mask)) })
    }

    #[inline(always)]
    fn or(self, a: [uint8x16_t; 2], b: [uint8x16_t; 2]) -> [uint8x16_t; 2] {
        // SAFETY: the token proves NEON.
        unsafe { [vorrq_u8(a[0], b[0]), vorrq_u8(a[1], b[1])] }
    }

    #[inline(always)]
    fn shr(self, bytes: [uint8x16_t; 2], n: u32, mask: u8) -> [uint8x16_t; 2] {
        let shifted = map(bytes, |bytes| shift!(vshrq_n_u8, bytes, n));
        // All bits that are left.
        if mask == 0xff >> n {
            return shifted;
        }
        self.and(shifted, mask)
    }

    #[inline(always)]
    fn shl(self, bytes: [uint8x16_t; 2], n: u32, mask: u8) -> [uint8x16_t; 2] {
        let shifted = map(bytes, |bytes| shift!(vshlq_n_u8, bytes, n));
        if mask == 0xff << n {
            return shifted;
        }
        self.and(shifted, mask)
    }

    #[inline(always)]
    fn triple(self, bytes: [uint8x16_t; 2]) -> [uint8x16_t; 2] {
        // SAFETY: the token proves NEON.
        map(bytes, |bytes| unsafe { vmulq_u8(bytes, vdupq_n_u8(3)) })
    }

    #[inline(always)]
    fn carry_of_triple(self, bytes: [uint8x16_t; 2]) -> [uint8x16_t; 2] {
        // SAFETY: the token proves NEON.
        map(bytes, |bytes| unsafe {
            // -1 where it is reached.
            let reaches = |limit| vcgeq_u8(bytes, vdupq_n_u8(limit));
            vsubq_u8(vdupq_n_u8(0), vaddq_u8(reaches(86), reaches(171)))
        })
    }

    #[inline(always)]
    fn lookup(self, levels: &[i8; 16], bytes: [uint8x16_t; 2]) -> [uint8x16_t; 2] {
        // SAFETY: the token proves NEON; the array is as long as the load.
        map(bytes, |bytes| unsafe {
            vqtbl1q_u8(vld1q_u8(levels.as_ptr().cast()), bytes)
        })
    }

    #[inline(always)]
    fn all(self, integer: i32) -> [int32x4_t; 2] {
        // SAFETY: the token proves NEON.
        unsafe { [vdupq_n_s32(integer); 2] }
    }

    #[inline(always)]
    fn words(self, bytes: &[u8; 32]) -> [int32x4_t; 2] {
        // SAFETY: the token proves NEON.
        map(self.bytes(bytes), |bytes| unsafe {
            vreinterpretq_s32_u8(bytes)
        })
    }

    #[inline(always)]
    fn halves(self, bytes: &[u8; 16]) -> [int32x4_t; 2] {
        // SAFETY: the token proves NEON; the array is as long as the load.
        unsafe {
            let halves = vreinterpretq_u16_u8(vld1q_u8(bytes.as_ptr()));
            [
                vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(halves))),
                vreinterpretq_s32_u32(vmovl_high_u16(halves)),
            ]
        }
    }

    #[inline(always)]
    fn field(self, words: [int32x4_t; 2], n: u32, mask: u32) -> [int32x4_t; 2] {
        // SAFETY: the token proves NEON.
        map(words, |words| unsafe {
            let right = vdupq_n_s32(-(n as i32));
            let shifted = vshlq_u32(vreinterpretq_u32_s32(words), right);
            vreinterpretq_s32_u32(vandq_u32(shifted, vdupq_n_u32(mask)))
        })
    }

    #[inline(always)]
    fn signed_byte(self, words: [int32x4_t; 2], n: u32) -> [int32x4_t; 2] {
        // SAFETY: the token proves NEON.
        map(words, |words| unsafe {
            vshrq_n_s32::<24>(vshlq_s32(words, vdupq_n_s32(24 - 8 * n as i32)))
        })
    }

    #[inline(always)]
    fn add_shifted(self, a: [int32x4_t; 2], b: [int32x4_t; 2], n: u32) -> [int32x4_t; 2] {
        // SAFETY: the token proves NEON.
        unsafe {
            let b = map(b, |b| vshlq_s32(b, vdupq_n_s32(n as i32)));
            [vaddq_s32(a[0], b[0]), vaddq_s32(a[1], b[1])]
        }
    }

    #[inline(always)]
    fn add_multiple(
        self,
        acc: [int32x4_t; 2],
        a: [int32x4_t; 2],
        b: [int32x4_t; 2],
    ) -> [int32x4_t; 2] {
        // SAFETY: the token proves NEON.
        unsafe { [vmlaq_s32(acc[0], a[0], b[0]), vmlaq_s32(acc[1], a[1], b[1])] }
    }

    #[inline(always)]
    fn to_bytes(self, words: [int32x4_t; 2]) -> [uint8x16_t; 2] {
        // SAFETY: the token proves NEON.
        map(words, |words| unsafe { vreinterpretq_u8_s32(words) })
    }

    #[inline(always)]
    fn to_f32(self, words: [int32x4_t; 2]) -> [float32x4_t; 2] {
        // SAFETY: the token proves NEON.
        map(words, |words| unsafe { vcvtq_f32_s32(words) })
    }
}

/// `acc` and the products of both i16 of each word.
///
/// # Safety
/// The CPU has NEON.
#[inline(always)]
pub unsafe fn add_pairs(acc: [int32x4_t; 2], pairs: [int32x4_t; 2], x: i32) -> [int32x4_t; 2] {
    let (low, high) = (i32::from(x as i16), x >> 16);
    let add = |acc, pairs| {
        // SAFETY: as the caller promises.
        unsafe {
            let acc = vmlaq_n_s32(acc, vshrq_n_s32::<16>(vshlq_n_s32::<16>(pairs)), low);
            vmlaq_n_s32(acc, vshrq_n_s32::<16>(pairs), high)
        }
    };
    [add(acc[0], pairs[0]), add(acc[1], pairs[1])]
}
