//! Dot products by `dpbusd`: four products of unsigned and signed bytes added to each of eight sums.

use core::arch::x86_64::*;

use super::super::bytes::word;
use super::super::isa::Dot;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::Avx512Vnni;

impl Dot for Avx512Vnni {
    #[inline(always)]
    fn dot<const MAX: u8, const N: usize, const T: usize>(
        self,
        weights: &[__m256i; N],
        x: [&[[i8; 4]; N]; T],
        start: [i32; T],
    ) -> [__m256i; T] {
        // SAFETY: the token proves VNNI.
        unsafe {
            let mut sums = map(start, |start| _mm256_set1_epi32(start));
            for (k, &w) in weights.iter().enumerate() {
                for t in 0..T {
                    let x = _mm256_set1_epi32(word(x[t][k]));
                    sums[t] = _mm256_dpbusd_epi32(sums[t], w, x);
                }
            }
            sums
        }
    }

    #[inline(always)]
    fn dot_i8<const T: usize>(self, weights: &[__m256i; 8], x: [&Q8Block; T]) -> [__m256i; T] {
        // SAFETY: the token proves AVX2.
        let raised = map(*weights, |w| unsafe {
            _mm256_xor_si256(w, _mm256_set1_epi8(-128))
        });
        // -128 × the sum of the activations: the weights are taken as 128 more than they are.
        self.dot::<255, 8, T>(&raised, map(x, |x| x.columns()), map(x, |x| 16 * x.center))
    }

    #[inline(always)]
    fn dot_words<const T: usize>(self, rows: &[[f32; 8]], x: [&[i32]; T]) -> [__m256i; T] {
        // SAFETY: the token proves VNNI; arrays are as long as the unaligned loads.
        unsafe {
            let mut sums = [_mm256_setzero_si256(); T];
            for (k, chunk) in rows.iter().enumerate() {
                let w = _mm256_loadu_si256(chunk.as_ptr().cast());
                // |w| × (x with w's sign); |-128| is 128, unsigned.
                let magnitude = _mm256_abs_epi8(w);
                for t in 0..T {
                    let signed = _mm256_sign_epi8(_mm256_set1_epi32(x[t][k]), w);
                    sums[t] = _mm256_dpbusd_epi32(sums[t], magnitude, signed);
                }
            }
            sums
        }
    }

    #[inline(always)]
    fn add_pairs(self, acc: __m256i, pairs: __m256i, x: i32) -> __m256i {
        // SAFETY: the token proves VNNI.
        unsafe { _mm256_dpwssd_epi32(acc, pairs, _mm256_set1_epi32(x)) }
    }
}
