//! A model's weights as f32 matrices.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::graph::{Graph, Liveness, Shape};
use crate::model::{Architecture, Model, Role, RopeLayout, TensorKey};

use super::dense::Dense;
use super::permutation::RopePermutation;

/// The weights, with the rows of queries and keys in the order of [`RopeLayout::Halves`].
pub(crate) struct Network {
    pub(crate) architecture: Architecture,
    pub(crate) graph: Graph,
    pub(crate) liveness: Liveness,
    pub(crate) weights: BTreeMap<TensorKey, Dense>,
}

impl Network {
    /// The model's weights.
    pub(crate) fn of(model: &Model) -> Self {
        let mut architecture = model.architecture().clone();
        let weights: BTreeMap<TensorKey, Dense> = model
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
        if let Some(rope) = &mut architecture.rope {
            rope.layout = RopeLayout::Halves;
        }
        let graph = Graph::new(&architecture, |key| weights.contains_key(&key));
        Self {
            architecture,
            liveness: Liveness::new(&graph),
            graph,
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

    /// What products make of the input that they have in common, biases apart.
    pub(crate) fn project(&self, keys: &[TensorKey], input: &Dense) -> Vec<Dense> {
        keys.iter()
            .map(|key| self.weights[key].times(input))
            .collect()
    }

    /// Multiplies the gains of norms into the matrices that follow, which leaves gains of one. Where
    /// rows of such a matrix are the embedding too, a matrix between norm and projection
    /// ([`Role::OutputMix`]) takes the gain.
    pub(crate) fn fold_gains(&mut self) {
        for norm in Shape::of(&self.graph).norms() {
            let gain = self
                .weights
                .get_mut(&norm.gain)
                .expect("every norm has its gain");
            let ones = vec![1.0; gain.values.len()];
            let gain = std::mem::replace(&mut gain.values, ones);
            if norm.shared {
                let mut mix = Dense::zeros(gain.len(), gain.len());
                for (i, &gain) in gain.iter().enumerate() {
                    mix.values[i * mix.cols + i] = gain;
                }
                self.weights.insert(TensorKey::global(Role::OutputMix), mix);
                continue;
            }
            for key in &norm.readers {
                let matrix = self.weights.get_mut(key).expect("the readers are there");
                matrix.rows_mut().for_each(|row| {
                    for (weight, gain) in row.iter_mut().zip(&gain) {
                        *weight *= gain;
                    }
                });
            }
        }
        let graph = Graph::new(&self.architecture, |key| self.weights.contains_key(&key));
        self.liveness = Liveness::new(&graph);
        self.graph = graph;
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
