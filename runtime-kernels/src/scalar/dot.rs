//! Dot products without SIMD.

use super::super::isa::Dot;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::Scalar;

impl Dot for Scalar {
    #[inline(always)]
    fn dot<const MAX: u8, const N: usize, const T: usize>(
        self,
        weights: &[[u8; 32]; N],
        x: [&[[i8; 4]; N]; T],
        start: [i32; T],
    ) -> [[i32; 8]; T] {
        let mut all = map(start, |start| [start; 8]);
        for (sums, x) in all.iter_mut().zip(x) {
            for (rows, x) in weights.iter().zip(x) {
                for (sum, w) in sums.iter_mut().zip(rows.as_chunks::<4>().0) {
                    *sum += product(map(*w, i32::from), x);
                }
            }
        }
        all
    }

    #[inline(always)]
    fn dot_i8<const T: usize>(self, weights: &[[u8; 32]; 8], x: [&Q8Block; T]) -> [[i32; 8]; T] {
        let mut all = [[0; 8]; T];
        for (sums, x) in all.iter_mut().zip(x) {
            for (rows, x) in weights.iter().zip(x.columns()) {
                for (sum, w) in sums.iter_mut().zip(rows.as_chunks::<4>().0) {
                    *sum += product(map(*w, |w| i32::from(w as i8)), x);
                }
            }
        }
        all
    }

    // Bytes that are unpacked would go through memory.
    #[inline(always)]
    fn dot_nibbles<const T: usize>(
        self,
        weights: &[u8; 128],
        x: [&Q8Block; T],
        start: [i32; T],
    ) -> [[i32; 8]; T] {
        let mut all = map(start, |start| [start; 8]);
        for (sums, x) in all.iter_mut().zip(x) {
            let columns = x.columns();
            for (j, rows) in weights.as_chunks::<32>().0.iter().enumerate() {
                for (sum, w) in sums.iter_mut().zip(rows.as_chunks::<4>().0) {
                    *sum += product(map(*w, |w| i32::from(w & 15)), &columns[j]);
                    *sum += product(map(*w, |w| i32::from(w >> 4)), &columns[j + 4]);
                }
            }
        }
        all
    }

    #[inline(always)]
    fn dot_words<const T: usize>(self, rows: &[[f32; 8]], x: [&[i32]; T]) -> [[i32; 8]; T] {
        let bytes = |word: u32| map(word.to_le_bytes(), |byte| i32::from(byte as i8));
        let mut all = [[0; 8]; T];
        for (sums, x) in all.iter_mut().zip(x) {
            for (rows, x) in rows.iter().zip(x) {
                let x = map(x.to_le_bytes(), |byte| byte as i8);
                for (sum, w) in sums.iter_mut().zip(rows) {
                    *sum += product(bytes(w.to_bits()), &x);
                }
            }
        }
        all
    }

    #[inline(always)]
    fn add_pairs(self, acc: [i32; 8], pairs: [i32; 8], x: i32) -> [i32; 8] {
        let low = |word: i32| i32::from(word as i16);
        let mut sums = acc;
        for (sum, pair) in sums.iter_mut().zip(pairs) {
            *sum += low(pair) * low(x) + (pair >> 16) * (x >> 16);
        }
        sums
    }
}

#[inline(always)]
fn product(w: [i32; 4], x: &[i8; 4]) -> i32 {
    let mut sum = 0;
    for i in 0..4 {
        sum += w[i] * i32::from(x[i]);
    }
    sum
}
