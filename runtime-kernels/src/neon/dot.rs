//! Dot products by widening multiplications; sums stay in i16 as long as they fit.

use core::arch::aarch64::*;

use super::super::bytes::word;
use super::super::isa::Dot;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::Neon;
use super::integers::add_pairs;

impl Dot for Neon {
    #[inline(always)]
    fn dot<const MAX: u8, const N: usize, const T: usize>(
        self,
        weights: &[[uint8x16_t; 2]; N],
        x: [&[[i8; 4]; N]; T],
        start: [i32; T],
    ) -> [[int32x4_t; 2]; T] {
        // So many products fit i16.
        let steps = const { 32767 / (127 * MAX as usize) };
        // SAFETY: the token proves NEON.
        unsafe { dot(steps, weights, x, start) }
    }

    // Two products of at most 128 × 127 fit i16.
    #[inline(always)]
    fn dot_i8<const T: usize>(
        self,
        weights: &[[uint8x16_t; 2]; 8],
        x: [&Q8Block; T],
    ) -> [[int32x4_t; 2]; T] {
        // SAFETY: the token proves NEON.
        unsafe { dot(2, weights, map(x, |x| x.columns()), [0; T]) }
    }

    #[inline(always)]
    fn dot_words<const T: usize>(self, rows: &[[f32; 8]], x: [&[i32]; T]) -> [[int32x4_t; 2]; T] {
        // SAFETY: the token proves NEON; chunks are as long as the loads.
        unsafe {
            let mut sums = [[vdupq_n_s32(0); 2]; T];
            for (i, chunk) in rows.as_flattened().as_chunks::<4>().0.iter().enumerate() {
                let w = vld1q_s8(chunk.as_ptr().cast());
                for t in 0..T {
                    let x = vreinterpretq_s8_s32(vdupq_n_s32(x[t][i / 2]));
                    let low = vmull_s8(vget_low_s8(w), vget_low_s8(x));
                    // Two products of at most 128 × 127 fit i16.
                    let pairs = vpaddq_s16(low, vmull_high_s8(w, x));
                    sums[t][i % 2] = vpadalq_s16(sums[t][i % 2], pairs);
                }
            }
            sums
        }
    }

    #[inline(always)]
    fn add_pairs(self, acc: [int32x4_t; 2], pairs: [int32x4_t; 2], x: i32) -> [int32x4_t; 2] {
        // SAFETY: the token proves NEON.
        unsafe { add_pairs(acc, pairs, x) }
    }
}

/// Dot products of weights of which `steps` products fit i16.
///
/// # Safety
/// The CPU has NEON.
#[inline(always)]
unsafe fn dot<const N: usize, const T: usize>(
    steps: usize,
    weights: &[[uint8x16_t; 2]; N],
    x: [&[[i8; 4]; N]; T],
    start: [i32; T],
) -> [[int32x4_t; 2]; T] {
    // SAFETY: as the caller promises.
    unsafe {
        // Of each vector of weights, the sums of its rows' first two columns, and of the last two.
        let mut sums = [[vdupq_n_s32(0); 4]; T];
        let mut from = 0;
        while from < N {
            let to = (from + steps).min(N);
            for half in 0..2 {
                let mut products = [[vdupq_n_s16(0); 2]; T];
                for k in from..to {
                    let w = vreinterpretq_s8_u8(weights[k][half]);
                    for t in 0..T {
                        let ([low, high], c) = (products[t], columns(x[t][k]));
                        products[t] = [
                            vmlal_s8(low, vget_low_s8(w), vget_low_s8(c)),
                            vmlal_high_s8(high, w, c),
                        ];
                    }
                }
                for t in 0..T {
                    let ([low, high], sums) = (products[t], &mut sums[t]);
                    sums[2 * half] = vpadalq_s16(sums[2 * half], low);
                    sums[2 * half + 1] = vpadalq_s16(sums[2 * half + 1], high);
                }
            }
            from = to;
        }
        let mut rows = map(start, |start| [vdupq_n_s32(start); 2]);
        for (rows, s) in rows.iter_mut().zip(sums) {
            rows[0] = vaddq_s32(rows[0], vpaddq_s32(s[0], s[1]));
            rows[1] = vaddq_s32(rows[1], vpaddq_s32(s[2], s[3]));
        }
        rows
    }
}

/// Four columns for each of four rows.
///
/// # Safety
/// The CPU has NEON.
#[inline(always)]
unsafe fn columns(x: [i8; 4]) -> int8x16_t {
    // SAFETY: as the caller promises.
    unsafe { vreinterpretq_s8_s32(vdupq_n_s32(word(x))) }
}
