//! Fewer feed-forward neurons and fewer attention heads: smaller matrices in every layer.

use std::collections::BTreeMap;
use std::iter;
use std::ops::Range;

use crate::error::{Error, Result};
use crate::forward::{Network, Stream, Windows, moments};
use crate::graph::{Attended, Linear, Shape as GraphShape};
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
    let network = Network::of(&model);
    let networks = GraphShape::of(&network.graph).neurons();
    check_all(&model, "feed-forward neurons", networks.len())?;
    let units: Vec<Unit> = networks
        .iter()
        .map(|neurons| Unit {
            key: neurons.down,
            size: 1,
        })
        .collect();
    let kept = choose(&network, &model, &units, intermediate_size, text)?;
    let mut tensors = model.tensors().clone();
    for (neurons, kept) in networks.iter().zip(&kept) {
        for linear in iter::once(neurons.bent).chain(neurons.up) {
            keep_outputs(&mut tensors, linear, kept)?;
        }
        keep_inputs(&mut tensors, neurons.down, kept)?;
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
    let network = Network::of(&model);
    let attentions = GraphShape::of(&network.graph).attentions();
    check_all(&model, "heads", attentions.len())?;
    let group = |attended: &Attended| attended.heads_per_kv * attended.head_dim;
    let units: Vec<Unit> = attentions
        .iter()
        .map(|attended| Unit {
            key: attended.output,
            size: group(attended),
        })
        .collect();
    let kept = choose(&network, &model, &units, num_key_value_heads, text)?;
    let mut tensors = model.tensors().clone();
    for (attended, kept) in attentions.iter().zip(&kept) {
        for (linear, unit) in [
            (attended.query, group(attended)),
            (attended.key, attended.head_dim),
            (attended.value, attended.head_dim),
        ] {
            keep_outputs(&mut tensors, linear, &elements(kept, unit))?;
        }
        keep_inputs(
            &mut tensors,
            attended.output,
            &elements(kept, group(attended)),
        )?;
    }
    Ok(model.with_weights(architecture, tensors))
}

/// Refuses a network where not every layer has what can be made narrower.
fn check_all(model: &Model, what: &str, found: usize) -> Result<()> {
    let architecture = model.architecture();
    match found == architecture.num_hidden_layers {
        true => Ok(()),
        false => Err(Error::unsupported(format!(
            "{what} of the architecture {} depend on each other, and cannot be left out",
            architecture.family.model_type
        ))
        .remedy("leave out layers or tokens, or use a smaller weight format")),
    }
}

/// Inputs of a matrix of which some are kept, so many neighbours at a time.
struct Unit {
    key: TensorKey,
    size: usize,
}

/// Which units of each matrix's inputs are kept, so many, ascending.
fn choose(
    network: &Network,
    model: &Model,
    units: &[Unit],
    kept: usize,
    text: &str,
) -> Result<Vec<Vec<u32>>> {
    let windows = Windows::of(model, text, WINDOWS)?;
    let embedding = network.get(None, Role::Embedding);
    let mut stream = Stream::new(network, embedding, &windows);
    let mut chosen = vec![Vec::new(); units.len()];
    for layer in 0..network.graph.layers.len() {
        let mut finite = true;
        stream.layer(network, layer, &mut |keys, input| {
            if let Some(at) = units.iter().position(|unit| keys.contains(&unit.key)) {
                let weights = &network.weights[&units[at].key];
                let moments = moments(input, windows.size());
                let importance = importance(weights, &moments, units[at].size);
                finite &= importance.iter().all(|importance| importance.is_finite());
                chosen[at] = most(&importance, kept);
            }
            network.project(keys, input)
        });
        if !finite {
            return Err(Error::overflow());
        }
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

/// Keeps some outputs of a product, which are rows of its matrix and elements of its vectors.
fn keep_outputs(
    tensors: &mut BTreeMap<TensorKey, Tensor>,
    linear: Linear,
    kept: &[u32],
) -> Result<()> {
    let weight = tensors
        .get_mut(&linear.weight)
        .expect("the graph's tensors are there");
    *weight = weight.gather(kept)?;
    linear
        .vectors()
        .try_for_each(|vector| keep_inputs(tensors, vector, kept))
}

/// Keeps some inputs of a matrix, or elements of a vector.
fn keep_inputs(
    tensors: &mut BTreeMap<TensorKey, Tensor>,
    key: TensorKey,
    kept: &[u32],
) -> Result<()> {
    let tensor = tensors
        .get_mut(&key)
        .expect("the graph's tensors are there");
    *tensor = tensor.gather_columns(kept)?;
    Ok(())
}
