//! Dot products without SIMD.

use super::super::isa::Dot;
use super::super::map::map;
use super::super::quantize::Q8Block;
use super::Scalar;

impl Dot for Scalar {
    type Sums = [i32; 8];

    #[inline(always)]
    fn dot_q8<const T: usize>(self, weights: &[u8; 256], x: [&Q8Block; T]) -> [[i32; 8]; T] {
        let mut all = [[0; 8]; T];
        for (sums, x) in all.iter_mut().zip(x) {
            for (rows, x) in weights
                .as_chunks::<32>()
                .0
                .iter()
                .zip(x.q.as_chunks::<4>().0)
            {
                for (sum, w) in sums.iter_mut().zip(rows.as_chunks::<4>().0) {
                    *sum += product(map(*w, |w| w as i8), x);
                }
            }
        }
        all
    }

    #[inline(always)]
    fn dot_q4<const T: usize>(
        self,
        weights: &[u8; 128],
        x: [&Q8Block; T],
        start: [i32; T],
    ) -> [[i32; 8]; T] {
        let mut all = map(start, |start| [start; 8]);
        for (sums, x) in all.iter_mut().zip(x) {
            let (x, _) = x.q.as_chunks::<4>();
            for (j, rows) in weights.as_chunks::<32>().0.iter().enumerate() {
                for (sum, w) in sums.iter_mut().zip(rows.as_chunks::<4>().0) {
                    *sum += product(map(*w, |w| (w & 15) as i8), &x[j]);
                    *sum += product(map(*w, |w| (w >> 4) as i8), &x[j + 4]);
                }
            }
        }
        all
    }

    #[inline(always)]
    fn dot_codes<const T: usize>(
        self,
        codes: &[u8; 128],
        levels: &[i8; 16],
        x: [&Q8Block; T],
    ) -> [[i32; 8]; T] {
        let level = |code: u8| levels[usize::from(code)];
        let mut all = [[0; 8]; T];
        for (sums, x) in all.iter_mut().zip(x) {
            let (x, _) = x.q.as_chunks::<4>();
            for (j, rows) in codes.as_chunks::<32>().0.iter().enumerate() {
                for (sum, c) in sums.iter_mut().zip(rows.as_chunks::<4>().0) {
                    *sum += product(map(*c, |c| level(c & 15)), &x[j]);
                    *sum += product(map(*c, |c| level(c >> 4)), &x[j + 4]);
                }
            }
        }
        all
    }

    #[inline(always)]
    fn dot_i8<const T: usize>(self, rows: &[[f32; 8]], x: [&[i32]; T]) -> [[i32; 8]; T] {
        let bytes = |word: u32| map(word.to_le_bytes(), |byte| byte as i8);
        let mut all = [[0; 8]; T];
        for (sums, x) in all.iter_mut().zip(x) {
            for (rows, x) in rows.iter().zip(x) {
                let x = bytes(*x as u32);
                for (sum, w) in sums.iter_mut().zip(rows) {
                    *sum += product(bytes(w.to_bits()), &x);
                }
            }
        }
        all
    }

    #[inline(always)]
    fn to_f32(self, sums: [i32; 8]) -> [f32; 8] {
        map(sums, |sum| sum as f32)
    }
}

#[inline(always)]
fn product(w: [i8; 4], x: &[i8; 4]) -> i32 {
    let mut sum = 0;
    for i in 0..4 {
        sum += i32::from(w[i]) * i32::from(x[i]);
    }
    sum
}
