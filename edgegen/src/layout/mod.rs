//! Model + formats → what is computed and where each weight lies, before a byte is packed. The
//! planner predicts from it, the compressor fills it: so a prediction is what is emitted.

mod layers;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::model::{Model, Role, TensorKey};
use crate::program::{FileLayout, Layer, Matrix, Operation, Part, Vector, WeightFormat};

use layers::Builder;

/// The operations in order, and the weight files without their bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// The token embedding.
    pub embedding: Matrix,
    /// The rotation tables.
    pub rope: Vector,
    /// The layers.
    pub layers: Vec<Layer>,
    /// Final norm and output projection.
    pub head: Vec<Operation>,
    /// Names and sizes of the weight files.
    pub files: FileLayout,
    /// What the files hold, in order.
    pub pieces: Vec<Piece>,
}

/// Some bytes of a weight file and what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Where.
    pub part: Part,
    /// What.
    pub content: Content,
}

/// What is in a part of a weight file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
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
    /// The rotation tables.
    Rope {
        /// Positions.
        context: usize,
    },
}

impl Layout {
    /// The layout of a model with these formats, one for each matrix, in a session of `context`
    /// tokens.
    pub fn new(model: &Model, formats: &BTreeMap<TensorKey, WeightFormat>, context: usize) -> Self {
        let architecture = model.architecture();
        let mut builder = Builder::new(model, formats);
        builder.start("embedding");
        let embedding = builder.matrix(&[TensorKey::global(Role::Embedding)]);
        builder.start("rope");
        let rope = builder.floats(
            context * (architecture.rope.dim / 2) * 2,
            Content::Rope { context },
        );
        let layers = (0..architecture.num_hidden_layers)
            .map(|index| {
                builder.start(format!("layer_{index:02}"));
                builder.layer(index)
            })
            .collect();
        builder.start("head");
        let head = builder.head(&embedding);
        let (files, pieces) = builder.finish();
        Self {
            embedding,
            rope,
            layers,
            head,
            files,
            pieces,
        }
    }

    /// The operations in order, the head's last.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        let layers = self.layers.iter().flat_map(|layer| &layer.operations);
        layers.chain(&self.head)
    }

    /// Bytes of the packed matrices.
    pub fn matrix_bytes(&self) -> usize {
        let is_matrix = |piece: &&Piece| matches!(piece.content, Content::Matrix { .. });
        let pieces = self.pieces.iter().filter(is_matrix);
        pieces.map(|piece| piece.part.range.len()).sum()
    }
}
