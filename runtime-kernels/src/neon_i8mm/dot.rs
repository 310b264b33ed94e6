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
    type Sums = [int32x4_t; 2];

    #[inline(always)]
    fn dot_q8<const T: usize>(self, weights: &[u8; 256], x: [&Q8Block; T]) -> [[int32x4_t; 2]; T] {
        if T % 2 == 1 {
            return self.0.dot_q8(weights, x);
        }
        // SAFETY: the token proves NEON and `smmla`; chunks are as long as the loads.
        unsafe {
            let mut sums = [[vdupq_n_s32(0); 2]; T];
            for (k, chunk) in weights.as_chunks::<64>().0.iter().enumerate() {
                let rows = map(row_pairs(chunk), |w| vreinterpretq_s8_u8(w));
                add_products(&mut sums, rows, x, k);
            }
            by_token(sums)
        }
    }

    #[inline(always)]
    fn dot_q4<const T: usize>(
        self,
        weights: &[u8; 128],
        x: [&Q8Block; T],
        start: [i32; T],
    ) -> [[int32x4_t; 2]; T] {
        if T % 2 == 1 {
            return self.0.dot_q4(weights, x, start);
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
            for (k, chunk) in weights.as_chunks::<64>().0.iter().enumerate() {
                let rows = row_pairs(chunk);
                let low = map(rows, |w| vreinterpretq_s8_u8(vandq_u8(w, vdupq_n_u8(15))));
                add_products(&mut sums, low, x, k);
                let high = map(rows, |w| vreinterpretq_s8_u8(vshrq_n_u8::<4>(w)));
                add_products(&mut sums, high, x, k + 2);
            }
            by_token(sums)
        }
    }

    #[inline(always)]
    fn dot_codes<const T: usize>(
        self,
        codes: &[u8; 128],
        levels: &[i8; 16],
        x: [&Q8Block; T],
    ) -> [[int32x4_t; 2]; T] {
        if T % 2 == 1 {
            return self.0.dot_codes(codes, levels, x);
        }
        // SAFETY: the token proves NEON and `smmla`; chunks are as long as the loads.
        unsafe {
            let levels = vld1q_s8(levels.as_ptr());
            let mut sums = [[vdupq_n_s32(0); 2]; T];
            for (k, chunk) in codes.as_chunks::<64>().0.iter().enumerate() {
                let rows = row_pairs(chunk);
                let low = map(rows, |c| vqtbl1q_s8(levels, vandq_u8(c, vdupq_n_u8(15))));
                add_products(&mut sums, low, x, k);
                let high = map(rows, |c| vqtbl1q_s8(levels, vshrq_n_u8::<4>(c)));
                add_products(&mut sums, high, x, k + 2);
            }
            by_token(sums)
        }
    }

    // Few tokens share a head's keys, and their words are not packed for pairs.
    #[inline(always)]
    fn dot_i8<const T: usize>(self, rows: &[[f32; 8]], x: [&[i32]; T]) -> [[int32x4_t; 2]; T] {
        self.0.dot_i8(rows, x)
    }

    #[inline(always)]
    fn to_f32(self, sums: [int32x4_t; 2]) -> [float32x4_t; 2] {
        self.0.to_f32(sums)
    }
}

/// Of eight rows' columns `c..c + 4`, then `c + 4..c + 8`, four bytes each: eight bytes of each
/// row, two rows in a vector.
///
/// # Safety
/// The CPU has NEON.
#[inline(always)]
unsafe fn row_pairs(chunk: &[u8; 64]) -> [uint8x16_t; 4] {
    // SAFETY: as the caller promises; the chunk is as long as the loads.
    unsafe {
        let load = |at| vreinterpretq_u32_u8(vld1q_u8(chunk.as_ptr().add(at)));
        let [a, b, c, d] = map([0, 16, 32, 48], load);
        let pairs = [
            vzip1q_u32(a, c),
            vzip2q_u32(a, c),
            vzip1q_u32(b, d),
            vzip2q_u32(b, d),
        ];
        map(pairs, |pair| vreinterpretq_u8_u32(pair))
    }
}

/// Adds the products of columns `8k..8k + 8`. The sums of tokens `t` and `t + 1`, `t` even, are
/// four vectors, one for each pair of rows: a row's for `t`, its for `t + 1`, the next row's.
///
/// # Safety
/// The CPU has NEON and `smmla`.
#[inline(always)]
unsafe fn add_products<const T: usize>(
    sums: &mut [[int32x4_t; 2]; T],
    rows: [int8x16_t; 4],
    x: [&Q8Block; T],
    k: usize,
) {
    // SAFETY: as the caller promises; a block holds `8k + 8` activations.
    unsafe {
        for (sums, x) in sums
            .as_chunks_mut::<2>()
            .0
            .iter_mut()
            .zip(x.as_chunks::<2>().0)
        {
            let [first, second] = map(*x, |x| vld1_s8(x.q.as_chunks::<8>().0[k].as_ptr()));
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
