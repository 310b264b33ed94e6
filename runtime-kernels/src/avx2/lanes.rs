//! Eight lanes in one register.

use core::arch::x86_64::*;

use super::super::isa::Lanes;
use super::HasAvx2;

macro_rules! operation {
    ($name:ident, $instruction:ident) => {
        #[inline(always)]
        fn $name(self, a: __m256, b: __m256) -> __m256 {
            // SAFETY: the token proves AVX2.
            unsafe { $instruction(a, b) }
        }
    };
}

impl<A: HasAvx2> Lanes for A {
    type F32x8 = __m256;

    operation!(add, _mm256_add_ps);
    operation!(sub, _mm256_sub_ps);
    operation!(mul, _mm256_mul_ps);
    operation!(div, _mm256_div_ps);
    operation!(max, _mm256_max_ps);
    operation!(min, _mm256_min_ps);

    #[inline(always)]
    fn splat(self, value: f32) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, values: &[f32; 8]) -> __m256 {
        // SAFETY: the token proves AVX2; the array is as long as the unaligned load.
        unsafe { _mm256_loadu_ps(values.as_ptr()) }
    }

    #[inline(always)]
    fn load_bytes(self, bytes: &[u8; 32]) -> __m256 {
        // SAFETY: the token proves AVX2; the array is as long as the unaligned load.
        unsafe { _mm256_loadu_ps(bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store(self, v: __m256, out: &mut [f32; 8]) {
        // SAFETY: the token proves AVX2; the array is as long as the unaligned store.
        unsafe { _mm256_storeu_ps(out.as_mut_ptr(), v) }
    }

    #[inline(always)]
    fn abs(self, v: __m256) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), v) }
    }

    #[inline(always)]
    fn sqrt(self, v: __m256) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_sqrt_ps(v) }
    }

    #[inline(always)]
    fn from_f16(self, bytes: &[u8; 16]) -> __m256 {
        // SAFETY: the token proves F16C; the array is as long as the unaligned load.
        unsafe { _mm256_cvtph_ps(_mm_loadu_si128(bytes.as_ptr().cast())) }
    }

    #[inline(always)]
    fn from_i8(self, words: &[f32; 2]) -> __m256 {
        // SAFETY: the token proves AVX2; the load reads the 8 bytes of the array.
        unsafe {
            let bytes = _mm_loadl_epi64(words.as_ptr().cast());
            _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes))
        }
    }

    #[inline(always)]
    fn pow2(self, n: __m256) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe {
            let field = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
            _mm256_castsi256_ps(_mm256_slli_epi32::<23>(field))
        }
    }

    #[inline(always)]
    fn round_to_i8(self, v: __m256, out: &mut [i8; 8]) {
        // SAFETY: the token proves AVX2; the store writes the 8 bytes of the array.
        unsafe {
            let v = _mm256_cvtps_epi32(v);
            let v = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256::<1>(v));
            _mm_storel_epi64(out.as_mut_ptr().cast(), _mm_packs_epi16(v, v));
        }
    }
}
