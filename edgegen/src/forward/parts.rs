//! The network's parts in f32, over windows of tokens: what calibration sees.

use rayon::prelude::*;
use runtime_kernels::{ExpWeights, SoftCap};

use super::dense::Dense;
use crate::graph::Heads;
use crate::isa;

/// `x / sqrt(mean(x²) + eps) * gain` of each row.
pub(crate) fn rms_norm(x: &Dense, gain: &[f32], eps: f32) -> Dense {
    let mut out = x.clone();
    out.rows_mut().for_each(|row| {
        let mean = row.iter().map(|v| v * v).sum::<f32>() / row.len() as f32;
        let scale = 1.0 / (mean + eps).sqrt();
        for (value, gain) in row.iter_mut().zip(gain) {
            *value = *value * scale * gain;
        }
    });
    out
}

/// Causal attention within texts of `text` rows, to the last `window` of them.
pub(crate) fn attention(
    shape: &Heads,
    text: usize,
    window: Option<usize>,
    queries: &Dense,
    keys: &Dense,
    values: &Dense,
) -> Dense {
    let (head_dim, group) = (shape.head_dim, shape.heads_per_kv);
    let mut out = Dense::zeros(queries.rows, queries.cols);
    out.values
        .par_chunks_mut(text * queries.cols)
        .enumerate()
        .for_each(|(index, out)| {
            let rows = out.len() / queries.cols;
            let first = index * text;
            for key_head in 0..shape.heads / group {
                let column = key_head * head_dim;
                // Positions side by side, so that sums run over elements one after another.
                let mut transposed = vec![0.0f32; head_dim * rows];
                for s in 0..rows {
                    for d in 0..head_dim {
                        transposed[d * rows + s] = keys.row(first + s)[column + d];
                    }
                }
                for head in key_head * group..(key_head + 1) * group {
                    for t in 0..rows {
                        let query = &queries.row(first + t)[head * head_dim..][..head_dim];
                        let mut scores = vec![0.0f32; (t + 1).next_multiple_of(8)];
                        for (d, q) in query.iter().enumerate() {
                            let keys = &transposed[d * rows..][..t + 1];
                            for (score, key) in scores.iter_mut().zip(keys) {
                                *score += q * key;
                            }
                        }
                        let mut factor = shape.scale;
                        if let Some(cap) = shape.cap {
                            scores.iter_mut().for_each(|score| *score *= factor);
                            isa::run(SoftCap {
                                x: &mut scores,
                                cap,
                            });
                            factor = 1.0;
                        }
                        let oldest = window.map_or(0, |window| (t + 1).saturating_sub(window));
                        let seen = &scores[oldest..=t];
                        let max = seen.iter().fold(f32::NEG_INFINITY, |m, &s| m.max(s));
                        scores[..oldest].fill(max);
                        scores[t + 1..].fill(max);
                        isa::run(ExpWeights {
                            x: &mut scores,
                            max,
                            factor,
                        });
                        let total: f32 = scores[oldest..=t].iter().sum();
                        let out = &mut out[t * queries.cols + head * head_dim..][..head_dim];
                        for (s, score) in (oldest..).zip(&scores[oldest..=t]) {
                            let weight = score / total;
                            let value = &values.row(first + s)[column..][..head_dim];
                            for (out, value) in out.iter_mut().zip(value) {
                                *out += weight * value;
                            }
                        }
                    }
                }
            }
        });
    out
}
