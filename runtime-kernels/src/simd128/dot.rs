//! Dot products by widening multiplications; sums stay in i16 as long as they fit.

use core::arch::wasm32::*;

use super::super::isa::Dot;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::Simd128;

impl Dot for Simd128 {
    type Sums = [v128; 2];

    #[inline(always)]
    fn dot_q8<const T: usize>(self, weights: &[u8; 256], x: [&Q8Block; T]) -> [[v128; 2]; T] {
        let mut sums = [[i32x4_splat(0); 4]; T];
        for (pair, chunks) in weights.as_chunks::<64>().0.iter().enumerate() {
            let (rows, _) = chunks.as_chunks();
            for half in 0..2 {
                let (a, b) = (load(&rows[half]), load(&rows[half + 2]));
                for t in 0..T {
                    let (xa, xb) = (
                        i32x4_splat(x[t].columns(2 * pair)),
                        i32x4_splat(x[t].columns(2 * pair + 1)),
                    );
                    // Two products of at most 128 × 127 fit i16.
                    let low =
                        i16x8_add(i16x8_extmul_low_i8x16(a, xa), i16x8_extmul_low_i8x16(b, xb));
                    let high = i16x8_add(
                        i16x8_extmul_high_i8x16(a, xa),
                        i16x8_extmul_high_i8x16(b, xb),
                    );
                    for (i, products) in [low, high].into_iter().enumerate() {
                        let sum = &mut sums[t][2 * half + i];
                        *sum = i32x4_add(*sum, i32x4_extadd_pairwise_i16x8(products));
                    }
                }
            }
        }
        map(sums, rows)
    }

    #[inline(always)]
    fn dot_q4<const T: usize>(
        self,
        weights: &[u8; 128],
        x: [&Q8Block; T],
        start: [i32; T],
    ) -> [[v128; 2]; T] {
        // Eight products of at most 15 × 127 fit i16.
        let mut sums = [[i16x8_splat(0); 4]; T];
        for (i, chunk) in weights.as_chunks::<16>().0.iter().enumerate() {
            let (j, half) = (i / 2, i % 2);
            let w = load(chunk);
            let (a, b) = (v128_and(w, u8x16_splat(15)), u8x16_shr(w, 4));
            for t in 0..T {
                for (w, x) in [
                    (a, i32x4_splat(x[t].columns(j))),
                    (b, i32x4_splat(x[t].columns(j + 4))),
                ] {
                    let sums = &mut sums[t];
                    let (low, high) = (i16x8_extmul_low_i8x16(w, x), i16x8_extmul_high_i8x16(w, x));
                    sums[2 * half] = i16x8_add(sums[2 * half], low);
                    sums[2 * half + 1] = i16x8_add(sums[2 * half + 1], high);
                }
            }
        }
        let mut all = map(start, |start| [i32x4_splat(start); 2]);
        for (all, sums) in all.iter_mut().zip(sums) {
            let sums = rows(map(sums, |sum| i32x4_extadd_pairwise_i16x8(sum)));
            *all = [i32x4_add(all[0], sums[0]), i32x4_add(all[1], sums[1])];
        }
        all
    }

    #[inline(always)]
    fn dot_codes<const T: usize>(
        self,
        codes: &[u8; 128],
        levels: &[i8; 16],
        x: [&Q8Block; T],
    ) -> [[v128; 2]; T] {
        let levels = load(&map(*levels, |level| level as u8));
        let mut sums = [[i32x4_splat(0); 4]; T];
        for (i, chunk) in codes.as_chunks::<16>().0.iter().enumerate() {
            let (j, half) = (i / 2, i % 2);
            let c = load(chunk);
            let a = i8x16_swizzle(levels, v128_and(c, u8x16_splat(15)));
            let b = i8x16_swizzle(levels, u8x16_shr(c, 4));
            for t in 0..T {
                let (xa, xb) = (
                    i32x4_splat(x[t].columns(j)),
                    i32x4_splat(x[t].columns(j + 4)),
                );
                // Two products of at most 63 × 127 fit i16.
                let low = i16x8_add(i16x8_extmul_low_i8x16(a, xa), i16x8_extmul_low_i8x16(b, xb));
                let high = i16x8_add(
                    i16x8_extmul_high_i8x16(a, xa),
                    i16x8_extmul_high_i8x16(b, xb),
                );
                for (i, products) in [low, high].into_iter().enumerate() {
                    let sum = &mut sums[t][2 * half + i];
                    *sum = i32x4_add(*sum, i32x4_extadd_pairwise_i16x8(products));
                }
            }
        }
        map(sums, rows)
    }

    #[inline(always)]
    fn dot_i8<const T: usize>(self, rows: &[[f32; 8]], x: [&[i32]; T]) -> [[v128; 2]; T] {
        let mut sums = [[i32x4_splat(0); 4]; T];
        for (i, chunk) in rows.as_flattened().as_chunks::<4>().0.iter().enumerate() {
            // SAFETY: the array is as long as the load, which needs no alignment.
            let w = unsafe { v128_load(chunk.as_ptr().cast()) };
            for t in 0..T {
                let x = i32x4_splat(x[t][i / 2]);
                let products = [i16x8_extmul_low_i8x16(w, x), i16x8_extmul_high_i8x16(w, x)];
                for (half, products) in products.into_iter().enumerate() {
                    let sum = &mut sums[t][2 * (i % 2) + half];
                    *sum = i32x4_add(*sum, i32x4_extadd_pairwise_i16x8(products));
                }
            }
        }
        map(sums, self::rows)
    }

    #[inline(always)]
    fn to_f32(self, sums: [v128; 2]) -> [v128; 2] {
        map(sums, |sum| f32x4_convert_i32x4(sum))
    }
}

#[inline(always)]
fn load(bytes: &[u8; 16]) -> v128 {
    // SAFETY: the array is as long as the load, which needs no alignment.
    unsafe { v128_load(bytes.as_ptr().cast()) }
}

/// Adds the two sums that each row has.
#[inline(always)]
fn rows(sums: [v128; 4]) -> [v128; 2] {
    [(sums[0], sums[1]), (sums[2], sums[3])].map(|(a, b)| {
        let even = i32x4_shuffle::<0, 2, 4, 6>(a, b);
        let odd = i32x4_shuffle::<1, 3, 5, 7>(a, b);
        i32x4_add(even, odd)
    })
}
