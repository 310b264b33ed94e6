//! Dot products by `maddubs`, which multiplies unsigned by signed bytes and adds pairs in i16.

use core::arch::x86_64::*;

use super::super::bytes::word;
use super::super::isa::Dot;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::Avx2;

impl Dot for Avx2 {
    #[inline(always)]
    fn dot<const MAX: u8, const N: usize, const T: usize>(
        self,
        weights: &[__m256i; N],
        x: [&[[i8; 4]; N]; T],
        start: [i32; T],
    ) -> [__m256i; T] {
        // SAFETY: the token proves AVX2.
        unsafe {
            let mut sums = map(start, |start| _mm256_set1_epi32(start));
            add_dot::<MAX, N, T>(&mut sums, weights, x, _mm256_set1_epi16(1));
            sums
        }
    }

    #[inline(always)]
    fn dot_i8<const T: usize>(self, weights: &[__m256i; 8], x: [&Q8Block; T]) -> [__m256i; T] {
        // SAFETY: the token proves AVX2.
        unsafe {
            let ones = _mm256_set1_epi16(1);
            let mut sums = [_mm256_setzero_si256(); T];
            for (k, &w) in weights.iter().enumerate() {
                // |w| × (x with w's sign); |-128| is 128, unsigned, so a pair is at most
                // 2 × 128 × 127 and fits i16.
                let magnitude = _mm256_abs_epi8(w);
                for t in 0..T {
                    let signed = _mm256_sign_epi8(all(x[t].columns()[k]), w);
                    let pairs = _mm256_maddubs_epi16(magnitude, signed);
                    sums[t] = _mm256_add_epi32(sums[t], _mm256_madd_epi16(pairs, ones));
                }
            }
            sums
        }
    }

    // Unpacked all at once, weights and sums would be more than there are registers.
    #[inline(always)]
    fn dot_nibbles<const T: usize>(
        self,
        weights: &[u8; 128],
        x: [&Q8Block; T],
        start: [i32; T],
    ) -> [__m256i; T] {
        // SAFETY: the token proves AVX2; chunks are as long as the unaligned loads.
        unsafe {
            let low = _mm256_set1_epi8(15);
            // Eight pairs of at most 2 × 15 × 127 fit i16.
            let mut pairs = [_mm256_setzero_si256(); T];
            for (j, chunk) in weights.as_chunks::<32>().0.iter().enumerate() {
                let w = _mm256_loadu_si256(chunk.as_ptr().cast());
                let a = _mm256_and_si256(w, low);
                let b = _mm256_and_si256(_mm256_srli_epi16::<4>(w), low);
                for t in 0..T {
                    let a = _mm256_maddubs_epi16(a, all(x[t].columns()[j]));
                    let b = _mm256_maddubs_epi16(b, all(x[t].columns()[j + 4]));
                    pairs[t] = _mm256_add_epi16(pairs[t], _mm256_add_epi16(a, b));
                }
            }
            let mut sums = map(start, |start| _mm256_set1_epi32(start));
            for t in 0..T {
                let products = _mm256_madd_epi16(pairs[t], _mm256_set1_epi16(1));
                sums[t] = _mm256_add_epi32(sums[t], products);
            }
            sums
        }
    }

    #[inline(always)]
    fn dot_words<const T: usize>(self, rows: &[[f32; 8]], x: [&[i32]; T]) -> [__m256i; T] {
        // SAFETY: the token proves AVX2; arrays are as long as the unaligned loads.
        unsafe {
            let ones = _mm256_set1_epi16(1);
            let mut sums = [_mm256_setzero_si256(); T];
            for (k, chunk) in rows.iter().enumerate() {
                let w = _mm256_loadu_si256(chunk.as_ptr().cast());
                // As in `dot_i8`.
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
    fn add_pairs(self, acc: __m256i, pairs: __m256i, x: i32) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi32(x))) }
    }

    // The scale multiplies where pairs are added anyway.
    #[inline(always)]
    fn add_dot<const MAX: u8, const N: usize, const T: usize>(
        self,
        acc: &mut [__m256i; T],
        weights: &[__m256i; N],
        x: [&[[i8; 4]; N]; T],
        scale: __m256i,
    ) {
        // SAFETY: the token proves AVX2.
        unsafe {
            let low = _mm256_and_si256(scale, _mm256_set1_epi32(0xffff));
            let scales = _mm256_or_si256(low, _mm256_slli_epi32::<16>(scale));
            add_dot::<MAX, N, T>(acc, weights, x, scales);
        }
    }
}

/// Adds dot products, of which each of two parts is multiplied by an i16 of its row's word.
///
/// # Safety
/// The CPU has AVX2.
#[inline(always)]
unsafe fn add_dot<const MAX: u8, const N: usize, const T: usize>(
    acc: &mut [__m256i; T],
    weights: &[__m256i; N],
    x: [&[[i8; 4]; N]; T],
    scales: __m256i,
) {
    // So many pairs fit i16.
    let steps = const { 32767 / (2 * 127 * MAX as usize) };
    let mut from = 0;
    while from < N {
        let to = (from + steps).min(N);
        // SAFETY: as the caller promises.
        unsafe {
            let mut pairs = [_mm256_setzero_si256(); T];
            for k in from..to {
                for t in 0..T {
                    let products = _mm256_maddubs_epi16(weights[k], all(x[t][k]));
                    pairs[t] = _mm256_add_epi16(pairs[t], products);
                }
            }
            for t in 0..T {
                acc[t] = _mm256_add_epi32(acc[t], _mm256_madd_epi16(pairs[t], scales));
            }
        }
        from = to;
    }
}

/// Four columns for all rows.
///
/// # Safety
/// The CPU has AVX2.
#[inline(always)]
unsafe fn all(x: [i8; 4]) -> __m256i {
    // SAFETY: as the caller promises.
    unsafe { _mm256_set1_epi32(word(x)) }
}
