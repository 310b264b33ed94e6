//! The text's way through the network, where other weights may take the place of its own: each
//! layer is given what the ones before it really give.

use crate::forward::{Dense, Network, Stream, Windows, moments};
use crate::model::TensorKey;

use super::factor::{Factor, Order};

/// The residual stream of all tokens, between two layers.
#[derive(Clone)]
pub(super) struct Walk<'a> {
    network: &'a Network,
    window: usize,
    stream: Stream,
}

/// Gives what takes the place of a matrix, from its weights and what they are multiplied with.
pub(super) type Substitute<'s> =
    dyn FnMut(TensorKey, &Dense, &mut Inputs<'_>) -> Option<Dense> + 's;

/// Leaves every matrix as it is.
pub(super) fn original(_: TensorKey, _: &Dense, _: &mut Inputs<'_>) -> Option<Dense> {
    None
}

impl<'a> Walk<'a> {
    /// At the beginning: the tokens' rows of the embedding.
    pub(super) fn new(network: &'a Network, embedding: &Dense, windows: &Windows) -> Self {
        Self {
            network,
            window: windows.size(),
            stream: Stream::new(network, embedding, windows),
        }
    }

    /// Where a stream is.
    pub(super) fn at(network: &'a Network, stream: Stream, window: usize) -> Self {
        Self {
            network,
            window,
            stream,
        }
    }

    /// Goes through a layer.
    pub(super) fn layer(&mut self, layer: usize, substitute: &mut Substitute<'_>) {
        let (network, window) = (self.network, self.window);
        let mut project = |keys: &[TensorKey], input: &Dense| {
            let mut inputs = Inputs::new(input, window);
            let outputs = keys.iter().map(|key| {
                let weights = &network.weights[key];
                let other = substitute(*key, weights, &mut inputs);
                other.as_ref().unwrap_or(weights).times(input)
            });
            outputs.collect()
        };
        self.stream.layer(network, layer, &mut project);
    }

    /// Layers of the network.
    pub(super) fn layers(&self) -> usize {
        self.network.graph.layers.len()
    }

    /// What the output projection is multiplied with, `[tokens, hidden_size]`.
    pub(super) fn given_to_output(&self) -> Dense {
        self.stream.given_to_output(self.network)
    }

    /// What the network predicts with an output projection.
    pub(super) fn logits(&self, output: &Dense, given: &Dense) -> Dense {
        self.stream.logits(self.network, output.times(given))
    }

    /// What there is to know of an input.
    pub(super) fn inputs<'n>(&self, input: &'n Dense) -> Inputs<'n> {
        Inputs::new(input, self.window)
    }

    /// The residual stream.
    pub(super) fn into_stream(self) -> Stream {
        self.stream
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
