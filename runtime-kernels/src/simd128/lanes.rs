//! Eight lanes in two vectors.

use core::arch::wasm32::*;

use super::super::isa::Lanes;
use super::super::map::map;
use super::Simd128;

macro_rules! operation {
    ($name:ident, $a:ident, $b:ident, $one:expr) => {
        #[inline(always)]
        fn $name(self, a: [v128; 2], b: [v128; 2]) -> [v128; 2] {
            let one = |$a: v128, $b: v128| $one;
            [one(a[0], b[0]), one(a[1], b[1])]
        }
    };
}

impl Lanes for Simd128 {
    type F32x8 = [v128; 2];

    operation!(add, a, b, f32x4_add(a, b));
    operation!(sub, a, b, f32x4_sub(a, b));
    operation!(mul, a, b, f32x4_mul(a, b));
    operation!(div, a, b, f32x4_div(a, b));
    // pmax(b, a) is `if b < a { a } else { b }`, pmin(b, a) is `if a < b { a } else { b }`.
    operation!(max, a, b, f32x4_pmax(b, a));
    operation!(min, a, b, f32x4_pmin(b, a));

    #[inline(always)]
    fn splat(self, value: f32) -> [v128; 2] {
        [f32x4_splat(value); 2]
    }

    #[inline(always)]
    fn load(self, values: &[f32; 8]) -> [v128; 2] {
        let at = values.as_ptr().cast::<v128>();
        // SAFETY: the array is as long as the two loads, which need no alignment.
        unsafe { [v128_load(at), v128_load(at.add(1))] }
    }

    #[inline(always)]
    fn load_bytes(self, bytes: &[u8; 32]) -> [v128; 2] {
        let at = bytes.as_ptr().cast::<v128>();
        // SAFETY: the array is as long as the two loads, which need no alignment.
        unsafe { [v128_load(at), v128_load(at.add(1))] }
    }

    #[inline(always)]
    fn store(self, v: [v128; 2], out: &mut [f32; 8]) {
        let at = out.as_mut_ptr().cast::<v128>();
        // SAFETY: the array is as long as the two stores, which need no alignment.
        unsafe {
            v128_store(at, v[0]);
            v128_store(at.add(1), v[1]);
        }
    }

    #[inline(always)]
    fn abs(self, v: [v128; 2]) -> [v128; 2] {
        [f32x4_abs(v[0]), f32x4_abs(v[1])]
    }

    #[inline(always)]
    fn sqrt(self, v: [v128; 2]) -> [v128; 2] {
        [f32x4_sqrt(v[0]), f32x4_sqrt(v[1])]
    }

    #[inline(always)]
    fn from_f16(self, bytes: &[u8; 16]) -> [v128; 2] {
        // SAFETY: the array is as long as the load, which needs no alignment.
        let bits = unsafe { v128_load(bytes.as_ptr().cast()) };
        [u32x4_extend_low_u16x8(bits), u32x4_extend_high_u16x8(bits)].map(|bits| {
            // The exponent's bias differs by 112.
            let magnitude = u32x4_shl(v128_and(bits, u32x4_splat(0x7fff)), 13);
            let sign = u32x4_shl(v128_and(bits, u32x4_splat(0x8000)), 16);
            v128_or(f32x4_mul(magnitude, u32x4_splat((127 + 112) << 23)), sign)
        })
    }

    #[inline(always)]
    fn from_i8(self, words: &[f32; 2]) -> [v128; 2] {
        // SAFETY: the load reads the 8 bytes of the array, and needs no alignment.
        let wide = i16x8_extend_low_i8x16(unsafe { v128_load64_zero(words.as_ptr().cast()) });
        [i32x4_extend_low_i16x8(wide), i32x4_extend_high_i16x8(wide)]
            .map(|half| f32x4_convert_i32x4(half))
    }

    #[inline(always)]
    fn pow2(self, n: [v128; 2]) -> [v128; 2] {
        map(n, |n| {
            i32x4_shl(i32x4_add(i32x4_trunc_sat_f32x4(n), i32x4_splat(127)), 23)
        })
    }

    #[inline(always)]
    fn round_to_i8(self, v: [v128; 2], out: &mut [i8; 8]) {
        let [a, b] = map(v, |v| i32x4_trunc_sat_f32x4(f32x4_nearest(v)));
        let v = i16x8_narrow_i32x4(a, b);
        // SAFETY: the store writes the 8 bytes of the array, and needs no alignment.
        unsafe { v128_store64_lane::<0>(i8x16_narrow_i16x8(v, v), out.as_mut_ptr().cast()) }
    }
}
