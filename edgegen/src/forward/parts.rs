//! The network's parts in f32, over windows of tokens: what calibration sees.

use rayon::prelude::*;
use runtime_kernels::{ExpWeights, SiluMul};

use super::dense::Dense;
use crate::isa;
use crate::model::Architecture;

/// `x / sqrt(mean(x²) + eps)` of each row.
pub(crate) fn rms_norm(x: &Dense, eps: f32) -> Dense {
    let mut out = x.clone();
    out.rows_mut().for_each(|row| {
        let mean = row.iter().map(|v| v * v).sum::<f32>() / row.len() as f32;
        let scale = 1.0 / (mean + eps).sqrt();
        for value in row {
            *value *= scale;
        }
    });
    out
}

/// `silu(gate) * up`.
pub(crate) fn silu_mul(gate: &Dense, up: &Dense) -> Dense {
    let mut out = Dense::zeros(gate.rows, gate.cols);
    out.rows_mut()
        .zip(gate.values.par_chunks(gate.cols))
        .zip(up.values.par_chunks(gate.cols))
        .for_each(|((out, gate), up)| {
            // The kernel takes whole eights.
            let whole = out.len() / 8 * 8;
            let ((out, tail), (gate, gate_tail), (up, up_tail)) = (
                out.split_at_mut(whole),
                gate.split_at(whole),
                up.split_at(whole),
            );
            isa::run(SiluMul { gate, up, out });
            let [mut gate, mut up, mut out] = [[0.0; 8]; 3];
            gate[..tail.len()].copy_from_slice(gate_tail);
            up[..tail.len()].copy_from_slice(up_tail);
            isa::run(SiluMul {
                gate: &gate,
                up: &up,
                out: &mut out,
            });
            tail.copy_from_slice(&out[..tail.len()]);
        });
    out
}

/// `x[row] += bias`.
pub(crate) fn add_bias(x: &mut Dense, bias: Option<&Dense>) {
    if let Some(bias) = bias {
        x.rows_mut().for_each(|row| {
            for (value, bias) in row.iter_mut().zip(&bias.values) {
                *value += bias;
            }
        });
    }
}

/// `x += y`.
pub(crate) fn add(x: &mut Dense, y: &Dense) {
    x.values
        .par_iter_mut()
        .zip(&y.values)
        .for_each(|(x, y)| *x += y);
}

/// Causal attention within windows of `window` rows, after rotation by `table`
/// (`[window][cos, sin][pairs]`).
pub(crate) fn attention(
    architecture: &Architecture,
    window: usize,
    table: &[f32],
    mut queries: Dense,
    mut keys: Dense,
    values: &Dense,
) -> Dense {
    let a = architecture;
    let (head_dim, pairs) = (a.head_dim, a.rope.dim / 2);
    for x in [&mut queries, &mut keys] {
        x.rows_mut().enumerate().for_each(|(row, x)| {
            let (cos, sin) = table[row % window * 2 * pairs..][..2 * pairs].split_at(pairs);
            for head in x.chunks_exact_mut(head_dim) {
                let (first, second) = head[..2 * pairs].split_at_mut(pairs);
                for i in 0..pairs {
                    (first[i], second[i]) = (
                        first[i] * cos[i] - second[i] * sin[i],
                        first[i] * sin[i] + second[i] * cos[i],
                    );
                }
            }
        });
    }
    let group = a.num_attention_heads / a.num_key_value_heads;
    let mut out = Dense::zeros(queries.rows, queries.cols);
    out.values
        .par_chunks_mut(window * queries.cols)
        .enumerate()
        .for_each(|(index, out)| {
            let rows = out.len() / queries.cols;
            let first = index * window;
            for key_head in 0..a.num_key_value_heads {
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
                        for score in &mut scores[t + 1..] {
                            *score = f32::NEG_INFINITY;
                        }
                        let max = scores.iter().fold(f32::NEG_INFINITY, |m, &s| m.max(s));
                        scores[t + 1..].fill(max);
                        isa::run(ExpWeights {
                            x: &mut scores,
                            max,
                            factor: a.attention_scale,
                        });
                        let total: f32 = scores[..=t].iter().sum();
                        let out = &mut out[t * queries.cols + head * head_dim..][..head_dim];
                        for (s, score) in scores[..=t].iter().enumerate() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_of_every_width_are_applied() {
        for cols in 1..30 {
            let dense = |from: f32| Dense {
                rows: 3,
                cols,
                values: (0..3 * cols).map(|i| from + i as f32 / 8.0).collect(),
            };
            let (gate, up) = (dense(-3.0), dense(0.5));
            let out = silu_mul(&gate, &up);
            for ((out, g), up) in out.values.iter().zip(&gate.values).zip(&up.values) {
                let expected = g / (1.0 + (-g).exp()) * up;
                assert!(
                    (out - expected).abs() <= 1e-5 * expected.abs(),
                    "{cols} columns"
                );
            }
        }
    }
}
