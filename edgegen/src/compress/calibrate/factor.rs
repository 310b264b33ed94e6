//! What errors of a column mean for the others.

use rayon::prelude::*;

use crate::forward::Dense;
use crate::program::COLUMN_PADDING;

/// Added to each second moment, as a part of their mean: a text shows them only so well.
const DAMPING: f64 = 0.03;

/// The column of each step, within a block.
pub(super) type Order = [usize; COLUMN_PADDING];

/// The second moments `H` of a matrix's inputs as `M D Mᵀ`, `M` unit upper triangular: the loss of
/// errors `e` is then the sum of `D_k (e_k + Σ_{i<k} e_i M_ik)²`, so that column `k` can make
/// good what the columns before it did wrong (Frantar et al. 2022, "GPTQ", arXiv:2210.17323;
/// Chee et al. 2023, "QuIP", arXiv:2307.13304).
pub(super) struct Factor {
    /// The column of each step; those beyond the matrix's own are padding.
    pub(super) columns: Vec<usize>,
    /// `M`, row after row.
    upper: Vec<f32>,
    /// `D`.
    pub(super) diagonal: Vec<f32>,
}

impl Factor {
    /// Of `moments`, `[cols, cols]`, with the columns of each block in this order.
    pub(super) fn new(moments: &Dense, order: &Order) -> Self {
        let cols = moments.cols;
        let size = cols.next_multiple_of(COLUMN_PADDING);
        let columns: Vec<usize> = (0..size)
            .map(|step| step / COLUMN_PADDING * COLUMN_PADDING + order[step % COLUMN_PADDING])
            .collect();
        let mean = (0..cols).map(|i| f64::from(moments.row(i)[i])).sum::<f64>() / cols as f64;
        let damping = (DAMPING * mean).max(1e-12);
        let mut a = vec![0.0f64; size * size];
        for (row, &from) in a.chunks_exact_mut(size).zip(&columns) {
            for (value, &to) in row.iter_mut().zip(&columns) {
                if from < cols && to < cols {
                    *value = f64::from(moments.row(from)[to]);
                }
            }
        }
        for i in 0..size {
            a[i * size + i] += damping;
        }
        // From the last column on: what is left of the matrix loses one column's share. It is
        // symmetric, and its lower half is enough.
        let mut diagonal = vec![0.0; size];
        let mut upper = vec![0.0f32; size * size];
        for k in (0..size).rev() {
            let pivot = a[k * size + k].max(damping * 1e-3);
            diagonal[k] = pivot as f32;
            upper[k * size + k] = 1.0;
            let (above, row) = a.split_at_mut(k * size);
            let row = &row[..k];
            for (i, value) in row.iter().enumerate() {
                upper[i * size + k] = (value / pivot) as f32;
            }
            above
                .par_chunks_exact_mut(size)
                .with_min_len(64)
                .enumerate()
                .for_each(|(i, above)| {
                    let share = row[i] / pivot;
                    for (value, r) in above[..=i].iter_mut().zip(row) {
                        *value -= share * r;
                    }
                });
        }
        Self {
            columns,
            upper,
            diagonal,
        }
    }

    /// Row `step` of `M`.
    pub(super) fn row(&self, step: usize) -> &[f32] {
        let size = self.columns.len();
        &self.upper[step * size..][..size]
    }

    /// The factor on `coded` that brings it nearest to `weights`, both in the order of steps.
    pub(super) fn gain(
        &self,
        weights: impl Iterator<Item = f32>,
        coded: impl Iterator<Item = f32>,
    ) -> f32 {
        let size = self.columns.len();
        let (mut w, mut c) = (vec![0.0f32; size], vec![0.0f32; size]);
        for (i, (weight, code)) in weights.zip(coded).enumerate() {
            let row = &self.row(i)[i..];
            for ((w, c), m) in w[i..].iter_mut().zip(&mut c[i..]).zip(row) {
                *w += weight * m;
                *c += code * m;
            }
        }
        let (mut both, mut square) = (0.0f32, 0.0f32);
        for ((w, c), d) in w.iter().zip(&c).zip(&self.diagonal) {
            both += d * w * c;
            square += d * c * c;
        }
        if square > 0.0 { both / square } else { 1.0 }
    }
}
