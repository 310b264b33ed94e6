//! Dot products by `sdot`: four products of signed bytes added to each of four sums.

use core::arch::aarch64::*;
use core::arch::asm;

use super::super::isa::Dot;
use super::super::neon::columns;
use super::super::quantize::Q8Block;
use super::NeonDotprod;

impl Dot for NeonDotprod {
    type Sums = [int32x4_t; 2];

    #[inline(always)]
    fn dot_q8<const T: usize>(self, weights: &[u8; 256], x: [&Q8Block; T]) -> [[int32x4_t; 2]; T] {
        // SAFETY: the token proves NEON and `sdot`; chunks are as long as the loads.
        unsafe {
            let mut sums = [[vdupq_n_s32(0); 2]; T];
            for (i, chunk) in weights.as_chunks::<16>().0.iter().enumerate() {
                let w = vld1q_s8(chunk.as_ptr().cast());
                for t in 0..T {
                    sums[t][i % 2] = sdot(sums[t][i % 2], w, columns(x[t], i / 2));
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
    ) -> [[int32x4_t; 2]; T] {
        // SAFETY: the token proves NEON and `sdot`; chunks are as long as the loads.
        unsafe {
            let mut sums = start.map(|start| [vdupq_n_s32(start); 2]);
            for (i, chunk) in weights.as_chunks::<16>().0.iter().enumerate() {
                let w = vld1q_u8(chunk.as_ptr());
                let a = vreinterpretq_s8_u8(vandq_u8(w, vdupq_n_u8(15)));
                let b = vreinterpretq_s8_u8(vshrq_n_u8::<4>(w));
                for t in 0..T {
                    let sum = sdot(sums[t][i % 2], a, columns(x[t], i / 2));
                    sums[t][i % 2] = sdot(sum, b, columns(x[t], i / 2 + 4));
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
    ) -> [[int32x4_t; 2]; T] {
        // SAFETY: the token proves NEON and `sdot`; chunks are as long as the loads.
        unsafe {
            let levels = vld1q_s8(levels.as_ptr());
            let mut sums = [[vdupq_n_s32(0); 2]; T];
            for (i, chunk) in codes.as_chunks::<16>().0.iter().enumerate() {
                let c = vld1q_u8(chunk.as_ptr());
                let a = vqtbl1q_s8(levels, vandq_u8(c, vdupq_n_u8(15)));
                let b = vqtbl1q_s8(levels, vshrq_n_u8::<4>(c));
                for t in 0..T {
                    let sum = sdot(sums[t][i % 2], a, columns(x[t], i / 2));
                    sums[t][i % 2] = sdot(sum, b, columns(x[t], i / 2 + 4));
                }
            }
            sums
        }
    }

    #[inline(always)]
    fn dot_i8<const T: usize>(self, rows: &[[f32; 8]], x: [&[i32]; T]) -> [[int32x4_t; 2]; T] {
        // SAFETY: the token proves NEON and `sdot`; chunks are as long as the loads.
        unsafe {
            let mut sums = [[vdupq_n_s32(0); 2]; T];
            for (i, chunk) in rows.as_flattened().as_chunks::<4>().0.iter().enumerate() {
                let w = vld1q_s8(chunk.as_ptr().cast());
                for t in 0..T {
                    let x = vreinterpretq_s8_s32(vdupq_n_s32(x[t][i / 2]));
                    sums[t][i % 2] = sdot(sums[t][i % 2], w, x);
                }
            }
            sums
        }
    }

    #[inline(always)]
    fn to_f32(self, sums: [int32x4_t; 2]) -> [float32x4_t; 2] {
        // SAFETY: the token proves NEON.
        sums.map(|sum| unsafe { vcvtq_f32_s32(sum) })
    }
}

/// The intrinsic `vdotq_s32`, which is unstable (rust-lang/rust#117224).
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn sdot(mut sum: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    // SAFETY: the function's features hold the instruction, which touches no memory or flags.
    unsafe {
        asm!(
            "sdot {0:v}.4s, {1:v}.16b, {2:v}.16b",
            inout(vreg) sum, in(vreg) a, in(vreg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}
