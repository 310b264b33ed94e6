//! Dot products by widening multiplications; sums stay in i16 as long as they fit.

use core::arch::aarch64::*;

use super::super::isa::Dot;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::Neon;

impl Dot for Neon {
    type Sums = [int32x4_t; 2];

    #[inline(always)]
    fn dot_q8<const T: usize>(self, weights: &[u8; 256], x: [&Q8Block; T]) -> [[int32x4_t; 2]; T] {
        // SAFETY: the token proves NEON; chunks are as long as the loads.
        unsafe {
            let mut sums = [[vdupq_n_s32(0); 4]; T];
            for (pair, chunks) in weights.as_chunks::<64>().0.iter().enumerate() {
                for half in 0..2 {
                    let a = vld1q_s8(chunks.as_ptr().add(16 * half).cast());
                    let b = vld1q_s8(chunks.as_ptr().add(16 * half + 32).cast());
                    for t in 0..T {
                        let (xa, xb) = (columns(x[t], 2 * pair), columns(x[t], 2 * pair + 1));
                        // Two products of at most 128 × 127 fit i16.
                        let low = vmull_s8(vget_low_s8(a), vget_low_s8(xa));
                        let low = vmlal_s8(low, vget_low_s8(b), vget_low_s8(xb));
                        let high = vmlal_high_s8(vmull_high_s8(a, xa), b, xb);
                        let sums = &mut sums[t];
                        sums[2 * half] = vpadalq_s16(sums[2 * half], low);
                        sums[2 * half + 1] = vpadalq_s16(sums[2 * half + 1], high);
                    }
                }
            }
            map(sums, |s| [vpaddq_s32(s[0], s[1]), vpaddq_s32(s[2], s[3])])
        }
    }

    #[inline(always)]
    fn dot_q4<const T: usize>(
        self,
        weights: &[u8; 128],
        x: [&Q8Block; T],
        start: [i32; T],
    ) -> [[int32x4_t; 2]; T] {
        // SAFETY: the token proves NEON; chunks are as long as the loads.
        unsafe {
            // Eight products of at most 15 × 127 fit i16.
            let mut sums = [[vdupq_n_s16(0); 4]; T];
            for (i, chunk) in weights.as_chunks::<16>().0.iter().enumerate() {
                let (j, half) = (i / 2, i % 2);
                let w = vld1q_u8(chunk.as_ptr());
                let a = vreinterpretq_s8_u8(vandq_u8(w, vdupq_n_u8(15)));
                let b = vreinterpretq_s8_u8(vshrq_n_u8::<4>(w));
                for t in 0..T {
                    let (xa, xb) = (columns(x[t], j), columns(x[t], j + 4));
                    let sums = &mut sums[t];
                    let (low, high) = (sums[2 * half], sums[2 * half + 1]);
                    let low = vmlal_s8(low, vget_low_s8(a), vget_low_s8(xa));
                    sums[2 * half] = vmlal_s8(low, vget_low_s8(b), vget_low_s8(xb));
                    sums[2 * half + 1] = vmlal_high_s8(vmlal_high_s8(high, a, xa), b, xb);
                }
            }
            let mut rows = map(start, |start| [vdupq_n_s32(start); 2]);
            for (rows, s) in rows.iter_mut().zip(sums) {
                let s = map(s, |s| vpaddlq_s16(s));
                *rows = [
                    vaddq_s32(rows[0], vpaddq_s32(s[0], s[1])),
                    vaddq_s32(rows[1], vpaddq_s32(s[2], s[3])),
                ];
            }
            rows
        }
    }

    #[inline(always)]
    fn dot_codes<const T: usize>(
        self,
        codes: &[u8; 128],
        levels: &[i8; 16],
        x: [&Q8Block; T],
    ) -> [[int32x4_t; 2]; T] {
        // SAFETY: the token proves NEON; chunks are as long as the loads.
        unsafe {
            let levels = vld1q_s8(levels.as_ptr());
            let mut sums = [[vdupq_n_s32(0); 4]; T];
            for (i, chunk) in codes.as_chunks::<16>().0.iter().enumerate() {
                let (j, half) = (i / 2, i % 2);
                let c = vld1q_u8(chunk.as_ptr());
                let a = vqtbl1q_s8(levels, vandq_u8(c, vdupq_n_u8(15)));
                let b = vqtbl1q_s8(levels, vshrq_n_u8::<4>(c));
                for t in 0..T {
                    let (xa, xb) = (columns(x[t], j), columns(x[t], j + 4));
                    // Two products of at most 63 × 127 fit i16.
                    let low = vmull_s8(vget_low_s8(a), vget_low_s8(xa));
                    let low = vmlal_s8(low, vget_low_s8(b), vget_low_s8(xb));
                    let high = vmlal_high_s8(vmull_high_s8(a, xa), b, xb);
                    let sums = &mut sums[t];
                    sums[2 * half] = vpadalq_s16(sums[2 * half], low);
                    sums[2 * half + 1] = vpadalq_s16(sums[2 * half + 1], high);
                }
            }
            map(sums, |s| [vpaddq_s32(s[0], s[1]), vpaddq_s32(s[2], s[3])])
        }
    }

    #[inline(always)]
    fn dot_i8<const T: usize>(self, rows: &[[f32; 8]], x: [&[i32]; T]) -> [[int32x4_t; 2]; T] {
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
    fn to_f32(self, sums: [int32x4_t; 2]) -> [float32x4_t; 2] {
        // SAFETY: the token proves NEON.
        map(sums, |sum| unsafe { vcvtq_f32_s32(sum) })
    }
}

/// Columns `4k..4k + 4` for each of four rows.
///
/// # Safety
/// The CPU has NEON.
#[inline(always)]
pub unsafe fn columns(x: &Q8Block, k: usize) -> int8x16_t {
    // SAFETY: as the caller promises.
    unsafe { vreinterpretq_s8_s32(vdupq_n_s32(x.columns(k))) }
}
