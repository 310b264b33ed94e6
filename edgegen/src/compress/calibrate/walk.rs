//! The text's way through the network, as it was and as it becomes.

use crate::compress::dense::Dense;
use crate::compress::network::Network;
use crate::compress::rope;
use crate::model::{Architecture, Role, TensorKey};

use super::coded::Coded;
use super::encode::encode;
use super::factor::Factor;
use super::forward;
use super::trellis::Code;

/// How much the first position of a window counts, in positions. It is an attention sink: all others
/// look at it, and its residual stream is so large that it must not count by its size.
const FIRST: f32 = 50.0;

/// The residual streams of all tokens, between two layers.
pub(super) struct Walk {
    architecture: Architecture,
    window: usize,
    /// `[window][cos, sin][pairs]`.
    rope: Vec<f32>,
    streams: Streams,
}

/// What a part of the network is given: by the original network, and by the encoded one.
struct Streams {
    original: Dense,
    encoded: Dense,
}

impl Streams {
    fn map(&self, f: impl Fn(&Dense) -> Dense) -> Self {
        Self {
            original: f(&self.original),
            encoded: f(&self.encoded),
        }
    }

    fn add(&mut self, other: &Self) {
        forward::add(&mut self.original, &other.original);
        forward::add(&mut self.encoded, &other.encoded);
    }
}

/// A projection's weight and bias.
struct Linear {
    weight: Role,
    bias: Role,
}

const QUERY: Linear = Linear { weight: Role::Query, bias: Role::QueryBias };
const KEY: Linear = Linear { weight: Role::Key, bias: Role::KeyBias };
const VALUE: Linear = Linear { weight: Role::Value, bias: Role::ValueBias };
const OUTPUT: Linear = Linear { weight: Role::AttentionOutput, bias: Role::AttentionOutputBias };
const GATE: Linear = Linear { weight: Role::Gate, bias: Role::GateBias };
const UP: Linear = Linear { weight: Role::Up, bias: Role::UpBias };
const DOWN: Linear = Linear { weight: Role::Down, bias: Role::DownBias };

impl Walk {
    /// At the beginning: the tokens' embeddings, of which one is `encoded`.
    pub(super) fn new(network: &Network, encoded: &Dense, tokens: &[u32], window: usize) -> Self {
        let embed = |embedding: &Dense| {
            let mut x = Dense::zeros(tokens.len(), embedding.cols);
            for (row, &token) in x.values.chunks_exact_mut(embedding.cols).zip(tokens) {
                row.copy_from_slice(embedding.row(token as usize));
            }
            x
        };
        Self {
            architecture: network.architecture.clone(),
            window,
            rope: rope::table(&network.architecture.rope, window),
            streams: Streams {
                original: embed(network.get(None, Role::Embedding)),
                encoded: embed(encoded),
            },
        }
    }

    /// Goes through a layer and encodes its matrices.
    pub(super) fn layer(
        &mut self,
        network: &Network,
        layer: usize,
        code: &impl Fn(TensorKey) -> Option<Code>,
    ) -> Vec<(TensorKey, Coded)> {
        let mut step = Step {
            network,
            layer,
            code,
            window: self.window,
            coded: Vec::new(),
        };
        let eps = self.architecture.rms_norm_eps;
        let normed = self.streams.map(|x| forward::rms_norm(x, eps));
        let [queries, keys, values] = step.project([QUERY, KEY, VALUE], &normed, None);
        let attend = |q: Dense, k: Dense, v: &Dense| {
            forward::attention(&self.architecture, self.window, &self.rope, q, k, v)
        };
        let attended = Streams {
            original: attend(queries.original, keys.original, &values.original),
            encoded: attend(queries.encoded, keys.encoded, &values.encoded),
        };
        let [output] = step.project([OUTPUT], &attended, Some(&self.streams));
        self.streams.add(&output);
        let normed = self.streams.map(|x| forward::rms_norm(x, eps));
        let [gate, up] = step.project([GATE, UP], &normed, None);
        let hidden = Streams {
            original: forward::silu_mul(&gate.original, &up.original),
            encoded: forward::silu_mul(&gate.encoded, &up.encoded),
        };
        let [down] = step.project([DOWN], &hidden, Some(&self.streams));
        self.streams.add(&down);
        step.coded
    }

    /// Encodes a matrix that is given the last norm's output.
    pub(super) fn head(&self, weights: &Dense, code: Code) -> (Coded, Dense) {
        let eps = self.architecture.rms_norm_eps;
        let normed = forward::rms_norm(&self.streams.encoded, eps);
        let (_, moments) = moments(&normed, self.window);
        encode(weights, &Factor::new(&moments, code))
    }
}

/// A layer on the way.
struct Step<'a, C> {
    network: &'a Network,
    layer: usize,
    code: &'a C,
    window: usize,
    coded: Vec<(TensorKey, Coded)>,
}

impl<C: Fn(TensorKey) -> Option<Code>> Step<'_, C> {
    /// Projections of one input. What comes to the residual stream also makes good what that has
    /// lost before.
    fn project<const N: usize>(
        &mut self,
        linears: [Linear; N],
        input: &Streams,
        residual: Option<&Streams>,
    ) -> [Streams; N] {
        let (weighted, moments) = moments(&input.encoded, self.window);
        let mut factors: Vec<Factor> = Vec::new();
        linears.map(|linear| {
            let key = |role| TensorKey::layer(self.layer, role);
            let weights = &self.network.weights[&key(linear.weight)];
            let bias = self.network.weights.get(&key(linear.bias));
            let biased = |mut x: Dense| {
                forward::add_bias(&mut x, bias);
                x
            };
            let original = weights.times(&input.original);
            let Some(code) = (self.code)(key(linear.weight)) else {
                return Streams {
                    original: biased(original),
                    encoded: biased(weights.times(&input.encoded)),
                };
            };
            if factors.iter().all(|factor| factor.code != code) {
                factors.push(Factor::new(&moments, code));
            }
            let factor = factors.iter().find(|factor| factor.code == code);
            let factor = factor.expect("it was made if it was not there");
            // What the encoded input lacks, as far as it can tell.
            let mut lack = original.clone();
            subtract(&mut lack, &weights.times(&input.encoded));
            if let Some(residual) = residual {
                forward::add(&mut lack, &residual.original);
                subtract(&mut lack, &residual.encoded);
            }
            let alpha: f32 = std::env::var("ALPHA").map_or(1.0, |v| v.parse().unwrap());
            for l in &mut lack.values { *l *= alpha; }
            let mut target = weighted.correlation(&lack);
            factor.solve(&mut target);
            forward::add(&mut target, weights);
            let (coded, values) = encode(&target, factor);
            self.coded.push((key(linear.weight), coded));
            Streams {
                original: biased(original),
                encoded: biased(values.times(&input.encoded)),
            }
        })
    }
}

fn subtract(x: &mut Dense, y: &Dense) {
    for (x, y) in x.values.iter_mut().zip(&y.values) {
        *x -= y;
    }
}

/// Inputs with the weights of their rows.
struct Weighted {
    factors: Vec<f32>,
    /// `[cols, rows]`.
    transposed: Dense,
}

impl Weighted {
    /// The sums over rows of `other`'s columns times the input's, `[other.cols, cols]`.
    fn correlation(&self, other: &Dense) -> Dense {
        let other = scaled(other, &self.factors).transposed();
        self.transposed.times(&other)
    }
}

fn scaled(x: &Dense, factors: &[f32]) -> Dense {
    let mut out = x.clone();
    for (row, factor) in out.values.chunks_exact_mut(x.cols).zip(factors) {
        for value in row {
            *value *= factor;
        }
    }
    out
}

/// The input with weights for its rows, and its second moments, `[cols, cols]`.
fn moments(x: &Dense, window: usize) -> (Weighted, Dense) {
    let squares: Vec<f32> = (0..x.rows)
        .map(|row| x.row(row).iter().map(|v| v * v).sum())
        .collect();
    let (firsts, others): (Vec<_>, Vec<_>) = squares
        .iter()
        .enumerate()
        .partition(|(row, _)| row % window == 0);
    let mean = others.iter().map(|(_, square)| **square).sum::<f32>() / others.len().max(1) as f32;
    let mut factors = vec![1.0; x.rows];
    for (row, square) in firsts {
        if *square > 0.0 {
            factors[row] = (std::env::var("W0").map_or(FIRST, |v| v.parse().unwrap()) * mean / square).sqrt();
        }
    }
    let transposed = scaled(x, &factors).transposed();
    let moments = transposed.times(&transposed);
    (
        Weighted {
            factors,
            transposed,
        },
        moments,
    )
}
