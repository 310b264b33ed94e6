//! Dot products by `sdot`: four products of signed bytes added to each of four sums.

use core::arch::aarch64::*;
use core::arch::asm;

use super::super::isa::Dot;
use super::super::map::map;
use super::super::neon::add_pairs;
use super::super::quantize::Q8Block;
use super::NeonDotprod;

impl Dot for NeonDotprod {
    #[inline(always)]
    fn dot<const MAX: u8, const N: usize, const T: usize>(
        self,
        weights: &[[uint8x16_t; 2]; N],
        x: [&[[i8; 4]; N]; T],
        start: [i32; T],
    ) -> [[int32x4_t; 2]; T] {
        // SAFETY: the token proves NEON and `sdot`; chunks are as long as the loads.
        unsafe {
            let mut sums = map(start, |start| [vdupq_n_s32(start); 2]);
            for (four, weights) in weights.as_chunks::<4>().0.iter().enumerate() {
                for t in 0..T {
                    let x = vld1q_s8(x[t].as_chunks::<4>().0[four].as_ptr().cast());
                    for half in 0..2 {
                        let [a, b, c, d] = map(*weights, |w| vreinterpretq_s8_u8(w[half]));
                        let sum = sdot_lane::<0>(sums[t][half], a, x);
                        let sum = sdot_lane::<1>(sum, b, x);
                        let sum = sdot_lane::<2>(sum, c, x);
                        sums[t][half] = sdot_lane::<3>(sum, d, x);
                    }
                }
            }
            sums
        }
    }

    // Weights up to 127 have the bits of i8.
    #[inline(always)]
    fn dot_i8<const T: usize>(
        self,
        weights: &[[uint8x16_t; 2]; 8],
        x: [&Q8Block; T],
    ) -> [[int32x4_t; 2]; T] {
        self.dot::<127, 8, T>(weights, map(x, |x| x.columns()), [0; T])
    }

    #[inline(always)]
    fn dot_words<const T: usize>(self, rows: &[[f32; 8]], x: [&[i32]; T]) -> [[int32x4_t; 2]; T] {
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
    fn add_pairs(self, acc: [int32x4_t; 2], pairs: [int32x4_t; 2], x: i32) -> [int32x4_t; 2] {
        // SAFETY: the token proves NEON.
        unsafe { add_pairs(acc, pairs, x) }
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

/// The intrinsic `vdotq_laneq_s32`, which is unstable as well: all rows with four bytes of `b`.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn sdot_lane<const LANE: usize>(mut sum: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    // SAFETY: the function's features hold the instruction, which touches no memory or flags.
    unsafe {
        asm!(
            "sdot {0:v}.4s, {1:v}.16b, {2:v}.4b[{lane}]",
            inout(vreg) sum, in(vreg) a, in(vreg) b, lane = const LANE,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}
