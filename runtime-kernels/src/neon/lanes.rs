//! Eight lanes in two registers.

use core::arch::aarch64::*;

use super::super::isa::Lanes;
use super::super::map::map;
use super::HasNeon;

macro_rules! operation {
    ($name:ident, $a:ident, $b:ident, $one:expr) => {
        #[inline(always)]
        fn $name(self, a: [float32x4_t; 2], b: [float32x4_t; 2]) -> [float32x4_t; 2] {
            let one = |$a: float32x4_t, $b: float32x4_t| {
                // SAFETY: the token proves NEON.
                unsafe { $one }
            };
            [one(a[0], b[0]), one(a[1], b[1])]
        }
    };
}

impl<N: HasNeon> Lanes for N {
    type F32x8 = [float32x4_t; 2];

    operation!(add, a, b, vaddq_f32(a, b));
    operation!(sub, a, b, vsubq_f32(a, b));
    operation!(mul, a, b, vmulq_f32(a, b));
    operation!(div, a, b, vdivq_f32(a, b));
    // Not fmax and fmin: they order zeros by sign.
    operation!(max, a, b, vbslq_f32(vcgtq_f32(a, b), a, b));
    operation!(min, a, b, vbslq_f32(vcltq_f32(a, b), a, b));

    #[inline(always)]
    fn splat(self, value: f32) -> [float32x4_t; 2] {
        // SAFETY: the token proves NEON.
        unsafe { [vdupq_n_f32(value); 2] }
    }

    #[inline(always)]
    fn load(self, values: &[f32; 8]) -> [float32x4_t; 2] {
        let at = values.as_ptr();
        // SAFETY: the token proves NEON; the array is as long as the two loads.
        unsafe { [vld1q_f32(at), vld1q_f32(at.add(4))] }
    }

    #[inline(always)]
    fn load_bytes(self, bytes: &[u8; 32]) -> [float32x4_t; 2] {
        let at = bytes.as_ptr();
        // SAFETY: the token proves NEON; the array is as long as the two loads.
        unsafe {
            [
                vreinterpretq_f32_u8(vld1q_u8(at)),
                vreinterpretq_f32_u8(vld1q_u8(at.add(16))),
            ]
        }
    }

    #[inline(always)]
    fn store(self, v: [float32x4_t; 2], out: &mut [f32; 8]) {
        let at = out.as_mut_ptr();
        // SAFETY: the token proves NEON; the array is as long as the two stores.
        unsafe {
            vst1q_f32(at, v[0]);
            vst1q_f32(at.add(4), v[1]);
        }
    }

    #[inline(always)]
    fn abs(self, v: [float32x4_t; 2]) -> [float32x4_t; 2] {
        // SAFETY: the token proves NEON.
        unsafe { [vabsq_f32(v[0]), vabsq_f32(v[1])] }
    }

    #[inline(always)]
    fn sqrt(self, v: [float32x4_t; 2]) -> [float32x4_t; 2] {
        // SAFETY: the token proves NEON.
        unsafe { [vsqrtq_f32(v[0]), vsqrtq_f32(v[1])] }
    }

    #[inline(always)]
    fn from_f16(self, bytes: &[u8; 16]) -> [float32x4_t; 2] {
        // SAFETY: the token proves NEON; the array is as long as the load.
        unsafe {
            let bits = vreinterpretq_u16_u8(vld1q_u8(bytes.as_ptr()));
            let halves = [vget_low_u16(bits), vget_high_u16(bits)];
            map(halves, |bits| vcvt_f32_f16(vreinterpret_f16_u16(bits)))
        }
    }

    #[inline(always)]
    fn from_i8(self, words: &[f32; 2]) -> [float32x4_t; 2] {
        // SAFETY: the token proves NEON; the load reads the 8 bytes of the array.
        unsafe {
            let wide = vmovl_s8(vld1_s8(words.as_ptr().cast()));
            let halves = [vmovl_s16(vget_low_s16(wide)), vmovl_high_s16(wide)];
            map(halves, |half| vcvtq_f32_s32(half))
        }
    }

    #[inline(always)]
    fn pow2(self, n: [float32x4_t; 2]) -> [float32x4_t; 2] {
        // SAFETY: the token proves NEON.
        unsafe {
            map(n, |n| {
                let field = vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127));
                vreinterpretq_f32_s32(vshlq_n_s32::<23>(field))
            })
        }
    }

    #[inline(always)]
    fn round_to_i8(self, v: [float32x4_t; 2], out: &mut [i8; 8]) {
        // SAFETY: the token proves NEON; the store writes the 8 bytes of the array.
        unsafe {
            let low = vmovn_s32(vcvtnq_s32_f32(v[0]));
            let v = vmovn_high_s32(low, vcvtnq_s32_f32(v[1]));
            vst1_s8(out.as_mut_ptr(), vmovn_s16(v));
        }
    }
}
