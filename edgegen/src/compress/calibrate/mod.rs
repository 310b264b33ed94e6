//! Few bits for each matrix, chosen where a text shows that errors do least harm.

mod coded;
mod encode;
mod factor;
mod forward;
mod grid;
mod lanes;
mod sensitivity;
mod trellis;
mod walk;

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::model::{Model, Role, TensorKey};
use crate::program::WeightFormat;
use crate::program::tokenizer::TokenizerTables;

use super::Progress;
use super::dense::Dense;
use super::network::Network;

pub(super) use coded::{Coded, pack};
use encode::{Method, encode};
pub use sensitivity::{Sensitivity, sensitivity};
use walk::{Inputs, Walk, original};

/// Tokens of a window: each begins with an empty KV cache.
const WINDOW: usize = 256;
/// Windows that are looked at, spread over the text.
const WINDOWS: usize = 32;
/// The largest odd factor of a size that is rotated.
const MOST_RUNS: usize = 1023;
/// Windows that show what the output projection is given.
const PREVIEW: usize = 4;

/// A model whose matrices of few bits are encoded.
pub(super) struct Calibrated {
    /// The other weights.
    pub(super) model: Model,
    /// The codes.
    pub(super) coded: BTreeMap<TensorKey, Coded>,
}

/// Folds and rotates the model, and encodes its matrices, layer after layer: each sees what the ones before
/// it really give.
///
/// # Errors
///
/// When the text has too few tokens, a weight exceeds the range of f16 scales, or the model's sizes
/// cannot be rotated.
pub(super) fn calibrate(
    model: &Model,
    formats: &BTreeMap<TensorKey, WeightFormat>,
    text: &str,
    progress: Progress<'_>,
) -> Result<Calibrated> {
    let window = WINDOW.min(model.architecture().max_position_embeddings);
    let tokens = tokens(model, text, window, WINDOWS)?;
    check_rotation(model)?;
    let mut network = Network::of(model);
    network.prepare();
    let layers = network.architecture.num_hidden_layers;
    let method = |key: TensorKey| formats.get(&key).copied().and_then(Method::of);
    let mut coded = BTreeMap::new();
    let mut encode = |key: TensorKey, weights: &Dense, inputs: &mut Inputs<'_>| {
        let method = method(key)?;
        let (matrix, values) = encode(weights, inputs.factor(method.order()), method);
        coded.insert(key, matrix);
        Some(values)
    };

    // The embedding comes first and, where it is the output projection too, last.
    let key = TensorKey::global(Role::Embedding);
    let embedding = &network.weights[&key];
    let mut encoded = None;
    if method(key).is_some() {
        let some = &tokens[..tokens.len().min(PREVIEW * window)];
        let mut walk = Walk::new(&network, embedding, some, window);
        for layer in 0..layers {
            walk.layer(layer, &mut original);
        }
        let given = walk.given_to_output();
        encoded = encode(key, embedding, &mut walk.inputs(&given));
    }
    let embedding = encoded.as_ref().unwrap_or(embedding);
    let mut walk = Walk::new(&network, embedding, &tokens, window);
    for layer in 0..layers {
        progress(layer, layers);
        walk.layer(layer, &mut encode);
    }
    let key = TensorKey::global(Role::Output);
    if let Some(weights) = network.weights.get(&key) {
        let given = walk.given_to_output();
        encode(key, weights, &mut walk.inputs(&given));
    }
    progress(layers, layers);
    for (key, matrix) in &coded {
        let cols = network.weights[key].cols;
        if let Some(row) = matrix.overflow(cols) {
            return Err(
                Error::new(format!("a weight is too large for `{}`", formats[key]))
                    .at(format!("{}, row {row}", key.role.name()))
                    .remedy("use `--quant f32`"),
            );
        }
        network.weights.remove(key);
    }
    Ok(Calibrated {
        model: network.into_model(model),
        coded,
    })
}

/// Refuses sizes whose rotation would take an age.
fn check_rotation(model: &Model) -> Result<()> {
    let architecture = model.architecture();
    for (name, size) in [
        ("hidden_size", architecture.hidden_size),
        ("head_dim", architecture.head_dim),
    ] {
        let odd = size >> size.trailing_zeros();
        if odd > MOST_RUNS {
            return Err(Error::new(format!(
                "{size} has the odd factor {odd}, a rotation takes at most {MOST_RUNS}"
            ))
            .at(name)
            .remedy("use a format that needs no calibration, such as `--quant q4`"));
        }
    }
    Ok(())
}

/// So many whole windows, spread over the text, each with BOS where the model uses it.
fn tokens(model: &Model, text: &str, window: usize, most: usize) -> Result<Vec<u32>> {
    let tables = TokenizerTables::new(model.tokenizer());
    let runtime = tables.runtime();
    let bos = runtime.bos.filter(|_| runtime.add_bos);
    // Paragraph by paragraph, as the work grows with the square of what is encoded at once.
    let tokens: Vec<u32> = text
        .split_inclusive("\n\n")
        .flat_map(|paragraph| tables.encode(paragraph, false))
        .collect();
    let step = window - usize::from(bos.is_some());
    let windows: Vec<&[u32]> = tokens.chunks_exact(step.max(1)).collect();
    if windows.is_empty() {
        return Err(Error::new(format!(
            "the calibration text has {} tokens, one window of {window} is the least",
            tokens.len()
        ))
        .at("--calibration")
        .remedy("give a longer text of the kind that the model will see, 20 KB or more"));
    }
    let taken = most.min(windows.len());
    let chosen = (0..taken).map(|i| windows[i * windows.len() / taken]);
    Ok(chosen
        .flat_map(|window| bos.into_iter().chain(window.iter().copied()))
        .collect())
}
