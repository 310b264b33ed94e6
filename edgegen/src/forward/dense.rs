//! Matrices of f32 and their products, the same on every machine.

use rayon::prelude::*;
use runtime_kernels::{F32, MatMul};

use crate::isa;
use crate::model::{DType, Tensor, View};
use crate::program::{COLUMN_PADDING, ROW_PADDING};

/// A matrix, row after row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dense {
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) values: Vec<f32>,
}

impl Dense {
    pub(crate) fn zeros(rows: usize, cols: usize) -> Self {
        Self {
            rows,
            cols,
            values: vec![0.0; rows * cols],
        }
    }

    /// The values of a tensor.
    pub(crate) fn of(tensor: &Tensor) -> Self {
        let mut this = Self::zeros(tensor.rows(), tensor.cols());
        this.values
            .par_chunks_mut(64 * this.cols)
            .enumerate()
            .for_each(|(chunk, out)| {
                let first = 64 * chunk;
                tensor.dequantize_rows(first..first + out.len() / tensor.cols(), out);
            });
        this
    }

    /// A tensor of these values.
    pub(crate) fn tensor(&self, name: &str) -> Tensor {
        let bytes: Vec<u8> = bytemuck::cast_slice(&self.values).to_vec();
        Tensor::new(name, self.rows, self.cols, DType::F32, View::new(bytes))
            .expect("there are as many bytes as the shape needs")
    }

    pub(crate) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.cols..][..self.cols]
    }

    /// The first rows, each with zeros up to a whole number of eights.
    pub(crate) fn padded_rows(&self, rows: usize) -> Vec<f32> {
        let padding = self.cols.next_multiple_of(ROW_PADDING) - self.cols;
        let rows = (0..rows).map(|row| self.row(row));
        rows.flat_map(|row| row.iter().copied().chain(std::iter::repeat_n(0.0, padding)))
            .collect()
    }

    pub(crate) fn rows_mut(&mut self) -> impl IndexedParallelIterator<Item = &mut [f32]> {
        self.values.par_chunks_mut(self.cols)
    }

    pub(crate) fn transposed(&self) -> Self {
        let mut out = Self::zeros(self.cols, self.rows);
        out.rows_mut().enumerate().for_each(|(col, out)| {
            for (row, out) in out.iter_mut().enumerate() {
                *out = self.values[row * self.cols + col];
            }
        });
        out
    }

    /// `x · selfᵀ`: this matrix times each row of `x`, `[x.rows, self.rows]`.
    pub(crate) fn times(&self, x: &Self) -> Self {
        const TOKENS: usize = 64;
        assert_eq!(self.cols, x.cols, "inner sizes");
        let blocks = self.cols.div_ceil(COLUMN_PADDING);
        let groups = self.rows.div_ceil(ROW_PADDING);
        let weights = self.packed();
        let width = groups * ROW_PADDING;
        let mut out = Self::zeros(x.rows, self.rows);
        out.values
            .par_chunks_mut(TOKENS * self.rows)
            .enumerate()
            .for_each(|(chunk, out)| {
                let tokens = out.len() / self.rows;
                let mut input = vec![[0.0; COLUMN_PADDING]; tokens * blocks];
                for (t, row) in input.chunks_exact_mut(blocks).enumerate() {
                    row.as_flattened_mut()[..x.cols].copy_from_slice(x.row(chunk * TOKENS + t));
                }
                let mut result = vec![0.0; tokens * width];
                isa::run(MatMul::<F32, usize, usize> {
                    weights: &weights,
                    groups,
                    blocks,
                    input: &input,
                    tokens,
                    out: &mut result,
                    stride: width,
                });
                for (out, result) in out
                    .chunks_exact_mut(self.rows)
                    .zip(result.chunks_exact(width))
                {
                    out.copy_from_slice(&result[..self.rows]);
                }
            });
        out
    }

    /// In the layout of the kernels' format `f32`.
    fn packed(&self) -> Vec<u8> {
        let group_floats = self.cols.next_multiple_of(COLUMN_PADDING) * ROW_PADDING;
        let mut floats = vec![0f32; self.rows.div_ceil(ROW_PADDING) * group_floats];
        floats
            .par_chunks_mut(group_floats)
            .zip(self.values.par_chunks(ROW_PADDING * self.cols))
            .for_each(|(group, rows)| {
                for (lane, row) in rows.chunks_exact(self.cols).enumerate() {
                    for (col, &value) in row.iter().enumerate() {
                        group[col * ROW_PADDING + lane] = value;
                    }
                }
            });
        floats
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_definition() {
        let value = |i: usize| (i * 37 % 101) as f32 / 16.0 - 3.0;
        let a = Dense {
            rows: 11,
            cols: 45,
            values: (0..11 * 45).map(value).collect(),
        };
        let x = Dense {
            rows: 70,
            cols: 45,
            values: (0..70 * 45).map(|i| value(i + 5)).collect(),
        };
        let product = a.times(&x);
        for t in 0..x.rows {
            for r in 0..a.rows {
                let exact: f64 = (0..45)
                    .map(|c| f64::from(a.row(r)[c]) * f64::from(x.row(t)[c]))
                    .sum();
                assert!((f64::from(product.row(t)[r]) - exact).abs() < 1e-3);
            }
        }
        assert_eq!(a.transposed().transposed(), a);
    }
}
