//! Few bits for each matrix, chosen where a text shows that errors do least harm.

mod coded;
mod encode;
mod factor;
mod grid;
mod lanes;
mod sensitivity;
mod trellis;
mod walk;

use std::collections::BTreeMap;

use crate::error::{Error, Place, Remedy, Result, Setting};
use crate::forward::{Dense, Network, Windows};
use crate::memory;
use crate::model::{Model, Role, TensorKey};
use crate::program::WeightFormat;
use crate::progress::Steps;

pub(super) use coded::{Coded, pack};
use encode::{Method, encode};
pub use sensitivity::{Sensitivity, sensitivity};
use walk::{Inputs, Walk, original};

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
    progress: Steps<'_>,
) -> Result<Calibrated> {
    let windows = Windows::of(model, text, WINDOWS)?;
    check_rotation(model)?;
    check_moments(model)?;
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
        let mut walk = Walk::new(&network, embedding, &windows.first(PREVIEW));
        for layer in 0..layers {
            walk.layer(layer, &mut original);
        }
        let given = walk.given_to_output();
        encoded = encode(key, embedding, &mut walk.inputs(&given));
    }
    let embedding = encoded.as_ref().unwrap_or(embedding);
    let mut walk = Walk::new(&network, embedding, &windows);
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
                    .at(Place::Tensor(format!("{}, row {row}", key.role.name())))
                    .remedy(format!("store it in `{}`", WeightFormat::F32)),
            );
        }
        network.weights.remove(key);
    }
    Ok(Calibrated {
        model: network.into_model(model),
        coded,
    })
}

/// Whether this machine has the memory for the second moments of the widest input, and their factor.
fn check_moments(model: &Model) -> Result<()> {
    let a = model.architecture();
    let queries = a.num_attention_heads * a.head_dim;
    let widest = a.hidden_size.max(a.intermediate_size).max(queries);
    let bytes = 2 * size_of::<f32>() + size_of::<f64>();
    memory::check(
        "what calibration knows of an input takes",
        widest * widest * bytes,
    )
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
            .remedy(
                Remedy::from("use a format that needs no calibration, such as ")
                    .set(Setting::text("quant", WeightFormat::Q4)),
            ));
        }
    }
    Ok(())
}
