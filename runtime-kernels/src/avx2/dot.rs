//! Dot products by `maddubs`, which multiplies unsigned by signed bytes and adds pairs in i16.

use core::arch::x86_64::*;

use super::super::isa::Dot;
use super::super::quantize::Q8Block;
use super::Avx2;

impl Dot for Avx2 {
    type Sums = __m256i;

    #[inline(always)]
    fn dot_q8<const T: usize>(self, weights: &[u8; 256], x: [&Q8Block; T]) -> [__m256i; T] {
        // SAFETY: the token proves AVX2; chunks are as long as the unaligned loads.
        unsafe {
            let ones = _mm256_set1_epi16(1);
            let mut sums = [_mm256_setzero_si256(); T];
            for (k, chunk) in weights.as_chunks::<32>().0.iter().enumerate() {
                let w = _mm256_loadu_si256(chunk.as_ptr().cast());
                // |w| × (x with w's sign); |-128| is 128, unsigned, so a pair is at most
                // 2 × 128 × 127 and fits i16.
                let magnitude = _mm256_abs_epi8(w);
                for t in 0..T {
                    let signed = _mm256_sign_epi8(_mm256_set1_epi32(x[t].columns(k)), w);
                    let pairs = _mm256_maddubs_epi16(magnitude, signed);
                    sums[t] = _mm256_add_epi32(sums[t], _mm256_madd_epi16(pairs, ones));
                }
            }
            sums
        }
    }

    #[inline(always)]
    fn dot_q4<const T: usize>(
        self,
        weights: &[u8; 128],
        x: [&Q8Block; T],
        start: [i32; T],
    ) -> [__m256i; T] {
        // SAFETY: the token proves AVX2; chunks are as long as the unaligned loads.
        unsafe {
            let low = _mm256_set1_epi8(15);
            // Eight pairs of at most 2 × 15 × 127 fit i16.
            let mut sums = [_mm256_setzero_si256(); T];
            for (j, chunk) in weights.as_chunks::<32>().0.iter().enumerate() {
                let w = _mm256_loadu_si256(chunk.as_ptr().cast());
                let a = _mm256_and_si256(w, low);
                let b = _mm256_and_si256(_mm256_srli_epi16::<4>(w), low);
                for t in 0..T {
                    let a = _mm256_maddubs_epi16(a, _mm256_set1_epi32(x[t].columns(j)));
                    let b = _mm256_maddubs_epi16(b, _mm256_set1_epi32(x[t].columns(j + 4)));
                    sums[t] = _mm256_add_epi16(sums[t], _mm256_add_epi16(a, b));
                }
            }
            let ones = _mm256_set1_epi16(1);
            for (sum, start) in sums.iter_mut().zip(start) {
                *sum = _mm256_add_epi32(_mm256_madd_epi16(*sum, ones), _mm256_set1_epi32(start));
            }
            sums
        }
    }

    #[inline(always)]
    fn to_f32(self, sums: __m256i) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_cvtepi32_ps(sums) }
    }
}
