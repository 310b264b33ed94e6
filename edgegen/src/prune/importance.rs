//! How much the inputs of a matrix matter.

use std::ops::Range;

use rayon::prelude::*;

use crate::forward::Dense;

/// What each unit of `unit` neighbouring inputs gives to the outputs: the sum of squares, where the
/// inputs have these second moments.
pub(super) fn importance(weights: &Dense, moments: &Dense, unit: usize) -> Vec<f64> {
    let columns = weights.transposed();
    let dot = |i: usize, j: usize| -> f64 {
        let pairs = columns.row(i).iter().zip(columns.row(j));
        pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let of = |columns: Range<usize>| -> f64 {
        let pairs = columns
            .clone()
            .flat_map(|i| columns.clone().map(move |j| (i, j)));
        pairs
            .map(|(i, j)| f64::from(moments.row(i)[j]) * dot(i, j))
            .sum()
    };
    (0..weights.cols / unit)
        .into_par_iter()
        .map(|index| of(index * unit..(index + 1) * unit))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the definition: the outputs of each unit alone, over some inputs.
    #[test]
    fn units_give_the_squares_of_their_outputs() {
        let random = |rows: usize, cols: usize| Dense {
            rows,
            cols,
            values: (0..rows * cols)
                .map(|i| (i * 37 % 101) as f32 / 16.0 - 3.0)
                .collect(),
        };
        let (weights, inputs) = (random(5, 6), random(9, 6));
        let transposed = inputs.transposed();
        let moments = transposed.times(&transposed);
        for unit in [1, 2, 3] {
            let found = importance(&weights, &moments, unit);
            assert_eq!(found.len(), 6 / unit);
            for (index, found) in found.into_iter().enumerate() {
                let mut expected = 0.0;
                for row in 0..weights.rows {
                    for input in 0..inputs.rows {
                        let output: f64 = (index * unit..(index + 1) * unit)
                            .map(|i| f64::from(weights.row(row)[i] * inputs.row(input)[i]))
                            .sum();
                        expected += output * output;
                    }
                }
                assert!(
                    (found - expected).abs() < 1e-3 * expected,
                    "{unit}, {index}"
                );
            }
        }
    }
}
