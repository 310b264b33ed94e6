//! Fewer feed-forward neurons and fewer attention heads: smaller matrices in every layer.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::error::{Error, Result};
use crate::forward::{Dense, Network, Stream, Windows, moments};
use crate::model::{Model, Role, Tensor, TensorKey};

use super::Shape;
use super::removal::{Inputs, choose};

/// Windows that show what matters, spread over the text.
const WINDOWS: usize = 16;

/// Keeps `intermediate_size` feed-forward neurons of each layer: the others are those without which
/// `down` loses least of its outputs over `text`, when its other columns make good for them. Whole
/// neurons go, from `gate`, `up` and `down` (as in Ma et al. 2023, "LLM-Pruner", arXiv:2305.11627),
/// chosen by second moments (as in Kurtić et al. 2023, "ZipLM", arXiv:2302.04089).
///
/// The crate pads neurons to a multiple of 32, so such a number is best.
///
/// # Errors
///
/// When the size is not between 1 and the model's, the text is too short, or the weights are so large
/// that the network has no finite values.
pub fn neurons(model: Model, intermediate_size: usize, text: &str) -> Result<Model> {
    let shape = Shape {
        intermediate_size: Some(intermediate_size),
        ..Shape::default()
    };
    let architecture = shape.architecture(model.architecture())?;
    if architecture == *model.architecture() {
        return Ok(model);
    }
    let mut tensors = model.tensors().clone();
    let inputs = narrow(&model, Role::Down, 1, intermediate_size, text)?;
    for (layer, (kept, down)) in inputs.into_iter().enumerate() {
        for role in [Role::Gate, Role::GateBias, Role::Up, Role::UpBias] {
            keep_outputs(&mut tensors, TensorKey::layer(layer, role), &kept)?;
        }
        tensors.insert(TensorKey::layer(layer, Role::Down), down);
    }
    Ok(model.with_weights(architecture, tensors))
}

/// Keeps `num_key_value_heads` groups of heads in each layer, a group being a key and value head with
/// the query heads that share it: the others are those without which `attention_output` loses least,
/// as for [`neurons`].
///
/// # Errors
///
/// As [`neurons`].
pub fn heads(model: Model, num_key_value_heads: usize, text: &str) -> Result<Model> {
    let shape = Shape {
        num_key_value_heads: Some(num_key_value_heads),
        ..Shape::default()
    };
    let architecture = shape.architecture(model.architecture())?;
    if architecture == *model.architecture() {
        return Ok(model);
    }
    let head_dim = architecture.head_dim;
    let group = architecture.num_attention_heads / architecture.num_key_value_heads * head_dim;
    let mut tensors = model.tensors().clone();
    let role = Role::AttentionOutput;
    let inputs = narrow(&model, role, group, num_key_value_heads, text)?;
    for (layer, (kept, output)) in inputs.into_iter().enumerate() {
        for (role, unit) in [
            (Role::Query, group),
            (Role::QueryBias, group),
            (Role::Key, head_dim),
            (Role::KeyBias, head_dim),
            (Role::Value, head_dim),
            (Role::ValueBias, head_dim),
        ] {
            let outputs = elements(&kept, unit);
            keep_outputs(&mut tensors, TensorKey::layer(layer, role), &outputs)?;
        }
        tensors.insert(TensorKey::layer(layer, role), output);
    }
    Ok(model.with_weights(architecture, tensors))
}

/// Chooses the inputs of each layer's matrix of a role, `kept` units of `unit` neighbours each: the
/// units, ascending, and the matrix that is left. Each layer sees what the ones before it really give.
fn narrow(
    model: &Model,
    role: Role,
    unit: usize,
    kept: usize,
    text: &str,
) -> Result<Vec<(Vec<u32>, Tensor)>> {
    let windows = Windows::of(model, text, WINDOWS)?;
    let mut network = Network::of(model);
    network.fold_gains();
    let embedding = network.get(None, Role::Embedding);
    let mut stream = Stream::new(&network.architecture, embedding, &windows);
    let mut narrowed = Vec::new();
    for layer in 0..network.architecture.num_hidden_layers {
        stream.layer(&network.architecture, |linears, input| {
            let outputs = linears.iter().map(|&linear| {
                let weights = network.get(Some(layer), linear.0);
                if linear.0 != role {
                    return network.project(layer, linear, weights, input);
                }
                let inputs = Inputs::new(&moments(input, windows.size()));
                let (units, weights) = choose(weights, &inputs, unit, kept);
                let output = network.project(layer, linear, &weights, input);
                narrowed.push((units, weights));
                output
            });
            outputs.collect()
        });
    }
    let tensors = narrowed
        .into_iter()
        .enumerate()
        .map(|(layer, (units, weights))| {
            let stored = model
                .tensor(TensorKey::layer(layer, role))
                .expect("every layer has it");
            let tensor = weights
                .columns(&elements(&units, unit))
                .tensor(stored.name());
            match tensor.find_non_finite() {
                None => Ok((units, tensor.in_place_of(stored))),
                Some(_) => Err(
                    Error::new("the network's values are not finite, or nearly so")
                        .at(stored.name())
                        .remedy("check the model file: its weights are too large"),
                ),
            }
        });
    tensors.collect()
}

/// The elements of units of `unit` neighbours each.
fn elements(units: &[u32], unit: usize) -> Vec<u32> {
    let of = |index: &u32| -> Range<u32> { index * unit as u32..(index + 1) * unit as u32 };
    units.iter().flat_map(of).collect()
}

/// Keeps some rows of a matrix, as they are stored, or elements of a vector, where the model has it.
fn keep_outputs(
    tensors: &mut BTreeMap<TensorKey, Tensor>,
    key: TensorKey,
    kept: &[u32],
) -> Result<()> {
    if let Some(tensor) = tensors.get_mut(&key) {
        *tensor = if key.role.is_matrix() {
            tensor.gather(kept)?
        } else {
            Dense::of(tensor).columns(kept).tensor(tensor.name())
        };
    }
    Ok(())
}
