//! Dot products by `maddubs`, which multiplies unsigned by signed bytes and adds pairs in i16.

use core::arch::x86_64::*;

use super::super::bytes::word;
use super::super::isa::Dot;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::Sse41;

impl Dot for Sse41 {
    #[inline(always)]
    fn dot<const MAX: u8, const N: usize, const T: usize>(
        self,
        weights: &[[__m128i; 2]; N],
        x: [&[[i8; 4]; N]; T],
        start: [i32; T],
    ) -> [[__m128i; 2]; T] {
        // SAFETY: the token proves SSE4.1.
        unsafe {
            let mut sums = map(start, |start| [_mm_set1_epi32(start); 2]);
            add_dot::<MAX, N, T>(&mut sums, weights, x, [_mm_set1_epi16(1); 2]);
            sums
        }
    }

    #[inline(always)]
    fn dot_i8<const T: usize>(
        self,
        weights: &[[__m128i; 2]; 8],
        x: [&Q8Block; T],
    ) -> [[__m128i; 2]; T] {
        let mut sums = [[self.zero(); 2]; T];
        for (k, &w) in weights.iter().enumerate() {
            for t in 0..T {
                sums[t] = self.add_i8(sums[t], w, word(x[t].columns()[k]));
            }
        }
        sums
    }

    // Unpacked all at once, weights and sums would be more than there are registers.
    #[inline(always)]
    fn dot_nibbles<const T: usize>(
        self,
        weights: &[u8; 128],
        x: [&Q8Block; T],
        start: [i32; T],
    ) -> [[__m128i; 2]; T] {
        // SAFETY: the token proves SSE4.1; chunks are as long as the unaligned loads.
        unsafe {
            let low = _mm_set1_epi8(15);
            // Eight pairs of at most 2 × 15 × 127 fit i16.
            let mut pairs = [[_mm_setzero_si128(); 2]; T];
            for (i, chunk) in weights.as_chunks::<16>().0.iter().enumerate() {
                let w = _mm_loadu_si128(chunk.as_ptr().cast());
                let a = _mm_and_si128(w, low);
                let b = _mm_and_si128(_mm_srli_epi16::<4>(w), low);
                for t in 0..T {
                    let x = x[t].columns();
                    let a = _mm_maddubs_epi16(a, _mm_set1_epi32(word(x[i / 2])));
                    let b = _mm_maddubs_epi16(b, _mm_set1_epi32(word(x[i / 2 + 4])));
                    pairs[t][i % 2] = _mm_add_epi16(pairs[t][i % 2], _mm_add_epi16(a, b));
                }
            }
            let mut sums = map(start, |start| [_mm_set1_epi32(start); 2]);
            for t in 0..T {
                for half in 0..2 {
                    let products = _mm_madd_epi16(pairs[t][half], _mm_set1_epi16(1));
                    sums[t][half] = _mm_add_epi32(sums[t][half], products);
                }
            }
            sums
        }
    }

    #[inline(always)]
    fn dot_words<const T: usize>(self, rows: &[[f32; 8]], x: [&[i32]; T]) -> [[__m128i; 2]; T] {
        let mut sums = [[self.zero(); 2]; T];
        for (k, chunk) in rows.iter().enumerate() {
            let at = chunk.as_ptr().cast::<__m128i>();
            // SAFETY: the token proves SSE4.1; the array is as long as the two unaligned loads.
            let w = unsafe { [_mm_loadu_si128(at), _mm_loadu_si128(at.add(1))] };
            for t in 0..T {
                sums[t] = self.add_i8(sums[t], w, x[t][k]);
            }
        }
        sums
    }

    #[inline(always)]
    fn add_pairs(self, acc: [__m128i; 2], pairs: [__m128i; 2], x: i32) -> [__m128i; 2] {
        // SAFETY: the token proves SSE4.1.
        unsafe {
            let x = _mm_set1_epi32(x);
            [
                _mm_add_epi32(acc[0], _mm_madd_epi16(pairs[0], x)),
                _mm_add_epi32(acc[1], _mm_madd_epi16(pairs[1], x)),
            ]
        }
    }

    // The scale multiplies where pairs are added anyway.
    #[inline(always)]
    fn add_dot<const MAX: u8, const N: usize, const T: usize>(
        self,
        acc: &mut [[__m128i; 2]; T],
        weights: &[[__m128i; 2]; N],
        x: [&[[i8; 4]; N]; T],
        scale: [__m128i; 2],
    ) {
        // SAFETY: the token proves SSE4.1.
        unsafe {
            let scales = map(scale, |scale| {
                let low = _mm_and_si128(scale, _mm_set1_epi32(0xffff));
                _mm_or_si128(low, _mm_slli_epi32::<16>(scale))
            });
            add_dot::<MAX, N, T>(acc, weights, x, scales);
        }
    }
}

impl Sse41 {
    #[inline(always)]
    fn zero(self) -> __m128i {
        // SAFETY: the token proves SSE4.1.
        unsafe { _mm_setzero_si128() }
    }

    /// Adds the products of i8 with four columns.
    #[inline(always)]
    fn add_i8(self, sums: [__m128i; 2], w: [__m128i; 2], x: i32) -> [__m128i; 2] {
        // SAFETY: the token proves SSE4.1.
        let products = map(w, |w| unsafe {
            // |w| × (x with w's sign); |-128| is 128, unsigned, so a pair is at most
            // 2 × 128 × 127 and fits i16.
            let signed = _mm_sign_epi8(_mm_set1_epi32(x), w);
            let pairs = _mm_maddubs_epi16(_mm_abs_epi8(w), signed);
            _mm_madd_epi16(pairs, _mm_set1_epi16(1))
        });
        // SAFETY: the token proves SSE4.1.
        unsafe {
            [
                _mm_add_epi32(sums[0], products[0]),
                _mm_add_epi32(sums[1], products[1]),
            ]
        }
    }
}

/// Adds dot products, of which each of two parts is multiplied by an i16 of its row's word.
///
/// # Safety
/// The CPU has SSE4.1.
#[inline(always)]
unsafe fn add_dot<const MAX: u8, const N: usize, const T: usize>(
    acc: &mut [[__m128i; 2]; T],
    weights: &[[__m128i; 2]; N],
    x: [&[[i8; 4]; N]; T],
    scales: [__m128i; 2],
) {
    // So many pairs fit i16.
    let steps = const { 32767 / (2 * 127 * MAX as usize) };
    let mut from = 0;
    while from < N {
        let to = (from + steps).min(N);
        // SAFETY: as the caller promises.
        unsafe {
            let mut pairs = [[_mm_setzero_si128(); 2]; T];
            for k in from..to {
                for t in 0..T {
                    let x = _mm_set1_epi32(word(x[t][k]));
                    for half in 0..2 {
                        let products = _mm_maddubs_epi16(weights[k][half], x);
                        pairs[t][half] = _mm_add_epi16(pairs[t][half], products);
                    }
                }
            }
            for t in 0..T {
                for half in 0..2 {
                    let products = _mm_madd_epi16(pairs[t][half], scales[half]);
                    acc[t][half] = _mm_add_epi32(acc[t][half], products);
                }
            }
        }
        from = to;
    }
}
