//! The operations of the layers; their weights get their places on the way.

use std::collections::BTreeMap;

use crate::model::{Model, Role, Tensor, TensorKey};
use crate::program::{
    Buffer, COLUMN_PADDING, FileLayout, Layer, MAX_FILE_BYTES, Matrix, Operation, ROW_PADDING,
    Vector, WeightFormat, projected,
};

use super::{Content, Piece};

/// Gives weights their places in files and writes down the operations that use them.
pub(super) struct Builder<'a> {
    model: &'a Model,
    formats: &'a BTreeMap<TensorKey, WeightFormat>,
    files: FileLayout,
    pieces: Vec<Piece>,
}

/// A projection: its weight, its bias and its name in the generated crate.
struct Projection {
    weight: Role,
    bias: Role,
    name: &'static str,
    bias_name: &'static str,
}

const QUERY: Projection = Projection {
    weight: Role::Query,
    bias: Role::QueryBias,
    name: "query",
    bias_name: "query_bias",
};
const KEY: Projection = Projection {
    weight: Role::Key,
    bias: Role::KeyBias,
    name: "key",
    bias_name: "key_bias",
};
const VALUE: Projection = Projection {
    weight: Role::Value,
    bias: Role::ValueBias,
    name: "value",
    bias_name: "value_bias",
};
const ATTENTION_OUTPUT: Projection = Projection {
    weight: Role::AttentionOutput,
    bias: Role::AttentionOutputBias,
    name: "attention_output",
    bias_name: "attention_output_bias",
};
const GATE: Projection = Projection {
    weight: Role::Gate,
    bias: Role::GateBias,
    name: "gate",
    bias_name: "gate_bias",
};
const UP: Projection = Projection {
    weight: Role::Up,
    bias: Role::UpBias,
    name: "up",
    bias_name: "up_bias",
};
const DOWN: Projection = Projection {
    weight: Role::Down,
    bias: Role::DownBias,
    name: "down",
    bias_name: "down_bias",
};

/// Names of fused projections.
const FUSED: [(&[&str], &str); 4] = [
    (&["query", "key", "value"], "query_key_value"),
    (&["query", "key"], "query_key"),
    (&["key", "value"], "key_value"),
    (&["gate", "up"], "gate_up"),
];

impl<'a> Builder<'a> {
    pub(super) fn new(model: &'a Model, formats: &'a BTreeMap<TensorKey, WeightFormat>) -> Self {
        Self {
            model,
            formats,
            files: FileLayout::default(),
            pieces: Vec::new(),
        }
    }

    pub(super) fn start(&mut self, name: impl Into<String>) {
        self.files.start(name);
    }

    pub(super) fn finish(self) -> (FileLayout, Vec<Piece>) {
        (self.files, self.pieces)
    }

    /// One transformer layer.
    pub(super) fn layer(&mut self, index: usize) -> Layer {
        let a = self.model.architecture();
        let queries = projected(a.num_attention_heads * a.head_dim);
        let keys = projected(a.num_key_value_heads * a.head_dim);
        let layer = Some(index);
        let mut operations = Vec::new();

        self.norm(
            &mut operations,
            layer,
            Role::AttentionNorm,
            "attention_norm",
        );
        self.project(
            &mut operations,
            layer,
            &[QUERY, KEY, VALUE],
            Buffer::Normed,
            Buffer::QueryKeyValue,
        );
        operations.extend([
            Operation::Rope {
                start: 0,
                heads: a.num_attention_heads,
            },
            Operation::Rope {
                start: queries,
                heads: a.num_key_value_heads,
            },
            Operation::StoreKeyValue {
                key: queries,
                value: queries + keys,
            },
            Operation::Attention,
        ]);
        self.project(
            &mut operations,
            layer,
            &[ATTENTION_OUTPUT],
            Buffer::Attended,
            Buffer::Normed,
        );
        operations.push(Operation::AddResidual);

        self.norm(
            &mut operations,
            layer,
            Role::FeedForwardNorm,
            "feed_forward_norm",
        );
        self.project(
            &mut operations,
            layer,
            &[GATE, UP],
            Buffer::Normed,
            Buffer::GateUp,
        );
        operations.push(Operation::SiluMul {
            up: projected(a.intermediate_size),
        });
        self.project(
            &mut operations,
            layer,
            &[DOWN],
            Buffer::Hidden,
            Buffer::Normed,
        );
        operations.push(Operation::AddResidual);
        Layer { operations }
    }

    /// The final norm and the output projection, which may be the embedding.
    pub(super) fn head(&mut self, embedding: &Matrix) -> Vec<Operation> {
        let mut operations = Vec::new();
        self.norm(&mut operations, None, Role::OutputNorm, "output_norm");
        let key = TensorKey {
            layer: None,
            role: Role::Output,
        };
        let mix = TensorKey::global(Role::OutputMix);
        let mut input = Buffer::Normed;
        if self.formats.contains_key(&mix) {
            let matrix = self.matrix(&[mix]);
            if matrix.format.integer() {
                operations.push(Operation::Quantize {
                    input: Buffer::Normed,
                });
            }
            operations.push(Operation::MatMul {
                name: "output_mix",
                matrix,
                input: Buffer::Normed,
                output: Buffer::Mixed,
                start: 0,
            });
            input = Buffer::Mixed;
        }
        let matrix = match self.model.tensor(key) {
            Some(_) => self.matrix(&[key]),
            None => embedding.clone(),
        };
        if matrix.format.integer() {
            operations.push(Operation::Quantize { input });
        }
        operations.push(Operation::MatMul {
            name: "output",
            matrix,
            input,
            output: Buffer::Logits,
            start: 0,
        });
        operations
    }

    fn norm(
        &mut self,
        operations: &mut Vec<Operation>,
        layer: Option<usize>,
        role: Role,
        name: &'static str,
    ) {
        let gain = self.vector(TensorKey { layer, role }, COLUMN_PADDING);
        operations.push(Operation::RmsNorm {
            name,
            gain,
            input: Buffer::Residual,
            output: Buffer::Normed,
        });
    }

    /// Projections of one input; neighbours of one format become one matrix.
    fn project(
        &mut self,
        operations: &mut Vec<Operation>,
        layer: Option<usize>,
        projections: &[Projection],
        input: Buffer,
        output: Buffer,
    ) {
        let format = |p: &Projection| {
            self.formats[&TensorKey {
                layer,
                role: p.weight,
            }]
        };
        if projections.iter().any(|p| format(p).integer()) {
            operations.push(Operation::Quantize { input });
        }
        let runs: Vec<&[Projection]> = projections
            .chunk_by(|a, b| format(a) == format(b))
            .collect();
        let mut start = 0;
        for run in runs {
            let keys: Vec<TensorKey> = run
                .iter()
                .map(|p| TensorKey {
                    layer,
                    role: p.weight,
                })
                .collect();
            let matrix = self.matrix(&keys);
            let rows = matrix.rows;
            operations.push(Operation::MatMul {
                name: fused_name(run),
                matrix,
                input,
                output,
                start,
            });
            start += rows;
        }
        let mut start = 0;
        for projection in projections {
            let key = |role| TensorKey { layer, role };
            if self.model.tensor(key(projection.bias)).is_some() {
                operations.push(Operation::AddBias {
                    name: projection.bias_name,
                    bias: self.vector(key(projection.bias), ROW_PADDING),
                    buffer: output,
                    start,
                });
            }
            start += projected(self.tensor(key(projection.weight)).rows());
        }
    }

    /// One matrix of the rows of all tensors, each padded to whole groups. It is cut between
    /// groups so that each part fits a weight file.
    pub(super) fn matrix(&mut self, keys: &[TensorKey]) -> Matrix {
        let format = self.formats[&keys[0]];
        let shape = |key: &TensorKey| self.model.architecture().shape(key.role);
        let (_, cols) = shape(&keys[0]);
        let rows: usize = keys.iter().map(|key| projected(shape(key).0)).sum();
        let groups = rows / ROW_PADDING;
        let group_bytes = format.group_bytes(cols);
        let groups_of_part = (MAX_FILE_BYTES / group_bytes).max(1);
        let parts = (0..groups).step_by(groups_of_part).map(|first| {
            let groups = first..groups.min(first + groups_of_part);
            let part = self.files.append(groups.len() * group_bytes);
            self.pieces.push(Piece {
                part: part.clone(),
                content: Content::Matrix {
                    keys: keys.to_vec(),
                    format,
                    groups,
                },
            });
            part
        });
        Matrix {
            parts: parts.collect(),
            rows,
            cols,
            format,
        }
    }

    fn vector(&mut self, key: TensorKey, padding: usize) -> Vector {
        let len = self.tensor(key).cols().next_multiple_of(padding);
        self.floats(len, Content::Vector(key))
    }

    /// A place for f32s.
    pub(super) fn floats(&mut self, len: usize, content: Content) -> Vector {
        let part = self.files.append(len * size_of::<f32>());
        self.pieces.push(Piece {
            part: part.clone(),
            content,
        });
        Vector { len, part }
    }

    fn tensor(&self, key: TensorKey) -> &'a Tensor {
        self.model
            .tensor(key)
            .expect("Model holds every tensor that its architecture needs")
    }
}

fn fused_name(run: &[Projection]) -> &'static str {
    if let [single] = run {
        return single.name;
    }
    let names: Vec<&str> = run.iter().map(|p| p.name).collect();
    FUSED
        .iter()
        .find(|(parts, _)| *parts == names)
        .map(|(_, name)| *name)
        .expect("FUSED lists every run of projections that share an input")
}
