//! The text's way through the network: the graph's steps in f32, over windows of tokens.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;
use runtime_kernels::scalar::Scalar;

use crate::graph::{
    Heads, Logical, Machine, Node, Operation, Rows, State, StateId, Table, TableId, Updated,
    ValueId, Values,
};
use crate::model::TensorKey;

use super::dense::Dense;
use super::network::Network;
use super::parts;
use super::rope;
use super::windows::Windows;

/// What is known of all tokens between two steps.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    window: usize,
    /// Rows for the positions of a window, little-endian.
    tables: Arc<Vec<Vec<u8>>>,
    /// `[tokens, width]`, by the class of the value.
    values: BTreeMap<usize, Dense>,
    /// Keys and values, by the number of the state.
    states: BTreeMap<usize, (Dense, Dense)>,
}

/// Says what products make of the input that they have in common, biases apart.
pub(crate) type Project<'p> = dyn FnMut(&[TensorKey], &Dense) -> Vec<Dense> + 'p;

impl Stream {
    /// At the beginning: what is made of the tokens' rows of `embedding`.
    pub(crate) fn new(network: &Network, embedding: &Dense, windows: &Windows) -> Self {
        let graph = &network.graph;
        let tables = graph.tables.iter().map(|table| {
            let rows = match table {
                Table::Rope(rope) => rope::table(rope, windows.size),
                Table::Tensor(key) => network.weights[key].padded_rows(windows.size),
            };
            rows.into_iter().flat_map(f32::to_le_bytes).collect()
        });
        let mut stream = Self {
            window: windows.size,
            tables: Arc::new(tables.collect()),
            values: BTreeMap::new(),
            states: BTreeMap::new(),
        };
        let mut tokens = Dense::zeros(windows.tokens.len(), embedding.cols);
        let rows = tokens.values.chunks_exact_mut(embedding.cols);
        for (row, &token) in rows.zip(&windows.tokens) {
            row.copy_from_slice(embedding.row(token as usize));
        }
        let mut project = |keys: &[TensorKey], input: &Dense| network.project(keys, input);
        stream.run(network, &graph.embedding, 0, Some(tokens), &mut project);
        stream
    }

    /// Goes through a layer.
    pub(crate) fn layer(&mut self, network: &Network, layer: usize, project: &mut Project<'_>) {
        let graph = &network.graph;
        let before =
            graph.embedding.len() + graph.layers[..layer].iter().map(Vec::len).sum::<usize>();
        self.run(network, &graph.layers[layer], before, None, project);
    }

    /// What the output projection is multiplied with, `[tokens, hidden_size]`.
    pub(crate) fn given_to_output(&self, network: &Network) -> Dense {
        let output = output_step(network);
        let Operation::MatMul { input, .. } = &network.graph.head[output] else {
            unreachable!("it is a product");
        };
        let mut stream = self.clone();
        stream.run_head(network, 0..output);
        let class = network.liveness.class(*input);
        stream.values.remove(&class).expect("it was computed")
    }

    /// The logits, of what the output projection gives.
    pub(crate) fn logits(&self, network: &Network, product: Dense) -> Dense {
        let class = network.liveness.class(network.graph.logits);
        let mut stream = Self {
            window: self.window,
            tables: Arc::clone(&self.tables),
            values: BTreeMap::from([(class, product)]),
            states: BTreeMap::new(),
        };
        stream.run_head(network, output_step(network) + 1..network.graph.head.len());
        stream.values.remove(&class).expect("it was given")
    }

    /// Some steps of the head.
    fn run_head(&mut self, network: &Network, steps: Range<usize>) {
        let graph = &network.graph;
        let first = graph.nodes().count() - graph.head.len() + steps.start;
        let mut project = |keys: &[TensorKey], input: &Dense| network.project(keys, input);
        self.run(network, &graph.head[steps], first, None, &mut project);
    }

    /// The squared distance of another stream as a part of this one's squares, a sum over the tokens;
    /// the first of each window is an attention sink and says little.
    pub(crate) fn change(&self, network: &Network, other: &Self) -> f64 {
        let class = network.liveness.class(network.graph.residual);
        let (this, other) = (&self.values[&class], &other.values[&class]);
        let square = |x: f32| f64::from(x).powi(2);
        let rows = (0..this.rows).filter(|row| row % self.window != 0);
        rows.map(|row| {
            let (a, b) = (this.row(row), other.row(row));
            let distance: f64 = a.iter().zip(b).map(|(a, b)| square(a - b)).sum();
            let squares: f64 = a.iter().map(|&a| square(a)).sum();
            distance / squares.max(f64::MIN_POSITIVE)
        })
        .sum()
    }

    /// Runs steps, of which the first is the `first` of the graph.
    fn run(
        &mut self,
        network: &Network,
        nodes: &[Node],
        first: usize,
        tokens: Option<Dense>,
        project: &mut Project<'_>,
    ) {
        let mut walker = Walker {
            stream: self,
            network,
            tokens,
            project,
        };
        for (step, node) in (first..).zip(nodes) {
            walker.step(node);
            walker.forget(node, step);
        }
        let later = || attended_states(network, first + nodes.len());
        self.states
            .retain(|state, _| later().any(|later| later == *state));
    }
}

/// The step of the head that is the output projection.
fn output_step(network: &Network) -> usize {
    let graph = &network.graph;
    let class = |value| network.liveness.class(value);
    let gives = |out: &[ValueId]| out.iter().any(|&out| class(out) == class(graph.logits));
    let mut steps = graph.head.iter();
    let output = steps.position(|node| matches!(node, Operation::MatMul { out, .. } if gives(out)));
    output.expect("a product gives the logits")
}

/// The states that steps from one on read.
fn attended_states(network: &Network, from: usize) -> impl Iterator<Item = usize> {
    network
        .graph
        .nodes()
        .skip(from)
        .filter_map(|node| match node {
            Operation::Attention { state, .. } => Some(state.0),
            _ => None,
        })
}

struct Walker<'a, 'p> {
    stream: &'a mut Stream,
    network: &'a Network,
    /// The tokens' rows of the embedding.
    tokens: Option<Dense>,
    project: &'a mut Project<'p>,
}

impl Walker<'_, '_> {
    fn step(&mut self, node: &Node) {
        match node {
            // Sums run over elements one after the other.
            Operation::RmsNorm {
                x, gain, eps, out, ..
            } => {
                let gain = &self.network.weights[gain].values;
                let normed = parts::rms_norm(self.value(*x), gain, *eps);
                self.put(*out, normed);
            }
            node => node.run(self),
        }
    }

    /// Drops values that no later step needs.
    fn forget(&mut self, node: &Node, step: usize) {
        for values in node.values() {
            if let Values::In(value) = values {
                let class = self.network.liveness.class(*value);
                if *self.network.liveness.classes[class].steps.end() == step {
                    self.stream.values.remove(&class);
                }
            }
        }
    }

    fn value(&self, value: ValueId) -> &Dense {
        &self.stream.values[&self.network.liveness.class(value)]
    }

    fn put(&mut self, value: ValueId, dense: Dense) {
        self.stream
            .values
            .insert(self.network.liveness.class(value), dense);
    }

    fn tokens(&self) -> usize {
        self.stream
            .values
            .values()
            .next()
            .map_or(0, |value| value.rows)
    }
}

/// A value's class, and its width if it is yet to be made.
#[derive(Clone, Copy)]
struct Place {
    class: usize,
    width: Option<usize>,
}

impl<'w> Machine<'w, Logical> for Walker<'w, '_> {
    type Isa = Scalar;
    type Place = Place;

    fn input(&self, of: &ValueId) -> Place {
        Place {
            class: self.network.liveness.class(*of),
            width: None,
        }
    }

    fn output(&self, of: &ValueId) -> Place {
        Place {
            class: self.network.liveness.class(*of),
            width: Some(self.network.graph.width(*of)),
        }
    }

    fn update(&self, of: &Updated) -> Place {
        self.input(&of.from)
    }

    fn scratch(&self, of: &ValueId) -> Place {
        self.output(of)
    }

    fn vector(&self, of: &TensorKey) -> Cow<'w, [u8]> {
        let values = &self.network.weights[of].values;
        let padding = values.len().next_multiple_of(8) - values.len();
        let padded = values
            .iter()
            .copied()
            .chain(std::iter::repeat_n(0.0, padding));
        Cow::Owned(padded.flat_map(f32::to_le_bytes).collect())
    }

    fn table(&self, of: &TableId) -> Rows<'w> {
        let bytes = &self.stream.tables[of.0];
        Rows {
            bytes: Cow::Owned(bytes.clone()),
            row: bytes.len() / self.stream.window,
        }
    }

    fn rows<const N: usize>(
        &mut self,
        places: [Place; N],
        kernel: impl Fn(Scalar, usize, [&mut [f32]; N]) + Sync,
    ) {
        let isa = Scalar::new().expect("scalar code runs everywhere");
        let (window, tokens) = (self.stream.window, self.tokens());
        let mut values = places.map(|place| match place.width {
            Some(width) => Dense::zeros(tokens, width),
            None => self
                .stream
                .values
                .remove(&place.class)
                .expect("it was computed"),
        });
        let mut columns = values
            .each_mut()
            .map(|value| value.values.chunks_mut(value.cols));
        let rows: Vec<[&mut [f32]; N]> = (0..tokens)
            .map(|_| {
                columns
                    .each_mut()
                    .map(|rows| rows.next().expect("a row for each token"))
            })
            .collect();
        rows.into_par_iter().enumerate().for_each(|(token, row)| {
            // Kernels take whole eights.
            let mut padded = row.each_ref().map(|row| {
                let mut padded = row.to_vec();
                padded.resize(row.len().next_multiple_of(8), 0.0);
                padded
            });
            kernel(
                isa,
                token % window,
                padded.each_mut().map(Vec::as_mut_slice),
            );
            for (row, padded) in row.into_iter().zip(padded) {
                row.copy_from_slice(&padded[..row.len()]);
            }
        });
        for (place, value) in places.into_iter().zip(values) {
            self.stream.values.insert(place.class, value);
        }
    }

    fn embed(&mut self, _: &TensorKey, out: &ValueId) {
        let tokens = self.tokens.take().expect("tokens are looked up once");
        self.put(*out, tokens);
    }

    fn quantize(&mut self, _: &ValueId, _: &usize) {}

    fn mat_mul(&mut self, matrix: &Vec<TensorKey>, input: &ValueId, out: &Vec<ValueId>) {
        let class = self.network.liveness.class(*input);
        let outputs = (self.project)(matrix, &self.stream.values[&class]);
        for (&value, output) in out.iter().zip(outputs) {
            self.put(value, output);
        }
    }

    fn store(&mut self, state: &StateId, key: &ValueId, value: &ValueId) {
        let kept = (self.value(*key).clone(), self.value(*value).clone());
        self.stream.states.insert(state.0, kept);
    }

    fn attention(
        &mut self,
        shape: &Heads,
        state: &StateId,
        query: &ValueId,
        _: &ValueId,
        out: &ValueId,
    ) {
        let (keys, values) = &self.stream.states[&state.0];
        let State::KeyValue { window, .. } = self.network.graph.states[state.0];
        let text = self.stream.window;
        let attended = parts::attention(shape, text, window, self.value(*query), keys, values);
        self.put(*out, attended);
    }
}
