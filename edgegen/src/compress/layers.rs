//! The operations of the layers, with their weights packed on the way.

use crate::error::Result;
use crate::model::{Architecture, Model, Role, RopeLayout, Tensor, TensorKey};
use crate::plan::Plan;
use crate::program::{
    Buffer, COLUMN_PADDING, Layer, Matrix, Operation, ROW_PADDING, Vector, WeightFiles, projected,
};

use super::pack;
use super::rows::Rows;

/// Packs weights into files and writes down the operations that use them.
pub(super) struct Builder<'a> {
    model: &'a Model,
    plan: &'a Plan,
    files: WeightFiles,
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
    pub(super) fn new(model: &'a Model, plan: &'a Plan) -> Self {
        Self {
            model,
            plan,
            files: WeightFiles::default(),
        }
    }

    pub(super) fn start(&mut self, name: impl Into<String>) {
        self.files.start(name);
    }

    pub(super) fn finish(self) -> WeightFiles {
        self.files
    }

    /// One transformer layer.
    pub(super) fn layer(&mut self, index: usize) -> Result<Layer> {
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
        )?;
        self.project(
            &mut operations,
            layer,
            &[QUERY, KEY, VALUE],
            Buffer::Normed,
            Buffer::QueryKeyValue,
        )?;
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
        )?;
        operations.push(Operation::AddResidual);

        self.norm(
            &mut operations,
            layer,
            Role::FeedForwardNorm,
            "feed_forward_norm",
        )?;
        self.project(
            &mut operations,
            layer,
            &[GATE, UP],
            Buffer::Normed,
            Buffer::GateUp,
        )?;
        operations.push(Operation::SiluMul {
            up: projected(a.intermediate_size),
        });
        self.project(
            &mut operations,
            layer,
            &[DOWN],
            Buffer::Hidden,
            Buffer::Normed,
        )?;
        operations.push(Operation::AddResidual);
        Ok(Layer { operations })
    }

    /// The final norm and the output projection, which may be the embedding.
    pub(super) fn head(&mut self, embedding: &Matrix) -> Result<Vec<Operation>> {
        let mut operations = Vec::new();
        self.norm(&mut operations, None, Role::OutputNorm, "output_norm")?;
        let key = TensorKey {
            layer: None,
            role: Role::Output,
        };
        let mix = TensorKey::global(Role::OutputMix);
        let mut input = Buffer::Normed;
        if self.model.tensor(mix).is_some() {
            let matrix = self.matrix(&[mix])?;
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
            Some(_) => self.matrix(&[key])?,
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
        Ok(operations)
    }

    fn norm(
        &mut self,
        operations: &mut Vec<Operation>,
        layer: Option<usize>,
        role: Role,
        name: &'static str,
    ) -> Result<()> {
        let gain = self.vector(TensorKey { layer, role }, COLUMN_PADDING)?;
        operations.push(Operation::RmsNorm {
            name,
            gain,
            input: Buffer::Residual,
            output: Buffer::Normed,
        });
        Ok(())
    }

    /// Projections of one input; neighbours of one format become one matrix.
    fn project(
        &mut self,
        operations: &mut Vec<Operation>,
        layer: Option<usize>,
        projections: &[Projection],
        input: Buffer,
        output: Buffer,
    ) -> Result<()> {
        let format = |p: &Projection| {
            self.plan.format(TensorKey {
                layer,
                role: p.weight,
            })
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
            let matrix = self.matrix(&keys)?;
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
                    bias: self.vector(key(projection.bias), ROW_PADDING)?,
                    buffer: output,
                    start,
                });
            }
            start += projected(self.tensor(key(projection.weight)).rows());
        }
        Ok(())
    }

    /// One matrix of the rows of all tensors, each padded to whole groups.
    pub(super) fn matrix(&mut self, keys: &[TensorKey]) -> Result<Matrix> {
        let format = self.plan.format(keys[0]);
        let mut rows = Rows::default();
        for &key in keys {
            rows.append(self.tensor(key), self.permutation(key.role));
        }
        let cols = self.tensor(keys[0]).cols();
        let mut parts = Vec::new();
        for bytes in pack::matrix(&rows, cols, format)? {
            parts.push(self.files.append(&bytes));
        }
        Ok(Matrix {
            rows: rows.len(),
            cols,
            format,
            parts,
        })
    }

    fn vector(&mut self, key: TensorKey, padding: usize) -> Result<Vector> {
        let tensor = self.tensor(key);
        let mut values = vec![0.0; tensor.cols()];
        tensor.dequantize_rows(0..1, &mut values);
        if let Some(permutation) = self.permutation(key.role) {
            let stored = values.clone();
            for (row, value) in values.iter_mut().enumerate() {
                *value = stored[permutation.source(row)];
            }
        }
        values.resize(values.len().next_multiple_of(padding), 0.0);
        Ok(self.floats(&values))
    }

    /// Appends f32s as they are.
    pub(super) fn floats(&mut self, values: &[f32]) -> Vector {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        Vector {
            len: values.len(),
            part: self.files.append(&bytes),
        }
    }

    fn tensor(&self, key: TensorKey) -> &'a Tensor {
        self.model
            .tensor(key)
            .expect("Model holds every tensor that its architecture needs")
    }

    /// Queries and keys are stored for rotation by halves, whatever the file does.
    fn permutation(&self, role: Role) -> Option<RopePermutation> {
        RopePermutation::of(self.model.architecture()).filter(|_| role.is_rotated())
    }
}

/// Row order that turns interleaved pairs `(2i, 2i + 1)` into halves `(i, i + pairs)`.
#[derive(Debug, Clone, Copy)]
pub(super) struct RopePermutation {
    head_dim: usize,
    pairs: usize,
}

impl RopePermutation {
    /// The order for this architecture's files; `None` where they have it already.
    pub(super) fn of(architecture: &Architecture) -> Option<Self> {
        let rope = &architecture.rope;
        (rope.layout == RopeLayout::Interleaved).then_some(Self {
            head_dim: architecture.head_dim,
            pairs: rope.dim / 2,
        })
    }

    /// The stored row that becomes `row`.
    pub(super) fn source(self, row: usize) -> usize {
        let (head, i) = (row / self.head_dim, row % self.head_dim);
        let within = if i < self.pairs {
            2 * i
        } else if i < 2 * self.pairs {
            2 * (i - self.pairs) + 1
        } else {
            i
        };
        head * self.head_dim + within
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaved_pairs_become_halves() {
        let permutation = RopePermutation {
            head_dim: 6,
            pairs: 2,
        };
        let sources: Vec<usize> = (0..12).map(|row| permutation.source(row)).collect();
        assert_eq!(sources, [0, 2, 1, 3, 4, 5, 6, 8, 7, 9, 10, 11]);
    }
}
