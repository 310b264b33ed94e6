//! What errors in each matrix cost.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::cache::{Cache, Key};
use crate::error::Result;
use crate::forward::{Dense, Network, Stream, Windows};
use crate::interpret::divergence;
use crate::model::{Model, Role, TensorKey};
use crate::program::WeightFormat;
use crate::progress::Steps;

use super::encode::{Method, encode};
use super::walk::{Inputs, Walk, original};
use super::{check_moments, check_rotation};

/// Windows that are looked at.
const WINDOWS: usize = 2;
/// What the matrices are encoded in to see what that costs.
const PROBE: WeightFormat = WeightFormat::Q4;

/// What errors in each matrix cost: the KL divergence from the original, in nats a token.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensitivity(BTreeMap<TensorKey, f64>);

impl Sensitivity {
    /// What the format costs in a matrix. For small errors the divergence is proportional to their
    /// energy, and those of several matrices add up (Malinovskii et al. 2024, "Pushing the Limits
    /// of Large Language Model Quantization via the Linearity Theorem", arXiv:2411.17525).
    pub fn loss(&self, key: TensorKey, format: WeightFormat) -> f64 {
        let probed = self.0.get(&key).copied().unwrap_or(0.0);
        probed * relative_error(format) / relative_error(PROBE)
    }
}

impl Sensitivity {
    /// With less trust in the differences between matrices: 1 leaves them, 0 gives each weight of the
    /// network the same part in all that is lost.
    #[must_use]
    pub fn trusted(&self, model: &Model, trust: f64) -> Self {
        let weights = |key: &TensorKey| {
            let (rows, cols) = model.architecture().shape(key.role);
            (rows * cols) as f64
        };
        let all: f64 = self.0.keys().map(weights).sum();
        let mean = self.0.values().sum::<f64>() / all;
        let losses = self.0.iter().map(|(key, loss)| {
            let weights = weights(key);
            let relative = if mean > 0.0 {
                loss / weights / mean
            } else {
                1.0
            };
            (*key, weights * mean * libm::pow(relative, trust))
        });
        Self(losses.collect())
    }
}

/// Squared error of normally distributed weights, as a part of their squares: what
/// `plain_errors_are_those_of_the_formats` measures.
pub(super) fn relative_error(format: WeightFormat) -> f64 {
    match format {
        WeightFormat::Q8 => 0.000_027_5,
        WeightFormat::Q4M => 0.0052,
        WeightFormat::Q4 => 0.0065,
        WeightFormat::T4 => 0.0092,
        WeightFormat::T3 => 0.0265,
        WeightFormat::T2 => 0.092,
        // Floats; and what a file holds, which is not rounded.
        _ => 0.0,
    }
}

/// Measures them over a text, with the model as calibration takes it. Each layer's part is kept in
/// the cache as soon as it is known.
///
/// # Errors
///
/// As [`compress`](crate::compress::compress), for what is calibrated.
pub fn sensitivity(
    model: &Model,
    text: &str,
    cache: &Cache,
    progress: Steps<'_>,
) -> Result<Sensitivity> {
    let windows = Windows::of(model, text, WINDOWS)?;
    check_rotation(model)?;
    check_moments(model)?;
    let key = |part: usize| {
        Key::new("sensitivity")
            .with(model.digest())
            .with_value(model.architecture())
            .with(bytemuck::cast_slice(windows.tokens()))
            .with(part.to_string())
    };
    let layers = model.architecture().num_hidden_layers;
    let known: Vec<Option<Losses>> = (0..=layers)
        .map(|part| cache.get(&key(part)).and_then(|bytes| read(&bytes)))
        .collect();
    let mut all = BTreeMap::new();
    if known.iter().any(Option::is_none) {
        let mut probe = Probe::new(model, windows.clone());
        for (part, known) in known.into_iter().enumerate() {
            progress(part, layers + 1);
            let after = (part < layers).then(|| probe.after(part));
            let found = known.unwrap_or_else(|| {
                let found = match &after {
                    Some(after) => probe.layer(part, after),
                    None => probe.outside(),
                };
                cache.put(&key(part), &write(&found));
                found
            });
            all.extend(found);
            probe.stream = after.unwrap_or(probe.stream);
        }
    } else {
        all.extend(known.into_iter().flatten().flatten());
    }
    progress(layers + 1, layers + 1);
    Ok(Sensitivity(all))
}

/// What some matrices cost.
type Losses = Vec<(TensorKey, f64)>;

fn write(losses: &Losses) -> Vec<u8> {
    serde_json::to_vec(losses).expect("keys and numbers are JSON")
}

fn read(bytes: &[u8]) -> Option<Losses> {
    serde_json::from_slice(bytes).ok()
}

/// The network, and the text at the layer that is looked at.
struct Probe {
    network: Network,
    windows: Windows,
    /// The residual stream before the layer.
    stream: Stream,
    /// What the original predicts, `[tokens, vocab_size]`.
    logits: Dense,
}

impl Probe {
    fn new(model: &Model, windows: Windows) -> Self {
        let mut network = Network::of(model);
        network.prepare();
        let walk = Walk::new(&network, embedding(&network), &windows);
        let stream = walk.clone().into_stream();
        let logits = finish(walk, 0, output(&network));
        Self {
            windows,
            stream,
            logits,
            network,
        }
    }

    /// The residual stream after the layer.
    fn after(&self, layer: usize) -> Stream {
        let mut walk = self.walk();
        walk.layer(layer, &mut original);
        walk.into_stream()
    }

    fn walk(&self) -> Walk<'_> {
        Walk::at(&self.network, self.stream.clone(), self.windows.size())
    }

    /// What the matrices of the layer cost. All of the layer together have a measured loss. Each takes the part of
    /// it that it has in what all change in the residual stream, which is `after` without errors.
    fn layer(&self, layer: usize, after: &Stream) -> Losses {
        let mut encoded = BTreeMap::new();
        let mut all = self.walk();
        all.layer(
            layer,
            &mut |key, weights: &Dense, inputs: &mut Inputs<'_>| {
                let values = probed(weights, inputs);
                encoded.insert(key, values.clone());
                Some(values)
            },
        );
        let loss = self.loss(&finish(all, layer + 1, output(&self.network)));
        let changes: Vec<(TensorKey, f64)> = encoded
            .iter()
            .map(|(&key, values)| {
                let mut alone = self.walk();
                alone.layer(layer, &mut |other, _, _| {
                    (other == key).then(|| values.clone())
                });
                let change = after.change(&self.network, &alone.into_stream());
                (key, change)
            })
            .collect();
        let sum: f64 = changes.iter().map(|(_, change)| change).sum();
        let part = |change: f64| if sum > 0.0 { change / sum } else { 0.0 };
        changes
            .into_iter()
            .map(|(key, change)| (key, loss * part(change)))
            .collect()
    }

    /// The embedding, and the output projection where that is another matrix.
    fn outside(&self) -> Losses {
        let network = &self.network;
        let last = self.walk();
        let given = last.given_to_output();
        let probed_last = |weights: &Dense| probed(weights, &mut last.inputs(&given));
        let tied = !network.weights.contains_key(&OUTPUT);
        let values = probed_last(embedding(network));
        let walk = Walk::new(network, &values, &self.windows);
        let head = if tied { &values } else { output(network) };
        let mut losses = vec![(EMBEDDING, self.loss(&finish(walk, 0, head)))];
        if !tied {
            let values = probed_last(output(network));
            losses.push((OUTPUT, self.loss(&last.logits(&values, &given))));
        }
        losses
    }

    /// The mean divergence from the original's predictions.
    fn loss(&self, logits: &Dense) -> f64 {
        let rows: Vec<f64> = (0..logits.rows)
            .into_par_iter()
            .map(|row| divergence(self.logits.row(row), logits.row(row)))
            .collect();
        // Damaged weights must not look better than others.
        let mean = rows.iter().sum::<f64>() / rows.len() as f64;
        if mean.is_finite() {
            mean.max(0.0)
        } else {
            f64::MAX.sqrt()
        }
    }
}

const EMBEDDING: TensorKey = TensorKey::global(Role::Embedding);
const OUTPUT: TensorKey = TensorKey::global(Role::Output);

fn embedding(network: &Network) -> &Dense {
    &network.weights[&EMBEDDING]
}

/// The output projection.
fn output(network: &Network) -> &Dense {
    network.weights.get(&OUTPUT).unwrap_or(embedding(network))
}

/// The weights in the format of the probe.
fn probed(weights: &Dense, inputs: &mut Inputs<'_>) -> Dense {
    let method = Method::of(PROBE).expect("the probe is encoded");
    encode(weights, inputs.factor(method.order()), method).1
}

/// The logits, from a layer on.
fn finish(mut walk: Walk<'_>, from: usize, output: &Dense) -> Dense {
    for layer in from..walk.layers() {
        walk.layer(layer, &mut original);
    }
    walk.logits(output, &walk.given_to_output())
}
