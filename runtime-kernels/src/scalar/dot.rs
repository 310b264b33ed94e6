//! Dot products without SIMD.

use super::super::isa::Dot;
use super::super::quantize::Q8Block;
use super::Scalar;

impl Dot for Scalar {
    #[inline(always)]
    fn dot_q8<const T: usize>(self, weights: &[u8; 256], x: [&Q8Block; T]) -> [[f32; 8]; T] {
        let mut dots = [[0.0; 8]; T];
        for (dots, x) in dots.iter_mut().zip(x) {
            let mut sums = [0i32; 8];
            for (rows, x) in weights
                .as_chunks::<32>()
                .0
                .iter()
                .zip(x.q.as_chunks::<4>().0)
            {
                for (sum, w) in sums.iter_mut().zip(rows.as_chunks::<4>().0) {
                    *sum += product(w.map(|w| w as i8), x);
                }
            }
            *dots = sums.map(|sum| sum as f32);
        }
        dots
    }

    #[inline(always)]
    fn dot_q4<const T: usize>(self, weights: &[u8; 128], x: [&Q8Block; T]) -> [[f32; 8]; T] {
        let mut dots = [[0.0; 8]; T];
        for (dots, x) in dots.iter_mut().zip(x) {
            let mut sums = [0i32; 8];
            let (x, _) = x.q.as_chunks::<4>();
            for (j, rows) in weights.as_chunks::<32>().0.iter().enumerate() {
                for (sum, w) in sums.iter_mut().zip(rows.as_chunks::<4>().0) {
                    *sum += product(w.map(|w| (w & 15) as i8), &x[j]);
                    *sum += product(w.map(|w| (w >> 4) as i8), &x[j + 4]);
                }
            }
            *dots = sums.map(|sum| sum as f32);
        }
        dots
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
