//! The text's way through the network as it becomes: each layer is given what the encoded ones
//! before it really give.

use crate::compress::dense::Dense;
use crate::compress::network::Network;
use crate::compress::rope;
use crate::model::{Role, TensorKey};

use super::coded::Coded;
use super::encode::encode;
use super::factor::Factor;
use super::forward;
use super::trellis::Code;

/// How much the first position of a window counts, in positions. It is an attention sink: all others
/// look at it, and its residual stream is so large that it must not count by its size.
const FIRST: f32 = 20.0;

/// The residual stream of all tokens, between two layers.
pub(super) struct Walk<'a> {
    network: &'a Network,
    window: usize,
    /// `[window][cos, sin][pairs]`.
    rope: Vec<f32>,
    /// `[tokens, hidden_size]`.
    residual: Dense,
}

/// A projection's weight and bias.
type Linear = (Role, Role);

impl<'a> Walk<'a> {
    /// At the beginning: the tokens' rows of the embedding.
    pub(super) fn new(
        network: &'a Network,
        embedding: &Dense,
        tokens: &[u32],
        window: usize,
    ) -> Self {
        let mut residual = Dense::zeros(tokens.len(), embedding.cols);
        for (row, &token) in residual.values.chunks_exact_mut(embedding.cols).zip(tokens) {
            row.copy_from_slice(embedding.row(token as usize));
        }
        Self {
            network,
            window,
            rope: rope::table(&network.architecture.rope, window),
            residual,
        }
    }

    /// Goes through a layer and encodes its matrices.
    pub(super) fn layer(
        &mut self,
        layer: usize,
        code: &impl Fn(TensorKey) -> Option<Code>,
    ) -> Vec<(TensorKey, Coded)> {
        let architecture = &self.network.architecture;
        let mut coded = Vec::new();
        let mut project = |linears: &[Linear], input: &Dense| {
            self.project(layer, linears, input, code, &mut coded)
        };
        let normed = forward::rms_norm(&self.residual, architecture.rms_norm_eps);
        let queries_keys_values = [
            (Role::Query, Role::QueryBias),
            (Role::Key, Role::KeyBias),
            (Role::Value, Role::ValueBias),
        ];
        let mut outputs = project(&queries_keys_values, &normed).into_iter();
        let [queries, keys, values] = std::array::from_fn(|_| outputs.next().expect("one each"));
        let attended = forward::attention(
            architecture,
            self.window,
            &self.rope,
            queries,
            keys,
            &values,
        );
        let output = (Role::AttentionOutput, Role::AttentionOutputBias);
        let output = project(&[output], &attended);
        let mut residual = self.residual.clone();
        forward::add(&mut residual, &output[0]);
        let normed = forward::rms_norm(&residual, architecture.rms_norm_eps);
        let gate_up = [(Role::Gate, Role::GateBias), (Role::Up, Role::UpBias)];
        let gate_up = project(&gate_up, &normed);
        let hidden = forward::silu_mul(&gate_up[0], &gate_up[1]);
        let down = project(&[(Role::Down, Role::DownBias)], &hidden);
        forward::add(&mut residual, &down[0]);
        self.residual = residual;
        coded
    }

    /// Projections of one input.
    fn project(
        &self,
        layer: usize,
        linears: &[Linear],
        input: &Dense,
        code: &impl Fn(TensorKey) -> Option<Code>,
        coded: &mut Vec<(TensorKey, Coded)>,
    ) -> Vec<Dense> {
        let mut factors = Factors::new(input, self.window);
        let outputs = linears.iter().map(|&(weight, bias)| {
            let key = TensorKey::layer(layer, weight);
            let weights = self.network.get(Some(layer), weight);
            let mut output = match code(key) {
                Some(code) => {
                    let (codes, values) = encode(weights, factors.get(code));
                    coded.push((key, codes));
                    values.times(input)
                }
                None => weights.times(input),
            };
            let bias = TensorKey::layer(layer, bias);
            forward::add_bias(&mut output, self.network.weights.get(&bias));
            output
        });
        outputs.collect()
    }

    /// Encodes a matrix that is given the last norm's output.
    pub(super) fn head(&self, weights: &Dense, code: Code) -> (Coded, Dense) {
        let eps = self.network.architecture.rms_norm_eps;
        let normed = forward::rms_norm(&self.residual, eps);
        encode(weights, Factors::new(&normed, self.window).get(code))
    }
}

/// What errors mean where an input is read, for each code that is asked for.
struct Factors<'a> {
    input: &'a Dense,
    window: usize,
    moments: Option<Dense>,
    factors: Vec<Factor>,
}

impl<'a> Factors<'a> {
    fn new(input: &'a Dense, window: usize) -> Self {
        Self {
            input,
            window,
            moments: None,
            factors: Vec::new(),
        }
    }

    fn get(&mut self, code: Code) -> &Factor {
        if let Some(found) = self.factors.iter().position(|f| f.code == code) {
            return &self.factors[found];
        }
        let moments = self
            .moments
            .get_or_insert_with(|| moments(self.input, self.window));
        self.factors.push(Factor::new(moments, code));
        self.factors.last().expect("it was pushed")
    }
}

/// The second moments of an input, `[cols, cols]`.
fn moments(x: &Dense, window: usize) -> Dense {
    let square = |row: usize| x.row(row).iter().map(|v| v * v).sum::<f32>();
    let others = (0..x.rows).filter(|row| row % window != 0);
    let count = others.clone().count().max(1);
    let mean = others.map(square).sum::<f32>() / count as f32;
    let mut weighted = x.clone();
    for row in (0..x.rows).step_by(window) {
        let size = square(row);
        if size > 0.0 {
            let factor = (FIRST * mean / size).sqrt();
            for value in &mut weighted.values[row * x.cols..][..x.cols] {
                *value *= factor;
            }
        }
    }
    let transposed = weighted.transposed();
    transposed.times(&transposed)
}
