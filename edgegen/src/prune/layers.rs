//! Fewer layers.

use crate::error::Result;
use crate::forward::{Dense, Network, Stream, Windows};
use crate::model::{Model, Role, TensorKey};

use super::Shape;

/// Windows that show what matters, spread over the text.
const WINDOWS: usize = 4;

/// Keeps `num_hidden_layers` layers. Those that go are chosen one after the other, each as the one
/// without which the network's last norm gives what is nearest to what the whole network gives, over `text`
/// (Men et al. 2024, "ShortGPT", arXiv:2403.03853, look at what each layer alone changes; this
/// sees what the layers after it make of the change).
///
/// # Errors
///
/// When the number is not between 1 and the model's, or the text is too short.
pub fn layers(model: Model, num_hidden_layers: usize, text: &str) -> Result<Model> {
    let shape = Shape {
        num_hidden_layers: Some(num_hidden_layers),
        ..Shape::default()
    };
    if shape.architecture(model.architecture())? == *model.architecture() {
        return Ok(model);
    }
    let kept = choose(&model, num_hidden_layers, text)?;
    let mut architecture = model.architecture().clone();
    architecture.keep_layers(&kept);
    let tensors = (model.tensors().iter()).filter_map(|(key, tensor)| {
        let layer = match key.layer {
            None => None,
            Some(layer) => Some(kept.binary_search(&layer).ok()?),
        };
        let role = key.role;
        Some((TensorKey { layer, role }, tensor.clone()))
    });
    let tensors = tensors.collect();
    Ok(model.with_weights(architecture, tensors))
}

/// The layers that are kept, ascending.
fn choose(model: &Model, count: usize, text: &str) -> Result<Vec<usize>> {
    let windows = Windows::of(model, text, WINDOWS)?;
    let network = Network::of(model);
    let embedding = network.get(None, Role::Embedding);
    let start = Stream::new(&network, embedding, &windows);
    let pass = |stream: &mut Stream, layer: usize| {
        stream.layer(&network, layer, &mut |keys, input| {
            network.project(keys, input)
        });
    };
    let end = |mut stream: Stream, layers: &[usize]| {
        for &layer in layers {
            pass(&mut stream, layer);
        }
        stream.given_to_output(&network)
    };
    let mut kept: Vec<usize> = (0..network.architecture.num_hidden_layers).collect();
    let whole = end(start.clone(), &kept);
    while kept.len() > count {
        let mut stream = start.clone();
        let mut losses = Vec::new();
        for index in 0..kept.len() {
            let without = end(stream.clone(), &kept[index + 1..]);
            losses.push(distance(&whole, &without));
            pass(&mut stream, kept[index]);
        }
        let least = (0..kept.len())
            .min_by(|&a, &b| losses[a].total_cmp(&losses[b]))
            .expect("there are layers");
        kept.remove(least);
    }
    Ok(kept)
}

/// The sum of squares between what the output projection is given.
fn distance(a: &Dense, b: &Dense) -> f64 {
    let pairs = a.values.iter().zip(&b.values);
    pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum()
}
