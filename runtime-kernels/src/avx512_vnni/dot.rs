//! Dot products by `dpbusd`: four products of unsigned and signed bytes added to each of eight sums.

use core::arch::x86_64::*;

use super::super::avx2::raised;
use super::super::isa::Dot;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::Avx512Vnni;

impl Dot for Avx512Vnni {
    type Sums = __m256i;

    #[inline(always)]
    fn dot_q8<const T: usize>(self, weights: &[u8; 256], x: [&Q8Block; T]) -> [__m256i; T] {
        // SAFETY: the token proves VNNI; chunks are as long as the unaligned loads.
        unsafe {
            // -128 × the sum of the activations: the weights are taken as 128 more than they are.
            let mut sums = map(x, |x| _mm256_slli_epi32::<4>(_mm256_set1_epi32(x.center)));
            for (k, chunk) in weights.as_chunks::<32>().0.iter().enumerate() {
                let w = _mm256_loadu_si256(chunk.as_ptr().cast());
                // w + 128, unsigned.
                let w = _mm256_xor_si256(w, _mm256_set1_epi8(-128));
                for t in 0..T {
                    sums[t] = _mm256_dpbusd_epi32(sums[t], w, _mm256_set1_epi32(x[t].columns(k)));
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
        // SAFETY: the token proves VNNI; chunks are as long as the unaligned loads.
        unsafe {
            let low = _mm256_set1_epi8(15);
            let mut sums = map(start, |start| _mm256_set1_epi32(start));
            for (j, chunk) in weights.as_chunks::<32>().0.iter().enumerate() {
                let w = _mm256_loadu_si256(chunk.as_ptr().cast());
                let a = _mm256_and_si256(w, low);
                let b = _mm256_and_si256(_mm256_srli_epi16::<4>(w), low);
                for t in 0..T {
                    let sum = _mm256_dpbusd_epi32(sums[t], a, _mm256_set1_epi32(x[t].columns(j)));
                    sums[t] = _mm256_dpbusd_epi32(sum, b, _mm256_set1_epi32(x[t].columns(j + 4)));
                }
            }
            sums
        }
    }

    #[inline(always)]
    fn dot_codes<const T: usize>(
        self,
        codes: &[u8; 128],
        levels: &[i8; 16],
        x: [&Q8Block; T],
    ) -> [__m256i; T] {
        // SAFETY: the token proves VNNI; chunks are as long as the unaligned loads.
        unsafe {
            let low = _mm256_set1_epi8(15);
            let levels = raised(levels);
            let mut sums = map(x, |x| _mm256_slli_epi32::<3>(_mm256_set1_epi32(x.center)));
            for (j, chunk) in codes.as_chunks::<32>().0.iter().enumerate() {
                let c = _mm256_loadu_si256(chunk.as_ptr().cast());
                let a = _mm256_shuffle_epi8(levels, _mm256_and_si256(c, low));
                let b = _mm256_and_si256(_mm256_srli_epi16::<4>(c), low);
                let b = _mm256_shuffle_epi8(levels, b);
                for t in 0..T {
                    let sum = _mm256_dpbusd_epi32(sums[t], a, _mm256_set1_epi32(x[t].columns(j)));
                    sums[t] = _mm256_dpbusd_epi32(sum, b, _mm256_set1_epi32(x[t].columns(j + 4)));
                }
            }
            sums
        }
    }

    #[inline(always)]
    fn dot_i8<const T: usize>(self, rows: &[[f32; 8]], x: [&[i32]; T]) -> [__m256i; T] {
        // SAFETY: the token proves VNNI; chunks are as long as the unaligned loads.
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
    fn to_f32(self, sums: __m256i) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_cvtepi32_ps(sums) }
    }
}
