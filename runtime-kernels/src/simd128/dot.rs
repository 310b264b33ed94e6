//! Dot products by widening multiplications; sums stay in i16 as long as they fit.

use core::arch::wasm32::*;

use super::super::bytes::word;
use super::super::isa::Dot;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::Simd128;

impl Dot for Simd128 {
    #[inline(always)]
    fn dot<const MAX: u8, const N: usize, const T: usize>(
        self,
        weights: &[[v128; 2]; N],
        x: [&[[i8; 4]; N]; T],
        start: [i32; T],
    ) -> [[v128; 2]; T] {
        // So many products fit i16.
        dot(const { 32767 / (127 * MAX as usize) }, weights, x, start)
    }

    // Two products of at most 128 × 127 fit i16.
    #[inline(always)]
    fn dot_i8<const T: usize>(self, weights: &[[v128; 2]; 8], x: [&Q8Block; T]) -> [[v128; 2]; T] {
        dot(2, weights, map(x, |x| x.columns()), [0; T])
    }

    #[inline(always)]
    fn dot_words<const T: usize>(self, rows: &[[f32; 8]], x: [&[i32]; T]) -> [[v128; 2]; T] {
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
    fn add_pairs(self, acc: [v128; 2], pairs: [v128; 2], x: i32) -> [v128; 2] {
        let x = i32x4_splat(x);
        [
            i32x4_add(acc[0], i32x4_dot_i16x8(pairs[0], x)),
            i32x4_add(acc[1], i32x4_dot_i16x8(pairs[1], x)),
        ]
    }
}

/// Dot products of weights of which `steps` products fit i16.
#[inline(always)]
fn dot<const N: usize, const T: usize>(
    steps: usize,
    weights: &[[v128; 2]; N],
    x: [&[[i8; 4]; N]; T],
    start: [i32; T],
) -> [[v128; 2]; T] {
    // Of each vector of weights, the sums of its rows' first two columns, and of the last two.
    let mut sums = [[i32x4_splat(0); 4]; T];
    let mut from = 0;
    while from < N {
        let to = (from + steps).min(N);
        for half in 0..2 {
            let mut products = [[i16x8_splat(0); 2]; T];
            for k in from..to {
                for t in 0..T {
                    let (w, c) = (weights[k][half], i32x4_splat(word(x[t][k])));
                    let [low, high] = products[t];
                    products[t] = [
                        i16x8_add(low, i16x8_extmul_low_i8x16(w, c)),
                        i16x8_add(high, i16x8_extmul_high_i8x16(w, c)),
                    ];
                }
            }
            for t in 0..T {
                for i in 0..2 {
                    let sum = &mut sums[t][2 * half + i];
                    *sum = i32x4_add(*sum, i32x4_extadd_pairwise_i16x8(products[t][i]));
                }
            }
        }
        from = to;
    }
    let mut all = map(start, |start| [i32x4_splat(start); 2]);
    for (all, sums) in all.iter_mut().zip(sums) {
        let sums = rows(sums);
        *all = [i32x4_add(all[0], sums[0]), i32x4_add(all[1], sums[1])];
    }
    all
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
