//! Steps of a graph → operations with places.

use std::collections::BTreeSet;

use crate::graph::{
    Graph, Logical, Map, Node, StateId, Table as GraphTable, TableId, Updated, ValueId, Values,
};
use crate::model::TensorKey;
use crate::program::{
    COLUMN_PADDING, FileLayout, Matrix, Operation, Place, Placed, ROW_PADDING, Shapes, State,
    Table, Vector, WeightFormat,
};

use super::weights::Builder;
use super::{Places, Slice};

/// Gives a graph's steps their places, in order.
pub(super) struct Lowering<'a> {
    graph: &'a Graph,
    places: &'a Places,
    weights: Builder<'a>,
    context: usize,
    states: Vec<State>,
    /// The classes of values whose padding is read.
    padded: BTreeSet<usize>,
    tables: Vec<Option<Table>>,
    /// What the i8 activations hold, and how many of their blocks share a scale.
    quantized: Option<(ValueId, usize)>,
    /// Floats of the operation's values.
    len: Len,
}

/// Floats that an operation takes of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Len {
    /// With all padding.
    Columns,
    /// To whole groups of eight.
    Rows,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(
        graph: &'a Graph,
        places: &'a Places,
        weights: Builder<'a>,
        shapes: &Shapes,
    ) -> Self {
        let mut lowering = Self {
            graph,
            places,
            weights,
            context: shapes.context,
            states: shapes.states().collect(),
            padded: BTreeSet::new(),
            tables: vec![None; graph.tables.len()],
            quantized: None,
            len: Len::Rows,
        };
        for node in graph.nodes() {
            if lowering.len_of(node) == Len::Columns {
                let inputs = node.values().filter_map(|values| match values {
                    Values::In(value) => Some(places.class(*value)),
                    _ => None,
                });
                lowering.padded.extend(inputs);
            }
        }
        lowering
    }

    /// Starts a file.
    pub(super) fn start(&mut self, name: impl Into<String>) {
        self.weights.start(name);
    }

    pub(super) fn finish(self) -> (FileLayout, Vec<Slice>) {
        self.weights.finish()
    }

    /// Every table, each in a file of its own.
    pub(super) fn tables(&mut self) -> Vec<Table> {
        (0..self.graph.tables.len())
            .map(|index| self.table(&TableId(index)))
            .collect()
    }

    /// The operations of some steps.
    pub(super) fn stage(&mut self, nodes: &[Node]) -> Vec<Operation> {
        self.quantized = None;
        let mut operations = Vec::new();
        for node in nodes {
            match node {
                Node::MatMul { matrix, input, out } => {
                    self.products(matrix, *input, out, &mut operations);
                }
                node => {
                    self.len = self.len_of(node);
                    operations.push(node.map(self));
                }
            }
            self.pad(node, &mut operations);
        }
        operations
    }

    /// Products of one input: neighbours of one format are one.
    fn products(
        &mut self,
        keys: &[TensorKey],
        input: ValueId,
        out: &[ValueId],
        operations: &mut Vec<Operation>,
    ) {
        let pairs: Vec<(TensorKey, ValueId)> =
            keys.iter().copied().zip(out.iter().copied()).collect();
        let format = |pair: &(TensorKey, ValueId)| self.weights.format(&pair.0);
        let runs: Vec<(WeightFormat, &[(TensorKey, ValueId)])> = pairs
            .chunk_by(|a, b| format(a) == format(b))
            .map(|run| (format(&run[0]), run))
            .collect();
        self.len = Len::Columns;
        for (format, run) in runs {
            if let Some(shared) = format.activations()
                && self.quantized != Some((input, shared))
            {
                operations.push(Node::Quantize { input, shared }.map(self));
                self.quantized = Some((input, shared));
            }
            let (matrix, out) = run.iter().copied().unzip();
            operations.push(Node::MatMul { matrix, input, out }.map(self));
        }
    }

    /// Zeroes the padding of what an operation wrote, where it left some that is read.
    fn pad(&self, node: &Node, operations: &mut Vec<Operation>) {
        let written = node.values().flat_map(|values| match values {
            Values::Out(value) => std::slice::from_ref(value),
            Values::Outs(values) => values,
            _ => &[],
        });
        for &value in written {
            let (whole, width) = (self.places.place(value), self.graph.width(value));
            let end = match node {
                // Heads have none.
                Node::Attention { .. } => width,
                node if self.len_of(node) == Len::Columns
                    && !matches!(node, Node::MatMul { .. }) =>
                {
                    whole.len
                }
                _ => width.next_multiple_of(ROW_PADDING),
            };
            if end < whole.len && self.padded.contains(&self.places.class(value)) {
                let x = Place {
                    name: format!("{}_padding", whole.name),
                    start: whole.start + end,
                    stride: whole.stride,
                    len: whole.len - end,
                };
                operations.push(Operation::Zero { x });
            }
        }
    }

    /// Floats that a step takes of its values: all, with padding, if they have padding of their own
    /// and others than what is made in place are written.
    fn len_of(&self, node: &Node) -> Len {
        if matches!(node, Node::MatMul { .. } | Node::Quantize { .. }) {
            return Len::Columns;
        }
        if matches!(node, Node::Store { .. } | Node::Attention { .. }) {
            return Len::Rows;
        }
        let whole = node.values().all(|values| match values {
            Values::In(value) | Values::Out(value) => self.places.is_whole(*value),
            Values::Update(_) => false,
            Values::Outs(_) | Values::Scratch(_) => true,
        });
        match whole {
            true => Len::Columns,
            false => Len::Rows,
        }
    }

    fn place(&self, value: ValueId) -> Place {
        let mut place = self.places.place(value).clone();
        if self.len == Len::Rows {
            place.len = self.graph.width(value).next_multiple_of(ROW_PADDING);
        }
        place
    }
}

impl Map<Logical, Placed> for Lowering<'_> {
    fn input(&mut self, of: &ValueId) -> Place {
        self.place(*of)
    }

    fn output(&mut self, of: &ValueId) -> Place {
        self.place(*of)
    }

    fn update(&mut self, of: &Updated) -> Place {
        self.place(of.from)
    }

    fn outputs(&mut self, of: &Vec<ValueId>) -> Place {
        self.places.union(of)
    }

    fn scratch(&mut self, of: &ValueId) -> Place {
        self.places.place(*of).clone()
    }

    fn vector(&mut self, of: &TensorKey) -> Vector {
        let columns = self.weights.columns(of);
        let len = match self.len {
            Len::Columns => columns.next_multiple_of(COLUMN_PADDING),
            Len::Rows => columns.next_multiple_of(ROW_PADDING),
        };
        self.weights.vector(*of, len)
    }

    fn matrix(&mut self, of: &Vec<TensorKey>) -> Matrix {
        self.weights.matrix(of)
    }

    fn lookup(&mut self, of: &TensorKey) -> Matrix {
        self.weights.matrix(&[*of])
    }

    fn table(&mut self, of: &TableId) -> Table {
        if let Some(table) = &self.tables[of.0] {
            return table.clone();
        }
        let content = &self.graph.tables[of.0];
        let (name, row) = match content {
            GraphTable::Rope(rope) => ("rope", rope.dim),
            GraphTable::Tensor(key) => {
                let columns = self.weights.columns(key);
                (key.role.name(), columns.next_multiple_of(ROW_PADDING))
            }
        };
        let name = match of.0 {
            0 => name.to_owned(),
            index => format!("{name}_{index}"),
        };
        self.weights.start(name.as_str());
        let table = self
            .weights
            .table(&name, row, self.context, content.clone());
        self.tables[of.0] = Some(table.clone());
        table
    }

    fn state(&mut self, of: &StateId) -> State {
        self.states[of.0]
    }
}
