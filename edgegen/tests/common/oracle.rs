//! The network in plain f64 loops, from the papers' and transformers' formulas:
//! nothing of edgegen's computes here.

use std::f64::consts::TAU;

use edgegen::model::Role;

use super::{Scaling, Shape, Tiny};

/// Radians a position, for each pair of a head.
pub fn frequencies(shape: &Shape) -> Vec<f64> {
    let dim = shape.rope_dim as f64;
    let plain = (0..shape.rope_dim / 2).map(|i| shape.theta.powf(-2.0 * i as f64 / dim));
    match shape.scaling {
        Scaling::None => plain.collect(),
        Scaling::Linear { factor } => plain.map(|f| f / factor).collect(),
        // transformers' `_compute_llama3_parameters`.
        Scaling::Llama3 {
            factor,
            low,
            high,
            original,
        } => plain
            .map(|f| {
                let original = original as f64;
                let wavelength = TAU / f;
                if wavelength < original / high {
                    f
                } else if wavelength > original / low {
                    f / factor
                } else {
                    let smooth = (original / wavelength - low) / (high - low);
                    (1.0 - smooth) * f / factor + smooth * f
                }
            })
            .collect(),
        Scaling::Yarn { factor, original } => yarn(shape, factor, original, (1.0, 32.0), true),
    }
}

/// [`frequencies`] by transformers' `_compute_yarn_parameters`.
pub fn yarn(
    shape: &Shape,
    factor: f64,
    original: usize,
    (slow, fast): (f64, f64),
    truncate: bool,
) -> Vec<f64> {
    let dim = shape.rope_dim as f64;
    let correction = |rotations: f64| {
        dim * (original as f64 / (rotations * TAU)).ln() / (2.0 * shape.theta.ln())
    };
    let (mut low, mut high) = (correction(fast), correction(slow));
    if truncate {
        (low, high) = (low.floor(), high.ceil());
    }
    let (low, high) = (low.max(0.0), high.min(dim - 1.0));
    let high = if low == high { high + 0.001 } else { high };
    (0..shape.rope_dim / 2)
        .map(|i| {
            let f = shape.theta.powf(-2.0 * i as f64 / dim);
            let ramp = ((i as f64 - low) / (high - low)).clamp(0.0, 1.0);
            f / factor * ramp + f * (1.0 - ramp)
        })
        .collect()
}

fn magnitude(shape: &Shape) -> f64 {
    match shape.scaling {
        Scaling::Yarn { factor, .. } => 0.1 * factor.ln() + 1.0,
        _ => 1.0,
    }
}

/// The logits after each token.
pub fn logits(tiny: &Tiny, tokens: &[u32]) -> Vec<Vec<f64>> {
    let shape = &tiny.shape;
    rotated_logits(tiny, tokens, &frequencies(shape), magnitude(shape))
}

/// [`logits`] with other frequencies, and with cos and sin times `magnitude`.
pub fn rotated_logits(
    tiny: &Tiny,
    tokens: &[u32],
    frequencies: &[f64],
    magnitude: f64,
) -> Vec<Vec<f64>> {
    let shape = &tiny.shape;
    let rotate = |position: usize, x: &mut [f64]| {
        for head in x.chunks_exact_mut(shape.head_dim) {
            rotate(frequencies, magnitude, position, head);
        }
    };
    let mut caches = vec![(Vec::new(), Vec::new()); shape.layers];
    tokens
        .iter()
        .enumerate()
        .map(|(position, &token)| {
            let embedding = &tiny.get(None, Role::Embedding).unwrap().values;
            let row = &embedding[token as usize * shape.hidden..][..shape.hidden];
            let mut x: Vec<f64> = row.iter().map(|&v| f64::from(v)).collect();
            for (layer, (keys, values)) in caches.iter_mut().enumerate() {
                let layer = Some(layer);
                let normed = norm(tiny, layer, Role::AttentionNorm, &x);
                let mut q = linear(tiny, layer, Role::Query, Role::QueryBias, &normed);
                let mut k = linear(tiny, layer, Role::Key, Role::KeyBias, &normed);
                rotate(position, &mut q);
                rotate(position, &mut k);
                keys.push(k);
                values.push(linear(tiny, layer, Role::Value, Role::ValueBias, &normed));
                let attended = attention(shape, &q, keys, values);
                let out = Role::AttentionOutput;
                add(
                    &mut x,
                    &linear(tiny, layer, out, Role::AttentionOutputBias, &attended),
                );
                let normed = norm(tiny, layer, Role::FeedForwardNorm, &x);
                let gate = linear(tiny, layer, Role::Gate, Role::GateBias, &normed);
                let up = linear(tiny, layer, Role::Up, Role::UpBias, &normed);
                let hidden: Vec<f64> = gate
                    .iter()
                    .zip(&up)
                    .map(|(g, u)| g / (1.0 + (-g).exp()) * u)
                    .collect();
                add(
                    &mut x,
                    &linear(tiny, layer, Role::Down, Role::DownBias, &hidden),
                );
            }
            let normed = norm(tiny, None, Role::OutputNorm, &x);
            let output = if shape.tied {
                Role::Embedding
            } else {
                Role::Output
            };
            product(&tiny.get(None, output).unwrap().values, &normed)
        })
        .collect()
}

fn add(x: &mut [f64], y: &[f64]) {
    assert_eq!(x.len(), y.len());
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}

fn product(matrix: &[f32], x: &[f64]) -> Vec<f64> {
    matrix
        .chunks_exact(x.len())
        .map(|row| row.iter().zip(x).map(|(&w, x)| f64::from(w) * x).sum())
        .collect()
}

fn linear(tiny: &Tiny, layer: Option<usize>, weight: Role, bias: Role, x: &[f64]) -> Vec<f64> {
    let mut y = product(&tiny.get(layer, weight).unwrap().values, x);
    if let Some(bias) = tiny.get(layer, bias) {
        let bias: Vec<f64> = bias.values.iter().map(|&v| f64::from(v)).collect();
        add(&mut y, &bias);
    }
    y
}

fn norm(tiny: &Tiny, layer: Option<usize>, gain: Role, x: &[f64]) -> Vec<f64> {
    let mean = x.iter().map(|v| v * v).sum::<f64>() / x.len() as f64;
    let scale = 1.0 / (mean + f64::from(tiny.shape.eps)).sqrt();
    let gain = &tiny.get(layer, gain).unwrap().values;
    x.iter()
        .zip(gain)
        .map(|(x, &g)| x * scale * f64::from(g))
        .collect()
}

/// Turns the pairs `(2i, 2i + 1)` of a head.
fn rotate(frequencies: &[f64], magnitude: f64, position: usize, head: &mut [f64]) {
    for (i, f) in frequencies.iter().enumerate() {
        let (sin, cos) = (position as f64 * f).sin_cos();
        let (a, b) = (head[2 * i], head[2 * i + 1]);
        head[2 * i] = (a * cos - b * sin) * magnitude;
        head[2 * i + 1] = (a * sin + b * cos) * magnitude;
    }
}

fn attention(shape: &Shape, q: &[f64], keys: &[Vec<f64>], values: &[Vec<f64>]) -> Vec<f64> {
    let dim = shape.head_dim;
    let shared = shape.heads / shape.kv_heads;
    let mut out = Vec::new();
    for head in 0..shape.heads {
        let query = &q[head * dim..][..dim];
        let from = head / shared * dim;
        let scores: Vec<f64> = keys
            .iter()
            .map(|key| {
                let dot: f64 = query.iter().zip(&key[from..]).map(|(a, b)| a * b).sum();
                (dot / (dim as f64).sqrt()).exp()
            })
            .collect();
        let total: f64 = scores.iter().sum();
        out.extend((0..dim).map(|i| {
            let weighted = scores.iter().zip(values);
            weighted.map(|(s, v)| s * v[from + i]).sum::<f64>() / total
        }));
    }
    out
}
