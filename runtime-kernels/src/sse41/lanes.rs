//! Eight lanes in two registers.

use core::arch::x86_64::*;

use super::super::isa::Lanes;
use super::super::map::map;
use super::Sse41;

macro_rules! operation {
    ($name:ident, $instruction:ident) => {
        #[inline(always)]
        fn $name(self, a: [__m128; 2], b: [__m128; 2]) -> [__m128; 2] {
            // SAFETY: the token proves SSE4.1.
            unsafe { [$instruction(a[0], b[0]), $instruction(a[1], b[1])] }
        }
    };
}

impl Lanes for Sse41 {
    type F32x8 = [__m128; 2];

    operation!(add, _mm_add_ps);
    operation!(sub, _mm_sub_ps);
    operation!(mul, _mm_mul_ps);
    operation!(div, _mm_div_ps);
    operation!(max, _mm_max_ps);
    operation!(min, _mm_min_ps);

    #[inline(always)]
    fn splat(self, value: f32) -> [__m128; 2] {
        // SAFETY: the token proves SSE4.1.
        unsafe { [_mm_set1_ps(value); 2] }
    }

    #[inline(always)]
    fn load(self, values: &[f32; 8]) -> [__m128; 2] {
        let at = values.as_ptr();
        // SAFETY: the token proves SSE4.1; the array is as long as the two unaligned loads.
        unsafe { [_mm_loadu_ps(at), _mm_loadu_ps(at.add(4))] }
    }

    #[inline(always)]
    fn load_bytes(self, bytes: &[u8; 32]) -> [__m128; 2] {
        let at = bytes.as_ptr().cast::<f32>();
        // SAFETY: the token proves SSE4.1; the array is as long as the two unaligned loads.
        unsafe { [_mm_loadu_ps(at), _mm_loadu_ps(at.add(4))] }
    }

    #[inline(always)]
    fn store(self, v: [__m128; 2], out: &mut [f32; 8]) {
        let at = out.as_mut_ptr();
        // SAFETY: the token proves SSE4.1; the array is as long as the two unaligned stores.
        unsafe {
            _mm_storeu_ps(at, v[0]);
            _mm_storeu_ps(at.add(4), v[1]);
        }
    }

    #[inline(always)]
    fn abs(self, v: [__m128; 2]) -> [__m128; 2] {
        // SAFETY: the token proves SSE4.1.
        unsafe { map(v, |v| _mm_andnot_ps(_mm_set1_ps(-0.0), v)) }
    }

    #[inline(always)]
    fn sqrt(self, v: [__m128; 2]) -> [__m128; 2] {
        // SAFETY: the token proves SSE4.1.
        unsafe { map(v, |v| _mm_sqrt_ps(v)) }
    }

    #[inline(always)]
    fn from_f16(self, bytes: &[u8; 16]) -> [__m128; 2] {
        // SAFETY: the token proves SSE4.1; the array is as long as the unaligned load.
        unsafe {
            let bits = _mm_loadu_si128(bytes.as_ptr().cast());
            let halves = [bits, _mm_srli_si128::<8>(bits)];
            map(halves, |bits| {
                // The exponent's bias differs by 112.
                let bits = _mm_cvtepu16_epi32(bits);
                let magnitude = _mm_slli_epi32::<13>(_mm_and_si128(bits, _mm_set1_epi32(0x7fff)));
                let sign = _mm_slli_epi32::<16>(_mm_and_si128(bits, _mm_set1_epi32(0x8000)));
                let scale = _mm_castsi128_ps(_mm_set1_epi32((127 + 112) << 23));
                let magnitude = _mm_mul_ps(_mm_castsi128_ps(magnitude), scale);
                _mm_or_ps(magnitude, _mm_castsi128_ps(sign))
            })
        }
    }

    #[inline(always)]
    fn from_i8(self, words: &[f32; 2]) -> [__m128; 2] {
        // SAFETY: the token proves SSE4.1; the load reads the 8 bytes of the array.
        unsafe {
            let bytes = _mm_loadl_epi64(words.as_ptr().cast());
            let halves = [bytes, _mm_srli_si128::<4>(bytes)];
            map(halves, |bytes| _mm_cvtepi32_ps(_mm_cvtepi8_epi32(bytes)))
        }
    }

    #[inline(always)]
    fn pow2(self, n: [__m128; 2]) -> [__m128; 2] {
        // SAFETY: the token proves SSE4.1.
        unsafe {
            map(n, |n| {
                let field = _mm_add_epi32(_mm_cvtps_epi32(n), _mm_set1_epi32(127));
                _mm_castsi128_ps(_mm_slli_epi32::<23>(field))
            })
        }
    }

    #[inline(always)]
    fn round_to_i8(self, v: [__m128; 2], out: &mut [i8; 8]) {
        // SAFETY: the token proves SSE4.1; the store writes the 8 bytes of the array.
        unsafe {
            let v = _mm_packs_epi32(_mm_cvtps_epi32(v[0]), _mm_cvtps_epi32(v[1]));
            _mm_storel_epi64(out.as_mut_ptr().cast(), _mm_packs_epi16(v, v));
        }
    }
}
