//! Changes to a network's weights that leave what it computes as it is.

use rayon::prelude::*;

use crate::forward::Network;
use crate::graph::Shape;
use crate::model::TensorKey;

use super::rotation::Rotation;

impl Network {
    /// Everything that makes weights look normally distributed, at no cost at run time.
    pub(super) fn prepare(&mut self) {
        // By themselves, folded gains make the columns unlike each other: a rotation mixes them.
        if Shape::of(&self.graph).rotatable().is_ok() {
            self.fold_gains();
        }
        self.equalize();
        self.rotate_heads();
        self.rotate_residual();
    }

    /// Gives all columns of `down` one length, by scaling the rows of `up` that feed them.
    pub(super) fn equalize(&mut self) {
        for neurons in Shape::of(&self.graph).neurons() {
            let Some(linear) = neurons.up else { continue };
            let down = self.weights.get_mut(&neurons.down).expect("it is read");
            let mut lengths = vec![0.0f32; down.cols];
            for row in 0..down.rows {
                for (length, w) in lengths.iter_mut().zip(down.row(row)) {
                    *length += w * w;
                }
            }
            let factors: Vec<f32> = lengths
                .iter()
                .map(|square| if *square > 0.0 { square.sqrt() } else { 1.0 })
                .collect();
            down.rows_mut().for_each(|row| {
                for (weight, factor) in row.iter_mut().zip(&factors) {
                    *weight /= factor;
                }
            });
            let up = self.weights.get_mut(&linear.weight).expect("it is read");
            up.rows_mut().zip(&factors).for_each(|(row, factor)| {
                for weight in row {
                    *weight *= factor;
                }
            });
            if let Some(bias) = linear.bias {
                let bias = self.weights.get_mut(&bias).expect("it is added");
                for (bias, factor) in bias.values.iter_mut().zip(&factors) {
                    *bias *= factor;
                }
            }
        }
    }

    /// Rotates the residual stream. The gains must be folded: only then does the norm not mind.
    pub(super) fn rotate_residual(&mut self) {
        let Ok(found) = Shape::of(&self.graph).rotatable() else {
            return;
        };
        let rotation = Rotation::new(self.architecture.hidden_size);
        for key in found.lookups.iter().chain(&found.readers) {
            self.rotate_inputs(key, &rotation);
        }
        for writer in &found.writers {
            self.rotate_outputs(&writer.weight, &rotation);
            if let Some(bias) = writer.bias {
                self.rotate_inputs(&bias, &rotation);
            }
        }
    }

    /// Rotates each head of the values, and back what attention's output projection takes.
    pub(super) fn rotate_heads(&mut self) {
        for attended in Shape::of(&self.graph).attentions() {
            let rotation = Rotation::new(attended.head_dim);
            self.rotate_outputs(&attended.value.weight, &rotation);
            let bias = attended.value.bias;
            for key in [attended.output].iter().chain(&bias) {
                self.rotate_inputs(key, &rotation);
            }
        }
    }

    /// Rotates what a matrix is multiplied with, or a vector.
    fn rotate_inputs(&mut self, key: &TensorKey, rotation: &Rotation) {
        let dense = self
            .weights
            .get_mut(key)
            .expect("the graph's tensors are there");
        dense.rows_mut().for_each(|row| rotation.apply_to_each(row));
    }

    /// Rotates what a matrix gives.
    fn rotate_outputs(&mut self, key: &TensorKey, rotation: &Rotation) {
        let dense = self
            .weights
            .get_mut(key)
            .expect("the graph's tensors are there");
        *dense = dense.transposed();
        dense.rows_mut().for_each(|row| rotation.apply_to_each(row));
        *dense = dense.transposed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::built_in;
    use crate::interpret::{Interpreter, Observer};
    use crate::model::Model;
    use crate::plan::{Quant, Request, plan};
    use crate::profile::Profile;
    use crate::program::WeightFormat;

    #[derive(Default)]
    struct Logits(Vec<f32>);

    impl Observer for Logits {
        fn logits(&mut self, logits: &[f32]) {
            self.0.extend(logits);
        }
    }

    fn logits(model: &Model) -> Vec<f32> {
        let request = Request {
            quant: Quant::To(WeightFormat::F32),
            ..Request::default()
        };
        let profile = Profile::load("host").unwrap();
        let plan = plan(model, &profile, &request).unwrap();
        let program = crate::compress::compress(model, &plan, &|_, _| ()).unwrap();
        let mut found = Logits::default();
        Interpreter::new(&program, 1).feed(&[5, 60, 7, 200, 9, 31], &mut found);
        found.0
    }

    /// Each change by itself and all together: what the network computes stays.
    #[test]
    fn the_network_stays_the_same_function() {
        let model = built_in().unwrap();
        let expected = logits(&model);
        type Change = fn(&mut Network);
        let changes: [(&str, Change); 5] = [
            ("fold_gains", Network::fold_gains),
            ("equalize", Network::equalize),
            ("rotate_heads", Network::rotate_heads),
            ("fold_gains, rotate_residual", |network| {
                network.fold_gains();
                network.rotate_residual();
            }),
            ("all", Network::prepare),
        ];
        for (name, change) in changes {
            let mut network = Network::of(&model);
            change(&mut network);
            let found = logits(&network.into_model(&model));
            let worst = expected
                .iter()
                .zip(&found)
                .fold(0.0, |worst: f32, (a, b)| worst.max((a - b).abs()));
            assert!(worst < 2e-3, "{name}: a logit moved by {worst}");
            assert!(worst > 0.0, "{name} changed nothing");
        }
    }
}
