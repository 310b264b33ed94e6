//! Few bits for each matrix, chosen where a text shows that errors do least harm.

mod factor;
mod forward;
mod matrix;
mod trellis;

use rayon::prelude::*;

use crate::model::{Role, TensorKey};

use super::Progress;
use super::dense::Dense;
use super::network::Network;
use super::rope;
use matrix::encode;


pub(super) use trellis::Code;

/// Tokens of a window.
const WINDOW: usize = 256;

/// Encodes the matrices, layer after layer: each sees what the ones before it really give.
pub(super) fn calibrate(
    network: &mut Network,
    tokens: &[u32],
    code: impl Fn(TensorKey) -> Option<Code>,
    progress: Progress<'_>,
) {
    let architecture = network.architecture.clone();
    let eps = architecture.rms_norm_eps;
    let table = rope::table(&architecture.rope, WINDOW);
    let attend = |q, k, v: &Dense| forward::attention(&architecture, WINDOW, &table, q, k, v);
    let embedding = network.get(None, Role::Embedding);
    let mut x = Dense::zeros(tokens.len(), embedding.cols);
    for (t, &token) in tokens.iter().enumerate() {
        x.values[t * embedding.cols..][..embedding.cols].copy_from_slice(embedding.row(token as usize));
    }
    let mut reference = x.clone();
    for index in 0..architecture.num_hidden_layers {
        progress(index, architecture.num_hidden_layers);
        let layer = Some(index);
        let original = Layer::of(network, layer);
        let apply = |w: &Dense, b: Option<&Dense>, x: &Dense| {
            let mut y = w.times(x);
            forward::add_bias(&mut y, b);
            y
        };
        let mut quantize = |network: &mut Network, role: Role, moments: &Dense| {
            let key = TensorKey { layer, role };
            if let Some(code) = code(key) {
                let coded = encode(&network.weights[&key], moments, code);
                network.weights.insert(key, coded.values);
            }
        };
        // reference
        let _ = &original;
        let n = forward::rms_norm(&x, eps);
        let h = moments(&n);
        for role in [Role::Query, Role::Key, Role::Value] {
            quantize(network, role, &h);
        }
        let get = |role| network.weights.get(&TensorKey { layer, role });
        let q = apply(get(Role::Query).unwrap(), get(Role::QueryBias), &n);
        let k = apply(get(Role::Key).unwrap(), get(Role::KeyBias), &n);
        let v = apply(get(Role::Value).unwrap(), get(Role::ValueBias), &n);
        let o = attend(q, k, &v);
        let h = moments(&o);
        quantize(network, Role::AttentionOutput, &h);
        let get = |role| network.weights.get(&TensorKey { layer, role });
        let y = apply(get(Role::AttentionOutput).unwrap(), get(Role::AttentionOutputBias), &o);
        forward::add(&mut x, &y);
        let n = forward::rms_norm(&x, eps);
        let h = moments(&n);
        for role in [Role::Gate, Role::Up] {
            quantize(network, role, &h);
        }
        let get = |role| network.weights.get(&TensorKey { layer, role });
        let g = apply(get(Role::Gate).unwrap(), get(Role::GateBias), &n);
        let u = apply(get(Role::Up).unwrap(), get(Role::UpBias), &n);
        let hidden = forward::silu_mul(&g, &u);
        let h = moments(&hidden);
        quantize(network, Role::Down, &h);
        let get = |role| network.weights.get(&TensorKey { layer, role });
        let y = apply(get(Role::Down).unwrap(), get(Role::DownBias), &hidden);
        forward::add(&mut x, &y);
        let _ = &mut reference;
    }
    let n = forward::rms_norm(&x, eps);
    let h = moments(&n);
    let key = TensorKey::global(Role::Embedding);
    if let Some(code) = code(key) {
        let coded = encode(&network.weights[&key], &h, code);
        network.weights.insert(key, coded.values);
    }
}

struct Layer;
impl Layer {
    fn of(_: &Network, _: Option<usize>) -> Self {
        Self
    }
}

/// The second moments of all rows but the windows' first: what stands there is no text.
fn moments(x: &Dense) -> Dense {
    let env = |k: &str, d: f32| std::env::var(k).map_or(d, |v| v.parse().unwrap());
    if env("IDENT", 0.0) == 1.0 {
        let mut d = Dense::zeros(x.cols, x.cols);
        for i in 0..x.cols { d.values[i * x.cols + i] = 1.0; }
        return d;
    }
    let sq = |r: usize| x.row(r).iter().map(|v| v * v).sum::<f32>();
    let mean = (0..x.rows).filter(|r| r % WINDOW != 0).map(sq).sum::<f32>() / (x.rows - x.rows / WINDOW) as f32;
    let w0 = env("W0", 4.0);
    let mut y = x.clone();
    for r in (0..x.rows).step_by(WINDOW) {
        let s = (w0 * mean / sq(r)).sqrt();
        for v in &mut y.values[r * x.cols..][..x.cols] { *v *= s; }
    }
    let t = y.transposed();
    t.times(&t)
}
