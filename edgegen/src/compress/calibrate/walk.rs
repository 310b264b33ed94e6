//! The text's way through the network, where other weights may take the place of its own: each
//! layer is given what the ones before it really give.

use crate::compress::dense::Dense;
use crate::compress::network::Network;
use crate::compress::rope;
use crate::model::{Role, TensorKey};

use super::factor::{Factor, Order};
use super::forward;

/// How much the first position of a window counts, in positions. It is an attention sink: all others
/// look at it, and its residual stream is so large that it must not count by its size.
const FIRST: f32 = 20.0;

/// The residual stream of all tokens, between two layers.
#[derive(Clone)]
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

/// Gives what takes the place of a matrix, from its weights and what they are multiplied with.
pub(super) type Substitute<'s> =
    dyn FnMut(TensorKey, &Dense, &mut Inputs<'_>) -> Option<Dense> + 's;

/// Leaves every matrix as it is.
pub(super) fn original(_: TensorKey, _: &Dense, _: &mut Inputs<'_>) -> Option<Dense> {
    None
}

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
        Self::at(network, residual, window)
    }

    /// With this residual stream, `[tokens, hidden_size]`.
    pub(super) fn at(network: &'a Network, residual: Dense, window: usize) -> Self {
        Self {
            network,
            window,
            rope: rope::table(&network.architecture.rope, window),
            residual,
        }
    }

    /// Goes through a layer.
    pub(super) fn layer(&mut self, layer: usize, substitute: &mut Substitute<'_>) {
        let architecture = &self.network.architecture;
        let mut project =
            |linears: &[Linear], input: &Dense| self.project(layer, linears, input, substitute);
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
    }

    /// Projections of one input.
    fn project(
        &self,
        layer: usize,
        linears: &[Linear],
        input: &Dense,
        substitute: &mut Substitute<'_>,
    ) -> Vec<Dense> {
        let mut inputs = Inputs::new(input, self.window);
        let outputs = linears.iter().map(|&(weight, bias)| {
            let weights = self.network.get(Some(layer), weight);
            let other = substitute(TensorKey::layer(layer, weight), weights, &mut inputs);
            let mut output = other.as_ref().unwrap_or(weights).times(input);
            let bias = TensorKey::layer(layer, bias);
            forward::add_bias(&mut output, self.network.weights.get(&bias));
            output
        });
        outputs.collect()
    }

    /// Layers of the network.
    pub(super) fn layers(&self) -> usize {
        self.network.architecture.num_hidden_layers
    }

    /// What the output projection is multiplied with, `[tokens, hidden_size]`.
    pub(super) fn given_to_output(&self) -> Dense {
        let normed = forward::rms_norm(&self.residual, self.network.architecture.rms_norm_eps);
        let mix = TensorKey::global(Role::OutputMix);
        match self.network.weights.get(&mix) {
            Some(mix) => mix.times(&normed),
            None => normed,
        }
    }

    /// What there is to know of an input.
    pub(super) fn inputs<'n>(&self, input: &'n Dense) -> Inputs<'n> {
        Inputs::new(input, self.window)
    }

    /// The residual stream, `[tokens, hidden_size]`.
    pub(super) fn residual(&self) -> &Dense {
        &self.residual
    }
}

/// What a matrix is multiplied with, and what errors mean there, for each order of columns that is
/// asked for.
pub(super) struct Inputs<'a> {
    input: &'a Dense,
    window: usize,
    moments: Option<Dense>,
    factors: Vec<(Order, Factor)>,
}

impl<'a> Inputs<'a> {
    fn new(input: &'a Dense, window: usize) -> Self {
        Self {
            input,
            window,
            moments: None,
            factors: Vec::new(),
        }
    }

    pub(super) fn factor(&mut self, order: Order) -> &Factor {
        if let Some(found) = self.factors.iter().position(|(known, _)| *known == order) {
            return &self.factors[found].1;
        }
        let moments = self
            .moments
            .get_or_insert_with(|| moments(self.input, self.window));
        self.factors.push((order, Factor::new(moments, &order)));
        &self.factors.last().expect("it was pushed").1
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
