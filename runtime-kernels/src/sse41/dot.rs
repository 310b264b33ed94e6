//! Dot products by `maddubs`, which multiplies unsigned by signed bytes and adds pairs in i16.

use core::arch::x86_64::*;

use super::super::isa::Dot;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::Sse41;

impl Dot for Sse41 {
    type Sums = [__m128i; 2];

    #[inline(always)]
    fn dot_q8<const T: usize>(self, weights: &[u8; 256], x: [&Q8Block; T]) -> [[__m128i; 2]; T] {
        // SAFETY: the token proves SSE4.1; chunks are as long as the unaligned loads.
        unsafe {
            let ones = _mm_set1_epi16(1);
            let mut sums = [[_mm_setzero_si128(); 2]; T];
            for (i, chunk) in weights.as_chunks::<16>().0.iter().enumerate() {
                let w = _mm_loadu_si128(chunk.as_ptr().cast());
                // |w| × (x with w's sign); |-128| is 128, unsigned, so a pair is at most
                // 2 × 128 × 127 and fits i16.
                let magnitude = _mm_abs_epi8(w);
                for t in 0..T {
                    let signed = _mm_sign_epi8(_mm_set1_epi32(x[t].columns(i / 2)), w);
                    let pairs = _mm_maddubs_epi16(magnitude, signed);
                    sums[t][i % 2] = _mm_add_epi32(sums[t][i % 2], _mm_madd_epi16(pairs, ones));
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
    ) -> [[__m128i; 2]; T] {
        // SAFETY: the token proves SSE4.1; chunks are as long as the unaligned loads.
        unsafe {
            let low = _mm_set1_epi8(15);
            // Eight pairs of at most 2 × 15 × 127 fit i16.
            let mut sums = [[_mm_setzero_si128(); 2]; T];
            for (i, chunk) in weights.as_chunks::<16>().0.iter().enumerate() {
                let w = _mm_loadu_si128(chunk.as_ptr().cast());
                let a = _mm_and_si128(w, low);
                let b = _mm_and_si128(_mm_srli_epi16::<4>(w), low);
                for t in 0..T {
                    let a = _mm_maddubs_epi16(a, _mm_set1_epi32(x[t].columns(i / 2)));
                    let b = _mm_maddubs_epi16(b, _mm_set1_epi32(x[t].columns(i / 2 + 4)));
                    sums[t][i % 2] = _mm_add_epi16(sums[t][i % 2], _mm_add_epi16(a, b));
                }
            }
            let ones = _mm_set1_epi16(1);
            for (sums, start) in sums.iter_mut().zip(start) {
                *sums = map(*sums, |sum| {
                    _mm_add_epi32(_mm_madd_epi16(sum, ones), _mm_set1_epi32(start))
                });
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
    ) -> [[__m128i; 2]; T] {
        // SAFETY: the token proves SSE4.1; chunks are as long as the unaligned loads.
        unsafe {
            let (low, ones) = (_mm_set1_epi8(15), _mm_set1_epi16(1));
            // 64 more than they are, so that they are not negative: what sums then have too much
            // is 64 times the sum of the activations, -8 times their `center`.
            let levels = _mm_loadu_si128(levels.as_ptr().cast());
            let levels = _mm_add_epi8(levels, _mm_set1_epi8(64));
            let mut sums = map(x, |x| [_mm_set1_epi32(8 * x.center); 2]);
            for (i, chunk) in codes.as_chunks::<16>().0.iter().enumerate() {
                let c = _mm_loadu_si128(chunk.as_ptr().cast());
                let a = _mm_shuffle_epi8(levels, _mm_and_si128(c, low));
                let b = _mm_and_si128(_mm_srli_epi16::<4>(c), low);
                let b = _mm_shuffle_epi8(levels, b);
                for t in 0..T {
                    // A pair is at most 2 × 127 × 127 and fits i16.
                    let a = _mm_maddubs_epi16(a, _mm_set1_epi32(x[t].columns(i / 2)));
                    let b = _mm_maddubs_epi16(b, _mm_set1_epi32(x[t].columns(i / 2 + 4)));
                    let sum = &mut sums[t][i % 2];
                    *sum = _mm_add_epi32(*sum, _mm_madd_epi16(a, ones));
                    *sum = _mm_add_epi32(*sum, _mm_madd_epi16(b, ones));
                }
            }
            sums
        }
    }

    #[inline(always)]
    fn dot_i8<const T: usize>(self, rows: &[[f32; 8]], x: [&[i32]; T]) -> [[__m128i; 2]; T] {
        // SAFETY: the token proves SSE4.1; chunks are as long as the unaligned loads.
        unsafe {
            let ones = _mm_set1_epi16(1);
            let mut sums = [[_mm_setzero_si128(); 2]; T];
            for (i, chunk) in rows.as_flattened().as_chunks::<4>().0.iter().enumerate() {
                let w = _mm_loadu_si128(chunk.as_ptr().cast());
                // As in `dot_q8`.
                let magnitude = _mm_abs_epi8(w);
                for t in 0..T {
                    let signed = _mm_sign_epi8(_mm_set1_epi32(x[t][i / 2]), w);
                    let pairs = _mm_maddubs_epi16(magnitude, signed);
                    sums[t][i % 2] = _mm_add_epi32(sums[t][i % 2], _mm_madd_epi16(pairs, ones));
                }
            }
            sums
        }
    }

    #[inline(always)]
    fn to_f32(self, sums: [__m128i; 2]) -> [__m128; 2] {
        // SAFETY: the token proves SSE4.1.
        map(sums, |sum| unsafe { _mm_cvtepi32_ps(sum) })
    }
}
