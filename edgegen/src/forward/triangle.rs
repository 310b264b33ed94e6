//! Elimination of symmetric matrices.

use rayon::prelude::*;

use super::dense::Dense;

/// Columns of an inverse that are computed side by side.
const LANES: usize = 8;

/// A symmetric positive matrix as `M D Mᵀ`, `M` unit upper triangular and `D` diagonal.
#[derive(Debug, Clone)]
pub(crate) struct Triangle {
    /// `M`, row after row.
    upper: Vec<f32>,
    /// `D`.
    diagonal: Vec<f32>,
}

impl Triangle {
    /// Of `a`, `[size, size]`; pivots are `least` at least.
    pub(crate) fn new(mut a: Vec<f64>, size: usize, least: f64) -> Self {
        // From the last column on: what is left of the matrix loses one column's share. It is
        // symmetric, and its lower half is enough.
        let mut diagonal = vec![0.0; size];
        let mut upper = vec![0.0f32; size * size];
        for k in (0..size).rev() {
            let pivot = a[k * size + k].max(least);
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
        Self { upper, diagonal }
    }

    /// Row `index` of `M`.
    pub(crate) fn row(&self, index: usize) -> &[f32] {
        let size = self.diagonal.len();
        &self.upper[index * size..][..size]
    }

    /// `D`.
    pub(crate) fn diagonal(&self) -> &[f32] {
        &self.diagonal
    }

    /// The matrix's inverse, `M⁻ᵀ D⁻¹ M⁻¹`.
    pub(crate) fn inverse(&self) -> Dense {
        let size = self.diagonal.len();
        // Row `i` is column `i` of `M⁻¹`, over the roots of `D`.
        let mut roots = Dense::zeros(size, size);
        roots
            .values
            .par_chunks_mut(LANES * size)
            .enumerate()
            .for_each(|(chunk, rows)| {
                let first = LANES * chunk;
                let end = first + rows.len() / size;
                let mut columns = vec![[0.0f64; LANES]; end];
                for i in (0..end).rev() {
                    let mut sums = [0.0; LANES];
                    if i >= first {
                        sums[i - first] = 1.0;
                    }
                    for (&m, column) in self.row(i)[i + 1..end].iter().zip(&columns[i + 1..]) {
                        for (sum, value) in sums.iter_mut().zip(column) {
                            *sum -= f64::from(m) * value;
                        }
                    }
                    columns[i] = sums;
                }
                for (lane, row) in rows.chunks_exact_mut(size).enumerate() {
                    for ((value, column), d) in row.iter_mut().zip(&columns).zip(&self.diagonal) {
                        *value = (column[lane] / f64::from(*d).sqrt()) as f32;
                    }
                }
            });
        roots.times(&roots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_times_its_inverse_is_one() {
        let size = 37;
        let mut a = vec![0.0f64; size * size];
        for i in 0..size {
            for j in 0..size {
                a[i * size + j] = 1.0 / (1.0 + i.abs_diff(j) as f64);
            }
            a[i * size + i] += 0.5 + i as f64 / 10.0;
        }
        let inverse = Triangle::new(a.clone(), size, 1e-9).inverse();
        for i in 0..size {
            for j in 0..size {
                let sum: f64 = (0..size)
                    .map(|k| a[i * size + k] * f64::from(inverse.row(k)[j]))
                    .sum();
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((sum - expected).abs() < 1e-5, "{i}, {j}: {sum}");
            }
        }
    }
}
