//! Products of matrices by `smmla`: two rows times two tokens over eight columns, added to each
//! of four sums.
//!
//! Tokens go in pairs; an odd number of them is computed as by `neon_dotprod`.

use core::arch::aarch64::*;
use core::arch::asm;

use super::super::isa::Dot;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::NeonI8mm;

impl Dot for NeonI8mm {
    // Of eight rows' columns `c..c + 4`, then `c + 4..c + 8`: eight bytes of each row, two rows in a
    // vector.
    #[inline(always)]
    fn pair(self, weights: &mut [[uint8x16_t; 2]; 8]) {
        for two in weights.as_chunks_mut::<2>().0 {
            // SAFETY: the token proves NEON.
            unsafe {
                let [[a, b], [c, d]] = *two;
                let [a, b, c, d] = map([a, b, c, d], |rows| vreinterpretq_u32_u8(rows));
                let [p, q, r, s] = map(
                    [
                        vzip1q_u32(a, c),
                        vzip2q_u32(a, c),
                        vzip1q_u32(b, d),
                        vzip2q_u32(b, d),
                    ],
                    |pair| vreinterpretq_u8_u32(pair),
                );
                *two = [[p, q], [r, s]];
            }
        }
    }

    #[inline(always)]
    fn dot<const MAX: u8, const N: usize, const T: usize>(
        self,
        weights: &[[uint8x16_t; 2]; N],
        x: [&[[i8; 4]; N]; T],
        start: [i32; T],
    ) -> [[int32x4_t; 2]; T] {
        if T % 2 == 1 {
            return self.0.dot::<MAX, N, T>(weights, x, start);
        }
        // SAFETY: the token proves NEON and `smmla`; chunks are as long as the loads.
        unsafe {
            let mut sums = [[vdupq_n_s32(0); 2]; T];
            for (pair, start) in sums
                .as_chunks_mut::<2>()
                .0
                .iter_mut()
                .zip(start.as_chunks::<2>().0)
            {
                let start = vld1_s32(start.as_ptr());
                *pair = [[vcombine_s32(start, start); 2]; 2];
            }
            for (k, pairs) in weights.as_chunks::<2>().0.iter().enumerate() {
                add_products(
                    &mut sums,
                    map(
                        [pairs[0][0], pairs[0][1], pairs[1][0], pairs[1][1]],
                        |rows| vreinterpretq_s8_u8(rows),
                    ),
                    map(x, |x| x.as_flattened().as_chunks::<8>().0[k].as_ptr()),
                );
            }
            by_token(sums)
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

    // Few tokens share a head's keys, and their words are not packed for pairs.
    #[inline(always)]
    fn dot_words<const T: usize>(self, rows: &[[f32; 8]], x: [&[i32]; T]) -> [[int32x4_t; 2]; T] {
        self.0.dot_words(rows, x)
    }

    #[inline(always)]
    fn add_pairs(self, acc: [int32x4_t; 2], pairs: [int32x4_t; 2], x: i32) -> [int32x4_t; 2] {
        self.0.add_pairs(acc, pairs, x)
    }
}

/// Adds the products of eight columns, each token's at its address. The sums of tokens `t` and
/// `t + 1`, `t` even, are four vectors, one for each pair of rows: a row's for `t`, its for `t + 1`,
/// the next row's.
///
/// # Safety
/// The CPU has NEON and `smmla`; at each address are eight bytes.
#[inline(always)]
unsafe fn add_products<const T: usize>(
    sums: &mut [[int32x4_t; 2]; T],
    rows: [int8x16_t; 4],
    x: [*const i8; T],
) {
    // SAFETY: as the caller promises.
    unsafe {
        for (sums, x) in sums
            .as_chunks_mut::<2>()
            .0
            .iter_mut()
            .zip(x.as_chunks::<2>().0)
        {
            let [first, second] = map(*x, |x| vld1_s8(x));
            let x = vcombine_s8(first, second);
            for (sum, rows) in sums.as_flattened_mut().iter_mut().zip(rows) {
                *sum = smmla(*sum, rows, x);
            }
        }
    }
}

/// The sums of each token, rows in order.
///
/// # Safety
/// The CPU has NEON.
#[inline(always)]
unsafe fn by_token<const T: usize>(mut sums: [[int32x4_t; 2]; T]) -> [[int32x4_t; 2]; T] {
    for pair in sums.as_chunks_mut::<2>().0 {
        let [[a, b], [c, d]] = *pair;
        // SAFETY: as the caller promises.
        *pair = unsafe {
            [
                [vuzp1q_s32(a, b), vuzp1q_s32(c, d)],
                [vuzp2q_s32(a, b), vuzp2q_s32(c, d)],
            ]
        };
    }
    sums
}

/// The intrinsic `vmmlaq_s32`, which is unstable (rust-lang/rust#117223).
#[inline]
#[target_feature(enable = "neon,i8mm")]
fn smmla(mut sum: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    // SAFETY: the function's features hold the instruction, which touches no memory or flags.
    unsafe {
        asm!(
            "smmla {0:v}.4s, {1:v}.16b, {2:v}.16b",
            inout(vreg) sum, in(vreg) a, in(vreg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}
