//! Fewer feed-forward neurons and fewer attention heads: smaller matrices in every layer.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::error::{Error, Result};
use crate::forward::{Network, Stream, Windows, moments};
use crate::model::{Model, Role, Tensor, TensorKey};

use super::Shape;
use super::importance::importance;

/// Windows that show what matters, spread over the text.
const WINDOWS: usize = 16;

/// Keeps `intermediate_size` feed-forward neurons of each layer, those that give most to `down`'s
/// outputs over `text`: the energy of the neuron times the length of its column. Whole neurons go, from
/// `gate`, `up` and `down` (as in Ma et al. 2023, "LLM-Pruner", arXiv:2305.11627; energies of a text
/// as in Sun et al. 2023, "Wanda", arXiv:2306.11695).
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
    let kept = choose(&model, Role::Down, 1, intermediate_size, text)?;
    for (layer, kept) in kept.iter().enumerate() {
        for role in [Role::Gate, Role::GateBias, Role::Up, Role::UpBias] {
            keep_outputs(&mut tensors, TensorKey::layer(layer, role), kept)?;
        }
        keep_inputs(&mut tensors, TensorKey::layer(layer, Role::Down), kept)?;
    }
    Ok(model.with_weights(architecture, tensors))
}

/// Keeps `num_key_value_heads` groups of heads in each layer, a group being a key and value head with
/// the query heads that share it: those that give most to `attention_output`'s outputs over `text`.
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
    let group = architecture.num_attention_heads / num_key_value_heads * head_dim;
    let mut tensors = model.tensors().clone();
    let role = Role::AttentionOutput;
    let kept = choose(&model, role, group, num_key_value_heads, text)?;
    for (layer, kept) in kept.iter().enumerate() {
        for (role, unit) in [
            (Role::Query, group),
            (Role::QueryBias, group),
            (Role::Key, head_dim),
            (Role::KeyBias, head_dim),
            (Role::Value, head_dim),
            (Role::ValueBias, head_dim),
        ] {
            let outputs = elements(kept, unit);
            keep_outputs(&mut tensors, TensorKey::layer(layer, role), &outputs)?;
        }
        let inputs = elements(kept, group);
        keep_inputs(&mut tensors, TensorKey::layer(layer, role), &inputs)?;
    }
    Ok(model.with_weights(architecture, tensors))
}

/// Which inputs of each layer's matrix of a role are kept: `kept` units of `unit` neighbours each,
/// ascending.
fn choose(
    model: &Model,
    role: Role,
    unit: usize,
    kept: usize,
    text: &str,
) -> Result<Vec<Vec<u32>>> {
    let windows = Windows::of(model, text, WINDOWS)?;
    let mut network = Network::of(model);
    network.fold_gains();
    let embedding = network.get(None, Role::Embedding);
    let mut stream = Stream::new(&network.architecture, embedding, &windows);
    let mut chosen = Vec::new();
    for layer in 0..network.architecture.num_hidden_layers {
        let mut units = Vec::new();
        stream.layer(&network.architecture, |linears, input| {
            if linears[0].0 == role {
                let weights = network.get(Some(layer), role);
                units = importance(weights, &moments(input, windows.size()), unit);
            }
            network.project(layer, linears, input)
        });
        if units.iter().any(|importance| !importance.is_finite()) {
            return Err(Error::overflow());
        }
        chosen.push(most(&units, kept));
    }
    Ok(chosen)
}

/// The places of the largest values, ascending; of equals the first.
fn most(values: &[f64], count: usize) -> Vec<u32> {
    let mut places: Vec<u32> = (0..values.len() as u32).collect();
    places.sort_by(|&a, &b| values[b as usize].total_cmp(&values[a as usize]));
    places.truncate(count);
    places.sort_unstable();
    places
}

/// The elements of units of `unit` neighbours each.
fn elements(units: &[u32], unit: usize) -> Vec<u32> {
    let unit = unit as u32;
    let of = |index: &u32| -> Range<u32> { index * unit..(index + 1) * unit };
    units.iter().flat_map(of).collect()
}

/// Keeps some outputs of a projection, which are rows of its matrix and elements of its bias, where
/// the model has it.
fn keep_outputs(
    tensors: &mut BTreeMap<TensorKey, Tensor>,
    key: TensorKey,
    kept: &[u32],
) -> Result<()> {
    if let Some(tensor) = tensors.get_mut(&key) {
        *tensor = if key.role.is_matrix() {
            tensor.gather(kept)?
        } else {
            tensor.gather_columns(kept)?
        };
    }
    Ok(())
}

/// Keeps some inputs of a matrix.
fn keep_inputs(
    tensors: &mut BTreeMap<TensorKey, Tensor>,
    key: TensorKey,
    kept: &[u32],
) -> Result<()> {
    if let Some(tensor) = tensors.get_mut(&key) {
        *tensor = tensor.gather_columns(kept)?;
    }
    Ok(())
}
