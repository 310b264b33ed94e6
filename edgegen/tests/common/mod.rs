//! Tiny random models, written in every format, with a naive forward pass beside them.
#![allow(dead_code, reason = "each test target uses its part of this module")]

pub mod data;
pub mod gguf;
pub mod hf;
pub mod llama2c;
pub mod lora;
pub mod oracle;
pub mod split;
pub mod stored;
pub mod vocabulary;

use std::collections::BTreeMap;

use edgegen::model::{DType, Model, Role, TensorKey};

pub use stored::{Random, Stored};

/// What a tiny model is like. Sizes are in elements.
#[derive(Debug, Clone)]
pub struct Shape {
    pub hidden: usize,
    pub intermediate: usize,
    pub layers: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    /// Leading elements of a head that rotate.
    pub rope_dim: usize,
    /// At least 266.
    pub vocab: usize,
    pub context: usize,
    pub attention_bias: bool,
    pub mlp_bias: bool,
    /// Whether the output matrix is the embedding.
    pub tied: bool,
    pub theta: f64,
    pub eps: f32,
    pub scaling: Scaling,
    /// How matrices are stored; vectors are F32.
    pub dtype: DType,
}

/// Stretching of the rotary frequencies, as `config.json` has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scaling {
    None,
    Linear {
        factor: f64,
    },
    Llama3 {
        factor: f64,
        low: f64,
        high: f64,
        original: usize,
    },
    Yarn {
        factor: f64,
        original: usize,
    },
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            hidden: 32,
            intermediate: 64,
            layers: 2,
            heads: 4,
            kv_heads: 2,
            head_dim: 8,
            rope_dim: 8,
            vocab: 272,
            context: 64,
            attention_bias: false,
            mlp_bias: false,
            tied: true,
            theta: 10_000.0,
            eps: 1e-5,
            scaling: Scaling::None,
            dtype: DType::F32,
        }
    }
}

impl Shape {
    /// Rows and columns of a role's tensor; a vector has one row.
    pub fn dims(&self, role: Role) -> (usize, usize) {
        let queries = self.heads * self.head_dim;
        let keys = self.kv_heads * self.head_dim;
        match role {
            Role::Embedding | Role::Output => (self.vocab, self.hidden),
            Role::AttentionNorm | Role::FeedForwardNorm | Role::OutputNorm => (1, self.hidden),
            Role::Query => (queries, self.hidden),
            Role::QueryBias => (1, queries),
            Role::Key | Role::Value => (keys, self.hidden),
            Role::KeyBias | Role::ValueBias => (1, keys),
            Role::AttentionOutput => (self.hidden, queries),
            Role::AttentionOutputBias | Role::DownBias => (1, self.hidden),
            Role::Gate | Role::Up => (self.intermediate, self.hidden),
            Role::GateBias | Role::UpBias => (1, self.intermediate),
            Role::Down => (self.hidden, self.intermediate),
            other => unreachable!("Llama's files have no {other:?}"),
        }
    }

    fn has(&self, role: Role) -> bool {
        match role {
            Role::QueryBias | Role::KeyBias | Role::ValueBias | Role::AttentionOutputBias => {
                self.attention_bias
            }
            Role::GateBias | Role::UpBias | Role::DownBias => self.mlp_bias,
            Role::Output => !self.tied,
            Role::Embedding
            | Role::AttentionNorm
            | Role::Query
            | Role::Key
            | Role::Value
            | Role::AttentionOutput
            | Role::FeedForwardNorm
            | Role::Gate
            | Role::Up
            | Role::Down
            | Role::OutputNorm => true,
            // No file has it, or none of Llama.
            _ => false,
        }
    }
}

/// A model. Rows of Q and K are in interleaved order, as in GGUF and llama2.c.
#[derive(Debug, Clone)]
pub struct Tiny {
    pub shape: Shape,
    pub weights: BTreeMap<TensorKey, Stored>,
}

impl Tiny {
    /// Random weights that keep the activations near 1.
    pub fn new(shape: Shape, seed: u64) -> Self {
        let mut random = Random(seed);
        let mut weights = BTreeMap::new();
        for role in Role::ALL.into_iter().filter(|&role| shape.has(role)) {
            let layers = if role.is_per_layer() { shape.layers } else { 1 };
            for layer in 0..layers {
                let layer = role.is_per_layer().then_some(layer);
                let (rows, cols) = shape.dims(role);
                let stored = if role.is_matrix() {
                    let amplitude = (3.0 / cols as f64).sqrt() as f32;
                    Stored::random(&mut random, rows, cols, shape.dtype, amplitude)
                } else {
                    let middle = if format!("{role:?}").ends_with("Norm") {
                        1.0
                    } else {
                        0.0
                    };
                    let values = (0..cols).map(|_| middle + 0.3 * random.signed()).collect();
                    Stored::f32(1, cols, values)
                };
                weights.insert(TensorKey { layer, role }, stored);
            }
        }
        Self { shape, weights }
    }

    /// A tensor outside the layers, or of one.
    pub fn get(&self, layer: Option<usize>, role: Role) -> Option<&Stored> {
        self.weights.get(&TensorKey { layer, role })
    }
}

/// The types of GGUF whose blocks have 32 elements.
pub const BLOCK_TYPES: [DType; 5] = [
    DType::Q8_0,
    DType::Q4_0,
    DType::Q4_1,
    DType::Q5_0,
    DType::Q5_1,
];

/// All values of a tensor.
pub fn values(model: &Model, key: TensorKey) -> Vec<f32> {
    let tensor = model.tensor(key).unwrap();
    let mut values = vec![0.0; tensor.len()];
    tensor.dequantize_rows(0..tensor.rows(), &mut values);
    values
}

/// Asserts that a refusal names the file, the place in it, what is wrong and a remedy.
#[track_caller]
pub fn assert_refused<T>(
    what: &str,
    result: Result<T, edgegen::error::Error>,
    file: &str,
    place: &str,
    problem: &str,
) {
    let Err(error) = result else {
        panic!("{what}: not refused");
    };
    let text = error.to_string();
    let (first, help) = text
        .split_once("\n  help: ")
        .unwrap_or_else(|| panic!("{what}: no remedy in: {text}"));
    assert!(!help.is_empty(), "{what}: empty remedy");
    for part in [file, place, problem] {
        assert!(first.contains(part), "{what}: no {part:?} in: {text}");
    }
}
