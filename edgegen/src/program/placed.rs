//! What the operations of a program refer to: places in memory and in weight files.

use crate::graph::{References, Values};
use crate::program::{Matrix, Vector, WeightFormat};

/// Some floats of each token of a batch, in the arena.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// What lies there.
    pub(crate) name: String,
    /// The first float of the first token.
    pub(crate) start: usize,
    /// From a token to the next, in floats.
    pub(crate) stride: usize,
    /// Floats of a token.
    pub(crate) len: usize,
}

/// A row for each position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    /// Name in the generated crate.
    pub(crate) name: String,
    /// All rows.
    pub(crate) rows: Vector,
    /// Floats of a row.
    pub(crate) row: usize,
}

/// Keys and values of one attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    /// The first word of the KV cache.
    pub(crate) start: usize,
    pub(crate) shape: StateShape,
}

/// What differs between layers in how they are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StateShape {
    /// Positions, in whole groups.
    pub(crate) positions: usize,
    /// Positions that a token sees, itself included; all, if `None`.
    pub(crate) window: Option<usize>,
}

/// What operations of a program refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Placed {}

impl References for Placed {
    type In = Place;
    type Out = Place;
    type Update = Place;
    type Outs = Place;
    type Scratch = Place;
    type Vector = Vector;
    type Matrix = Matrix;
    type Lookup = Matrix;
    type Table = Table;
    type State = State;
}

impl<'a> Values<'a, Placed> {
    /// Where they lie.
    pub(crate) fn place(&self) -> &'a Place {
        match self {
            Self::In(place)
            | Self::Out(place)
            | Self::Update(place)
            | Self::Outs(place)
            | Self::Scratch(place) => place,
        }
    }
}

/// A step of a program.
pub(crate) type Operation = crate::graph::Operation<Placed>;

/// What a pass computes, in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Code {
    /// From tokens to the residual stream.
    pub(crate) embedding: Vec<Operation>,
    /// What each layer makes of it.
    pub(crate) layers: Vec<Vec<Operation>>,
    /// From the residual stream of some tokens to their logits.
    pub(crate) head: Vec<Operation>,
    pub(crate) residual: Place,
    pub(crate) logits: Place,
    /// Rows for each position.
    pub(crate) tables: Vec<Table>,
}

impl Code {
    /// The operations in order, the head's last.
    pub(crate) fn operations(&self) -> impl Iterator<Item = &Operation> {
        let layers = self.layers.iter().flatten();
        self.embedding.iter().chain(layers).chain(&self.head)
    }
}

/// What operations have in common that differ in nothing but their weights and state: one function
/// computes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Alike {}

/// A matrix without its weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MatrixShape {
    name: String,
    rows: usize,
    cols: usize,
    format: WeightFormat,
    /// Bytes of each part.
    parts: Vec<usize>,
}

impl References for Alike {
    type In = Place;
    type Out = Place;
    type Update = Place;
    type Outs = Place;
    type Scratch = Place;
    /// Name and floats.
    type Vector = (String, usize);
    type Matrix = MatrixShape;
    type Lookup = MatrixShape;
    type Table = Table;
    type State = StateShape;
}

/// Takes weights and states out of operations.
pub(crate) struct Outline;

impl crate::graph::Map<Placed, Alike> for Outline {
    fn input(&mut self, of: &Place) -> Place {
        of.clone()
    }

    fn output(&mut self, of: &Place) -> Place {
        of.clone()
    }

    fn update(&mut self, of: &Place) -> Place {
        of.clone()
    }

    fn outputs(&mut self, of: &Place) -> Place {
        of.clone()
    }

    fn scratch(&mut self, of: &Place) -> Place {
        of.clone()
    }

    fn vector(&mut self, of: &Vector) -> (String, usize) {
        (of.name.clone(), of.len)
    }

    fn matrix(&mut self, of: &Matrix) -> MatrixShape {
        MatrixShape {
            name: of.name.clone(),
            rows: of.rows,
            cols: of.cols,
            format: of.format,
            parts: of.parts.iter().map(|part| part.range.len()).collect(),
        }
    }

    fn lookup(&mut self, of: &Matrix) -> MatrixShape {
        self.matrix(of)
    }

    fn table(&mut self, of: &Table) -> Table {
        of.clone()
    }

    fn state(&mut self, of: &State) -> StateShape {
        of.shape
    }
}
