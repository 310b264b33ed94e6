//! The text's way through the network as it becomes: each layer is given what the encoded ones
//! before it really give.

use crate::forward::{Dense, Linear, Network, Stream, Windows, moments};
use crate::model::TensorKey;

use super::coded::Coded;
use super::encode::encode;
use super::factor::Factor;
use super::trellis::Code;

/// The residual stream of all tokens, between two layers.
pub(super) struct Walk<'a> {
    network: &'a Network,
    window: usize,
    stream: Stream,
}

impl<'a> Walk<'a> {
    /// At the beginning: the tokens' rows of the embedding.
    pub(super) fn new(network: &'a Network, embedding: &Dense, windows: &Windows) -> Self {
        Self {
            network,
            window: windows.size(),
            stream: Stream::new(&network.architecture, embedding, windows),
        }
    }

    /// Goes through a layer and encodes its matrices.
    pub(super) fn layer(
        &mut self,
        layer: usize,
        code: &impl Fn(TensorKey) -> Option<Code>,
    ) -> Vec<(TensorKey, Coded)> {
        let (network, window) = (self.network, self.window);
        let mut coded = Vec::new();
        // Projections of one input.
        let project = |linears: &[Linear], input: &Dense| {
            let mut factors = Factors::new(input, window);
            let outputs = linears.iter().map(|&linear| {
                let key = TensorKey::layer(layer, linear.0);
                let weights = network.get(Some(layer), linear.0);
                match code(key) {
                    Some(code) => {
                        let (codes, values) = encode(weights, factors.get(code));
                        coded.push((key, codes));
                        network.project_with(layer, linear, &values, input)
                    }
                    None => network.project_with(layer, linear, weights, input),
                }
            });
            outputs.collect()
        };
        self.stream.layer(&network.architecture, project);
        coded
    }

    /// Encodes a matrix that is given the last norm's output.
    pub(super) fn head(&self, weights: &Dense, code: Code) -> (Coded, Dense) {
        let normed = self.stream.normed(&self.network.architecture);
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
