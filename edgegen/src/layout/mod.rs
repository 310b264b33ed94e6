//! Model + formats → what is computed and where each weight lies, before a byte is packed. The
//! planner predicts from it, the compressor fills it: so a prediction is what is emitted.

mod lower;
mod place;
mod weights;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::graph::{Graph, Node};
use crate::model::{Model, TensorKey};
use crate::program::{COLUMN_PADDING, Code, FileLayout, Part, Shapes, WeightFormat};

use lower::Lowering;
use place::{Batch, Places};
use weights::Builder;

/// What a pass computes, and the weight files without their bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    /// The operations.
    pub(crate) code: Code,
    /// Names and sizes of the weight files.
    pub(crate) files: FileLayout,
    /// What the files hold, in order.
    pub(crate) slices: Vec<Slice>,
}

/// Some bytes of a weight file and what they are.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slice {
    /// Where.
    pub(crate) part: Part,
    /// What.
    pub(crate) content: Content,
}

/// What is in a part of a weight file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    /// Groups of the rows of tensors that are one matrix, each padded to whole groups.
    Matrix {
        /// The tensors.
        keys: Vec<TensorKey>,
        /// Their format.
        format: WeightFormat,
        /// The groups.
        groups: Range<usize>,
    },
    /// A vector as f32, padded with zeros.
    Vector(TensorKey),
    /// A table of so many positions.
    Table {
        /// What it holds.
        table: crate::graph::Table,
        /// Positions.
        context: usize,
    },
}

/// The network of a model whose matrices have these formats: what is planned for has some that
/// the model has not yet.
fn graph(model: &Model, formats: &BTreeMap<TensorKey, WeightFormat>) -> Graph {
    Graph::new(model.architecture(), |key| {
        model.tensor(key).is_some() || formats.contains_key(&key)
    })
}

/// Floats of the values of a batch, and blocks of i8 of what products read.
pub(crate) fn activations(
    model: &Model,
    formats: &BTreeMap<TensorKey, WeightFormat>,
    shapes: &Shapes,
) -> (usize, usize) {
    let graph = graph(model, formats);
    let places = Places::new(&graph, Batch::of(shapes));
    let inputs = graph.nodes().filter_map(|node| match node {
        Node::MatMul { input, .. } => Some(graph.width(*input).div_ceil(COLUMN_PADDING)),
        _ => None,
    });
    (places.floats, inputs.max().unwrap_or(0) * shapes.batch)
}

impl Layout {
    /// The layout of a model with these formats, one for each matrix, in a session of these shapes.
    pub(crate) fn new(
        model: &Model,
        formats: &BTreeMap<TensorKey, WeightFormat>,
        shapes: &Shapes,
    ) -> Self {
        let graph = graph(model, formats);
        let places = Places::new(&graph, Batch::of(shapes));
        let mut lowering = Lowering::new(&graph, &places, Builder::new(model, formats), shapes);
        lowering.start("embedding");
        let embedding = lowering.stage(&graph.embedding);
        let tables = lowering.tables();
        let layers = graph.layers.iter().enumerate().map(|(index, nodes)| {
            lowering.start(format!("layer_{index:02}"));
            lowering.stage(nodes)
        });
        let layers = layers.collect();
        lowering.start("head");
        let head = lowering.stage(&graph.head);
        let (files, slices) = lowering.finish();
        Self {
            code: Code {
                embedding,
                layers,
                head,
                residual: places.place(graph.residual).clone(),
                logits: places.place(graph.logits).clone(),
                tables,
            },
            files,
            slices,
        }
    }

    /// Bytes of the packed matrices.
    pub(crate) fn matrix_bytes(&self) -> usize {
        let is_matrix = |slice: &&Slice| matches!(slice.content, Content::Matrix { .. });
        let slices = self.slices.iter().filter(is_matrix);
        slices.map(|slice| slice.part.range.len()).sum()
    }
}
