//! What a matrix's outputs lose with some of its inputs, and how the inputs that stay make good
//! for it.

use std::ops::Range;

use rayon::prelude::*;

use crate::forward::{Dense, Triangle};

/// Added to each input's second moment, as a part of it: a text shows how inputs go together only
/// so well.
const DAMPING: f64 = 0.01;
/// Added to each input's second moment, as a part of their mean: an input that the text hardly shows
/// must not make good for others.
const FLOOR: f64 = 0.01;

/// A matrix and what is lost when columns are removed one after the other, each made good for by
/// those that stay: least squares over the inputs of a text. A column's loss is its length, over
/// its part of the inverse of the inputs' second moments (Hassibi and Stork 1993, "Optimal Brain
/// Surgeon"; whole columns as in Kurtić et al. 2023, "ZipLM", arXiv:2302.04089).
#[derive(Clone)]
pub(super) struct Removal<'a> {
    /// Of the inputs' correlations.
    inverse: &'a Dense,
    /// Roots of the inputs' second moments.
    sizes: &'a [f64],
    /// The matrix, column after column.
    columns: Dense,
    /// What each removed column took from the inverse: the inverse of what is left is `inverse`
    /// less the sum of each step's square.
    steps: Vec<Vec<f64>>,
    /// The diagonal of what is left.
    diagonal: Vec<f64>,
    removed: Vec<bool>,
}

/// Inputs as a text shows them.
pub(super) struct Inputs {
    inverse: Dense,
    sizes: Vec<f64>,
}

impl Inputs {
    /// With these second moments.
    pub(super) fn new(moments: &Dense) -> Self {
        let count = moments.cols;
        let own = |i: usize| f64::from(moments.row(i)[i]);
        let mean = (0..count).map(own).sum::<f64>() / count as f64;
        let floor = (FLOOR * mean).max(1e-30);
        let sizes: Vec<f64> = (0..count).map(|i| (own(i) + floor).sqrt()).collect();
        let mut correlations = vec![0.0; count * count];
        for (i, row) in correlations.chunks_exact_mut(count).enumerate() {
            for ((value, moment), size) in row.iter_mut().zip(moments.row(i)).zip(&sizes) {
                *value = f64::from(*moment) / (sizes[i] * size);
            }
            row[i] = 1.0 + DAMPING;
        }
        Self {
            inverse: Triangle::new(correlations, count, DAMPING * 1e-3).inverse(),
            sizes,
        }
    }
}

/// Chooses `kept` units of `unit` neighbouring columns each, so that little is lost. Gives the
/// units, ascending, and the matrix with zeros for the others.
pub(super) fn choose(
    weights: &Dense,
    inputs: &Inputs,
    unit: usize,
    kept: usize,
) -> (Vec<u32>, Dense) {
    let mut removal = Removal {
        inverse: &inputs.inverse,
        sizes: &inputs.sizes,
        columns: weights.transposed(),
        steps: Vec::new(),
        diagonal: (0..weights.cols)
            .map(|i| f64::from(inputs.inverse.row(i)[i]))
            .collect(),
        removed: vec![false; weights.cols],
    };
    let columns = |index: usize| index * unit..(index + 1) * unit;
    let mut units: Vec<usize> = (0..weights.cols / unit).collect();
    while units.len() > kept {
        let losses: Vec<f64> = units
            .par_iter()
            .map(|&index| removal.loss(columns(index)))
            .collect();
        let least = (0..units.len())
            .min_by(|&a, &b| losses[a].total_cmp(&losses[b]))
            .expect("more units are left than are kept");
        for column in columns(units.remove(least)) {
            removal.remove(column);
        }
    }
    let units = units.into_iter().map(|index| index as u32).collect();
    (units, removal.columns.transposed())
}

impl Removal<'_> {
    /// What is lost, as a sum of squares over the text, without some columns more.
    fn loss(&self, columns: Range<usize>) -> f64 {
        if columns.len() == 1 {
            return self.loss_of(columns.start);
        }
        let mut trial = self.clone();
        columns
            .map(|column| {
                let loss = trial.loss_of(column);
                trial.remove(column);
                loss
            })
            .sum()
    }

    fn loss_of(&self, column: usize) -> f64 {
        let squares: f64 = (self.columns.row(column).iter())
            .map(|&w| f64::from(w) * f64::from(w))
            .sum();
        squares * self.sizes[column] * self.sizes[column] / self.diagonal[column]
    }

    /// Removes a column.
    fn remove(&mut self, column: usize) {
        let mut step: Vec<f64> = (self.inverse.row(column).iter())
            .map(|&v| f64::from(v))
            .collect();
        for earlier in &self.steps {
            let share = earlier[column];
            for (value, earlier) in step.iter_mut().zip(earlier) {
                *value -= share * earlier;
            }
        }
        let pivot = self.diagonal[column];
        let gone = self.columns.row(column).to_vec();
        self.removed[column] = true;
        let (sizes, removed) = (self.sizes, &self.removed);
        self.columns
            .rows_mut()
            .with_min_len(64)
            .enumerate()
            .filter(|&(index, _)| !removed[index])
            .for_each(|(index, weights)| {
                let share = (step[index] / pivot * sizes[column] / sizes[index]) as f32;
                for (weight, gone) in weights.iter_mut().zip(&gone) {
                    *weight -= share * gone;
                }
            });
        let cols = self.columns.cols;
        self.columns.values[column * cols..][..cols].fill(0.0);
        let root = pivot.sqrt();
        for (diagonal, value) in self.diagonal.iter_mut().zip(&mut step) {
            *value /= root;
            *diagonal -= *value * *value;
        }
        self.steps.push(step);
    }
}
