//! The network as a graph: what is computed for a token, in order, before anything has a place. It
//! knows no file, no format and no platform.

mod builder;
mod fuse;
mod kinds;
mod liveness;
mod operation;
mod run;
mod shape;

use std::collections::BTreeSet;

use crate::model::{Architecture, Rope, TensorKey};

pub(crate) use builder::Builder;
pub(crate) use kinds::{Argument, Map, Memory, References, Tensors, Values};
pub(crate) use liveness::Liveness;
pub(crate) use operation::{Call, KERNELS, Operation};
pub(crate) use run::{Machine, Rows};
pub(crate) use shape::{Attended, Linear, Shape};

/// A value: a vector for each token. It is written once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    /// What it is, for people.
    pub(crate) name: &'static str,
    pub(crate) extent: Extent,
}

/// Floats of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// So many for each token.
    Token(usize),
    /// What attention needs for the scores of heads, of which so many share a key.
    Scores { heads_per_kv: usize },
}

/// The number of a value in its graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ValueId(pub(crate) usize);

/// A value that takes the place of the one it is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Updated {
    pub(crate) from: ValueId,
    pub(crate) to: ValueId,
}

/// The number of a table in its graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TableId(pub(crate) usize);

/// The number of a state in its graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StateId(pub(crate) usize);

/// A row for each position, which is computed at build time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Table {
    /// Cosines and sines of RoPE.
    Rope(Rope),
    /// Rows of a tensor.
    Tensor(TensorKey),
}

/// What is kept from token to token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// Keys and values of every position, or of those in the window of the youngest.
    KeyValue {
        heads: usize,
        head_dim: usize,
        window: Option<usize>,
    },
}

/// The shape of an attention.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Heads {
    /// Query heads.
    pub(crate) heads: usize,
    /// Query heads that share a key and value head.
    pub(crate) heads_per_kv: usize,
    pub(crate) head_dim: usize,
    /// Factor on `q · k`.
    pub(crate) scale: f32,
    /// `c` of `c * tanh(score / c)`, by which scores are bounded.
    pub(crate) cap: Option<f32>,
}

/// What operations of a graph refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Logical {}

impl References for Logical {
    type In = ValueId;
    type Out = ValueId;
    type Update = Updated;
    type Outs = Vec<ValueId>;
    type Scratch = ValueId;
    type Vector = TensorKey;
    type Matrix = Vec<TensorKey>;
    type Lookup = TensorKey;
    type Table = TableId;
    type State = StateId;
}

/// A step of a graph.
pub(crate) type Node = Operation<Logical>;

/// A network.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Graph {
    pub(crate) values: Vec<Value>,
    pub(crate) states: Vec<State>,
    pub(crate) tables: Vec<Table>,
    /// From tokens to the residual stream.
    pub(crate) embedding: Vec<Node>,
    /// What is between two of them has a golden hash.
    pub(crate) layers: Vec<Vec<Node>>,
    /// From the residual stream of some tokens to their logits.
    pub(crate) head: Vec<Node>,
    /// The residual stream after the embedding; layers update it.
    pub(crate) residual: ValueId,
    pub(crate) logits: ValueId,
}

impl Graph {
    /// The network of an architecture, with those tensors that may be missing and are not.
    pub(crate) fn new(architecture: &Architecture, has: impl Fn(TensorKey) -> bool) -> Self {
        let mut builder = Builder::new(architecture, &has);
        (architecture.family.build)(&mut builder);
        let mut graph = builder.finish();
        fuse::projections(&mut graph);
        graph
    }

    /// Whether a rotation of the residual stream, which folds the last norm's gain, takes a matrix of
    /// its own, [`Role::OutputMix`](crate::model::Role::OutputMix).
    pub(crate) fn is_mixed(&self) -> bool {
        let shape = Shape::of(self);
        shape.rotatable().is_ok() && shape.norms().iter().any(|norm| norm.shared)
    }

    /// The parts in order: embedding, layers, head.
    pub(crate) fn stages(&self) -> impl Iterator<Item = &[Node]> {
        let layers = self.layers.iter().map(Vec::as_slice);
        [self.embedding.as_slice()]
            .into_iter()
            .chain(layers)
            .chain([self.head.as_slice()])
    }

    /// All steps in order.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.stages().flatten()
    }

    /// The tensors that it refers to.
    pub(crate) fn tensors(&self) -> BTreeSet<TensorKey> {
        let mut tensors = BTreeSet::new();
        for of in self.nodes().flat_map(Node::tensors) {
            match of {
                Tensors::Vector(key) | Tensors::Lookup(key) => {
                    tensors.insert(*key);
                }
                Tensors::Matrix(keys) => tensors.extend(keys),
                Tensors::Table(table) => {
                    if let Table::Tensor(key) = &self.tables[table.0] {
                        tensors.insert(*key);
                    }
                }
            }
        }
        tensors
    }

    /// Floats of a value for each token.
    pub(crate) fn width(&self, value: ValueId) -> usize {
        match self.values[value.0].extent {
            Extent::Token(width) => width,
            Extent::Scores { .. } => unreachable!("scratch is not of a token"),
        }
    }
}
