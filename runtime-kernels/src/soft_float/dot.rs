//! Dot products of nibbles two columns at a time: `(a + b·2^16) · (y + x·2^16)` has `a·x + b·y` in its
//! upper half.

use super::super::isa::Dot;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::{SoftFloat, float};

impl Dot for SoftFloat {
    #[inline(always)]
    fn dot<const MAX: u8, const N: usize, const T: usize>(
        self,
        weights: &[[u8; 32]; N],
        x: [&[[i8; 4]; N]; T],
        start: [i32; T],
    ) -> [[i32; 8]; T] {
        let mut sums = map(start, |start| [start; 8]);
        for (sums, x) in sums.iter_mut().zip(x) {
            add_dot(weights, x, sums);
        }
        sums
    }

    // Weights up to 127 have the bits of i8.
    #[inline(always)]
    fn dot_i8<const T: usize>(self, weights: &[[u8; 32]; 8], x: [&Q8Block; T]) -> [[i32; 8]; T] {
        self.dot::<127, 8, T>(weights, map(x, |x| x.columns()), [0; T])
    }

    // In memory already.
    #[inline(always)]
    fn dot_i8_of<const T: usize>(self, weights: &[u8; 256], x: [&Q8Block; T]) -> [[i32; 8]; T] {
        let mut sums = [[0; 8]; T];
        for (sums, x) in sums.iter_mut().zip(x) {
            add_dot(weights.as_chunks().0, x.columns(), sums);
        }
        sums
    }

    #[inline(always)]
    fn dot_nibbles<const T: usize>(
        self,
        weights: &[u8; 128],
        x: [&Q8Block; T],
        start: [i32; T],
    ) -> [[i32; 8]; T] {
        let mut sums = start.map(|start| [start; 8]);
        for (sums, x) in sums.iter_mut().zip(x) {
            with_words(weights, |words| add_dot_nibbles(words, x, sums));
        }
        sums
    }

    #[inline(always)]
    fn dot_words<const T: usize>(self, rows: &[[f32; 8]], x: [&[i32]; T]) -> [[i32; 8]; T] {
        self.0.dot_words(rows, x)
    }

    #[inline(always)]
    fn add_pairs(self, acc: [i32; 8], pairs: [i32; 8], x: i32) -> [i32; 8] {
        self.0.add_pairs(acc, pairs, x)
    }

    #[inline(always)]
    fn add_scaled(self, mut acc: [f32; 8], sums: [i32; 8], scale: [f32; 8]) -> [f32; 8] {
        add_scaled(&mut acc, &sums, &scale);
        acc
    }
}

#[inline(never)]
fn add_scaled(acc: &mut [f32; 8], sums: &[i32; 8], scale: &[f32; 8]) {
    for i in 0..8 {
        acc[i] = float::add_scaled(acc[i], sums[i], scale[i]);
    }
}

/// Sixteen columns at a time.
#[inline(always)]
fn add_dot(weights: &[[u8; 32]], x: &[[i8; 4]], sums: &mut [i32; 8]) {
    for (weights, x) in weights.as_chunks::<4>().0.iter().zip(x.as_chunks::<4>().0) {
        add_columns(weights.as_flattened().as_chunks().0, x, sums);
    }
}

/// Slices, so that the loop is not unrolled: `x` stays in registers.
#[inline(never)]
fn add_columns(weights: &[[u8; 4]], x: &[[i8; 4]; 4], sums: &mut [i32]) {
    let (rows, x) = (weights.len() / 4, x.map(|x| x.map(i32::from)));
    let (a, rest) = weights.split_at(rows);
    let (b, rest) = rest.split_at(rows);
    let (c, d) = rest.split_at(rows);
    for ((((sum, a), b), c), d) in sums.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        for (w, x) in [a, b, c, d].into_iter().zip(x) {
            for (&w, x) in w.iter().zip(x) {
                *sum += i32::from(w as i8) * x;
            }
        }
    }
}

/// Gives the bytes as words of the CPU's order.
#[inline(always)]
fn with_words(bytes: &[u8; 128], run: impl FnOnce(&[u32; 32])) {
    let words = bytes.as_ptr().cast::<[u32; 32]>();
    if words.is_aligned() {
        // SAFETY: the array is as long, aligned, and u32 may have any bits.
        run(unsafe { &*words });
    } else {
        run(&core::array::from_fn(|i| {
            u32::from_ne_bytes(bytes.as_chunks().0[i])
        }));
    }
}

/// Adds the products of both columns `i` and `i + 2` of eights of rows; columns `4k..4k + 4` of a
/// row are the low nibbles of a word, or the high ones.
#[inline(never)]
fn add_dot_nibbles(words: &[u32; 32], x: &Q8Block, sums: &mut [i32; 8]) {
    for (half, words) in words.as_chunks::<16>().0.iter().enumerate() {
        let pair = |k: usize, i: usize| {
            let q = |i: usize| i32::from(x.q[4 * k + i]);
            (q(i) << 16).wrapping_add(q(i + 2))
        };
        let x = [2 * half, 2 * half + 1]
            .map(|j| [pair(j, 0), pair(j, 1), pair(j + 4, 0), pair(j + 4, 1)]);
        let (first, second) = words.split_at(8);
        add_products(first, second, &x, sums);
    }
}

/// Slices, so that the loop is not unrolled: `x` stays in registers.
#[inline(never)]
fn add_products(first: &[u32], second: &[u32], x: &[[i32; 4]; 2], sums: &mut [i32]) {
    let [x, y] = *x;
    for ((sum, &a), &b) in sums.iter_mut().zip(first).zip(second) {
        // 16 products of at most 15 × 127 fit the lower half, and the sums of two the upper one.
        let products = products(a, x).wrapping_add(products(b, y));
        *sum += products.wrapping_add(1 << 15) >> 16;
    }
}

#[inline(always)]
fn products(word: u32, x: [i32; 4]) -> i32 {
    let word = u32::from_le(word);
    let mut sum = 0i32;
    for (shift, x) in [0, 8, 4, 12].into_iter().zip(x) {
        let pair = word >> shift & 0x000f_000f;
        sum = sum.wrapping_add(x.wrapping_mul(pair as i32));
    }
    sum
}
