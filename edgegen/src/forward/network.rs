//! A model's weights as f32 matrices.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::model::{Architecture, Model, Role, RopeLayout, TensorKey};

use super::dense::Dense;
use super::parts;
use super::permutation::RopePermutation;

/// The weights, with the rows of queries and keys in the order of [`RopeLayout::Halves`].
pub(crate) struct Network {
    pub(crate) architecture: Architecture,
    pub(crate) weights: BTreeMap<TensorKey, Dense>,
}

/// A projection's weight and bias.
pub(crate) type Linear = (Role, Role);

impl Network {
    /// The model's weights.
    pub(crate) fn of(model: &Model) -> Self {
        let mut architecture = model.architecture().clone();
        let weights = model
            .tensors()
            .iter()
            .map(|(&key, tensor)| {
                let dense = Dense::of(tensor);
                let dense = match RopePermutation::of(key.role, &architecture) {
                    Some(permutation) => permuted(&dense, permutation),
                    None => dense,
                };
                (key, dense)
            })
            .collect();
        architecture.rope.layout = RopeLayout::Halves;
        Self {
            architecture,
            weights,
        }
    }

    /// The model with these weights.
    pub(crate) fn into_model(self, model: &Model) -> Model {
        let tensors = self
            .weights
            .iter()
            .map(|(&key, dense)| {
                let name = model
                    .tensor(key)
                    .map_or("output_mix", |tensor| tensor.name());
                (key, dense.tensor(name))
            })
            .collect();
        model.with_weights(self.architecture, tensors)
    }

    /// The matrix or vector of a role.
    pub(crate) fn get(&self, layer: Option<usize>, role: Role) -> &Dense {
        &self.weights[&TensorKey { layer, role }]
    }

    pub(crate) fn get_mut(&mut self, layer: Option<usize>, role: Role) -> Option<&mut Dense> {
        self.weights.get_mut(&TensorKey { layer, role })
    }

    /// What a projection of a layer makes of its input, with `weights` in place of its own.
    pub(crate) fn project_with(
        &self,
        layer: usize,
        (_, bias): Linear,
        weights: &Dense,
        input: &Dense,
    ) -> Dense {
        let mut output = weights.times(input);
        let bias = TensorKey::layer(layer, bias);
        parts::add_bias(&mut output, self.weights.get(&bias));
        output
    }

    /// What projections of a layer make of the input that they have in common.
    pub(crate) fn project(&self, layer: usize, linears: &[Linear], input: &Dense) -> Vec<Dense> {
        let outputs = linears.iter().map(|&linear| {
            let weights = self.get(Some(layer), linear.0);
            self.project_with(layer, linear, weights, input)
        });
        outputs.collect()
    }

    /// Multiplies the gains of norms into the matrices that follow, which leaves gains of one.
    /// Where the output projection is the embedding, a matrix between norm and projection
    /// ([`Role::OutputMix`]) takes the last gain.
    pub(crate) fn fold_gains(&mut self) {
        for layer in (0..self.architecture.num_hidden_layers).map(Some) {
            self.fold(
                layer,
                Role::AttentionNorm,
                &[Role::Query, Role::Key, Role::Value],
            );
            self.fold(layer, Role::FeedForwardNorm, &[Role::Gate, Role::Up]);
        }
        if self.get_mut(None, Role::Output).is_none() {
            let size = self.architecture.hidden_size;
            let mut mix = Dense::zeros(size, size);
            for i in 0..size {
                mix.values[i * size + i] = 1.0;
            }
            self.weights.insert(TensorKey::global(Role::OutputMix), mix);
            self.fold(None, Role::OutputNorm, &[Role::OutputMix]);
        } else {
            self.fold(None, Role::OutputNorm, &[Role::Output]);
        }
    }

    fn fold(&mut self, layer: Option<usize>, norm: Role, followers: &[Role]) {
        let norm = self.get_mut(layer, norm).expect("every norm has its gain");
        let ones = vec![1.0; norm.values.len()];
        let gain = std::mem::replace(&mut norm.values, ones);
        for &role in followers {
            let matrix = self.get_mut(layer, role).expect("the followers are there");
            matrix.rows_mut().for_each(|row| {
                for (weight, gain) in row.iter_mut().zip(&gain) {
                    *weight *= gain;
                }
            });
        }
    }
}

/// Rows of a matrix, or elements of a vector, in another order.
fn permuted(dense: &Dense, permutation: RopePermutation) -> Dense {
    let (items, width) = match dense.rows {
        1 => (dense.cols, 1),
        rows => (rows, dense.cols),
    };
    let mut out = Dense::zeros(dense.rows, dense.cols);
    for item in 0..items {
        let from = permutation.source(item) * width;
        out.values[item * width..][..width].copy_from_slice(&dense.values[from..][..width]);
    }
    out
}
