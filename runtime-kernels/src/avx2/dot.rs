//! Dot products by `maddubs`, which multiplies unsigned by signed bytes and adds pairs in i16.

use core::arch::x86_64::*;

use super::super::isa::Dot;
use super::super::map::map;
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
    fn dot_codes<const T: usize>(
        self,
        codes: &[u8; 128],
        levels: &[i8; 16],
        x: [&Q8Block; T],
    ) -> [__m256i; T] {
        // SAFETY: the token proves AVX2; chunks are as long as the unaligned loads.
        unsafe {
            let (low, ones) = (_mm256_set1_epi8(15), _mm256_set1_epi16(1));
            let levels = raised(levels);
            let mut sums = map(x, |x| _mm256_slli_epi32::<3>(_mm256_set1_epi32(x.center)));
            for (j, chunk) in codes.as_chunks::<32>().0.iter().enumerate() {
                let c = _mm256_loadu_si256(chunk.as_ptr().cast());
                let a = _mm256_shuffle_epi8(levels, _mm256_and_si256(c, low));
                let b = _mm256_and_si256(_mm256_srli_epi16::<4>(c), low);
                let b = _mm256_shuffle_epi8(levels, b);
                for t in 0..T {
                    // A pair is at most 2 × 127 × 127 and fits i16.
                    let a = _mm256_maddubs_epi16(a, _mm256_set1_epi32(x[t].columns(j)));
                    let b = _mm256_maddubs_epi16(b, _mm256_set1_epi32(x[t].columns(j + 4)));
                    sums[t] = _mm256_add_epi32(sums[t], _mm256_madd_epi16(a, ones));
                    sums[t] = _mm256_add_epi32(sums[t], _mm256_madd_epi16(b, ones));
                }
            }
            sums
        }
    }

    #[inline(always)]
    fn dot_i8<const T: usize>(self, rows: &[[f32; 8]], x: [&[i32]; T]) -> [__m256i; T] {
        // SAFETY: the token proves AVX2; chunks are as long as the unaligned loads.
        unsafe {
            let ones = _mm256_set1_epi16(1);
            let mut sums = [_mm256_setzero_si256(); T];
            for (k, chunk) in rows.iter().enumerate() {
                let w = _mm256_loadu_si256(chunk.as_ptr().cast());
                // As in `dot_q8`.
                let magnitude = _mm256_abs_epi8(w);
                for t in 0..T {
                    let signed = _mm256_sign_epi8(_mm256_set1_epi32(x[t][k]), w);
                    let pairs = _mm256_maddubs_epi16(magnitude, signed);
                    sums[t] = _mm256_add_epi32(sums[t], _mm256_madd_epi16(pairs, ones));
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

/// Levels as 64 more than they are, so that they are not negative: what sums then have too much is
/// 64 times the sum of the activations, -8 times their `center`.
///
/// # Safety
/// The CPU has AVX2.
#[inline(always)]
pub unsafe fn raised(levels: &[i8; 16]) -> __m256i {
    // SAFETY: as the caller promises; the array is as long as the unaligned load.
    unsafe {
        let levels = _mm256_broadcastsi128_si256(_mm_loadu_si128(levels.as_ptr().cast()));
        _mm256_add_epi8(levels, _mm256_set1_epi8(64))
    }
}
