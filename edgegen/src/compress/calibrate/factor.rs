//! What errors of a column mean for the others.

use crate::compress::dense::Dense;

/// The second moments `H` of a matrix's inputs as `M D Mᵀ`, `M` unit upper triangular: the loss of
/// errors `e` is then the sum of `D_k (e_k + Σ_{i<k} e_i M_ik)²`, so that column `k` can make
/// good what the columns before it did wrong (Frantar et al. 2022, "GPTQ", arXiv:2210.17323;
/// Chee et al. 2023, "QuIP", arXiv:2307.13304).
pub(super) struct Factor {
    size: usize,
    /// `M`, row after row.
    upper: Vec<f32>,
    /// `D`.
    pub(super) diagonal: Vec<f32>,
}

impl Factor {
    /// Of `moments`, `[size, size]`, with columns in the order that `order` gives. Columns
    /// beyond the matrix's own are padding, and stand alone.
    pub(super) fn new(moments: &Dense, order: &[usize]) -> Self {
        let (cols, padded) = (moments.cols, order.len());
        let mean = (0..cols).map(|i| f64::from(moments.row(i)[i])).sum::<f64>() / cols as f64;
        let damping = (0.01 * mean).max(1e-12);
        let mut a = vec![0.0f64; padded * padded];
        for (i, &from) in order.iter().enumerate() {
            if from < cols {
                for (j, &to) in order.iter().enumerate() {
                    if to < cols {
                        a[i * padded + j] = f64::from(moments.row(from)[to]);
                    }
                }
            }
            a[i * padded + i] += damping;
        }
        // From the last column on: what is left of the matrix loses one column's share.
        let mut diagonal = vec![0.0; padded];
        let mut upper = vec![0.0f32; padded * padded];
        let mut share = vec![0.0f64; padded];
        for k in (0..padded).rev() {
            let pivot = a[k * padded + k].max(damping * 1e-3);
            diagonal[k] = pivot as f32;
            upper[k * padded + k] = 1.0;
            for i in 0..k {
                // The matrix is symmetric: row k is column k.
                share[i] = a[k * padded + i] / pivot;
                upper[i * padded + k] = share[i] as f32;
            }
            let (above, row) = a.split_at_mut(k * padded);
            let row = &row[..k];
            for (i, above) in above.chunks_exact_mut(padded).enumerate() {
                let factor = share[i];
                // The lower half is enough, as rows are read up to their own diagonal.
                for (value, &r) in above[..=i].iter_mut().zip(row) {
                    *value -= factor * r;
                }
            }
        }
        Self {
            size: padded,
            upper,
            diagonal,
        }
    }

    pub(super) fn row(&self, row: usize) -> &[f32] {
        &self.upper[row * self.size..][..self.size]
    }

    /// The factor on `coded` that brings it nearest to `weights`.
    pub(super) fn gain(
        &self,
        weights: impl Iterator<Item = f32>,
        coded: impl Iterator<Item = f32>,
    ) -> f32 {
        let (mut w, mut c) = (vec![0.0f32; self.size], vec![0.0f32; self.size]);
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
