//! Dot products by `dpbusd`: four products of unsigned and signed bytes added to each of eight sums.

use core::arch::x86_64::*;

use super::super::isa::{Dot, Lanes};
use super::super::quantize::Q8Block;
use super::Avx512Vnni;

impl Dot for Avx512Vnni {
    #[inline(always)]
    fn dot_q8<const T: usize>(self, weights: &[u8; 256], x: [&Q8Block; T]) -> [__m256; T] {
        // SAFETY: the token proves VNNI; chunks are as long as the unaligned loads.
        unsafe {
            let mut sums = [_mm256_setzero_si256(); T];
            for (k, chunk) in weights.as_chunks::<32>().0.iter().enumerate() {
                let w = _mm256_loadu_si256(chunk.as_ptr().cast());
                // w + 128, unsigned.
                let w = _mm256_xor_si256(w, _mm256_set1_epi8(-128));
                for t in 0..T {
                    sums[t] = _mm256_dpbusd_epi32(sums[t], w, _mm256_set1_epi32(x[t].columns(k)));
                }
            }
            let mut dots = [_mm256_setzero_ps(); T];
            for t in 0..T {
                // Both are integers below 2^24: the difference is exact.
                let excess = self.splat(16.0 * x[t].sum8);
                dots[t] = self.sub(_mm256_cvtepi32_ps(sums[t]), excess);
            }
            dots
        }
    }

    #[inline(always)]
    fn dot_q4<const T: usize>(self, weights: &[u8; 128], x: [&Q8Block; T]) -> [__m256; T] {
        // SAFETY: the token proves VNNI; chunks are as long as the unaligned loads.
        unsafe {
            let low = _mm256_set1_epi8(15);
            let mut sums = [_mm256_setzero_si256(); T];
            for (j, chunk) in weights.as_chunks::<32>().0.iter().enumerate() {
                let w = _mm256_loadu_si256(chunk.as_ptr().cast());
                let a = _mm256_and_si256(w, low);
                let b = _mm256_and_si256(_mm256_srli_epi16::<4>(w), low);
                for t in 0..T {
                    let sum = _mm256_dpbusd_epi32(sums[t], a, _mm256_set1_epi32(x[t].columns(j)));
                    sums[t] = _mm256_dpbusd_epi32(sum, b, _mm256_set1_epi32(x[t].columns(j + 4)));
                }
            }
            sums.map(|sum| _mm256_cvtepi32_ps(sum))
        }
    }
}
