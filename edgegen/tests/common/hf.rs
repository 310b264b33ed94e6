//! Writes a Hugging Face folder.

use std::collections::BTreeMap;
use std::path::Path;

use edgegen::import::import;
use edgegen::model::{DType, Model, Role};
use serde_json::{Value, json};

use super::{Scaling, Stored, Tiny, vocabulary};

/// The files of a folder: tests change what they want wrong.
#[derive(Debug, Clone)]
pub struct Folder {
    pub config: Value,
    pub tokenizer: Value,
    pub tensors: Vec<Entry>,
    /// Other files, by name.
    others: Vec<(&'static str, Vec<u8>)>,
}

/// Name, type in safetensors, shape, bytes.
pub type Entry = (String, &'static str, Vec<usize>, Vec<u8>);

impl Folder {
    /// The folder of a model; block types are written as F32.
    pub fn new(tiny: &Tiny) -> Self {
        assert_eq!(tiny.shape.rope_dim, tiny.shape.head_dim, "all of a head");
        let tensors = tiny.weights.iter().map(|(key, stored)| {
            let heads = matches!(
                key.role,
                Role::Query | Role::QueryBias | Role::Key | Role::KeyBias
            );
            let values = match heads {
                true => halves(stored, tiny.shape.head_dim, key.role.is_matrix()),
                false => stored.values.clone(),
            };
            let shape = match key.role.is_matrix() {
                true => vec![stored.rows, stored.cols],
                false => vec![stored.cols],
            };
            let (dtype, bytes) = encode(stored.dtype, &values);
            (name(key.role, key.layer), dtype, shape, bytes)
        });
        Self {
            config: config(tiny),
            tokenizer: tokenizer(tiny.shape.vocab),
            tensors: tensors.collect(),
            others: Vec::new(),
        }
    }

    /// The files of a folder on disk.
    pub fn read(folder: &Path) -> Self {
        let file = |name: &str| std::fs::read(folder.join(name)).unwrap();
        let json = |name: &str| serde_json::from_slice(&file(name)).unwrap();
        let weights = file("model.safetensors");
        let (header, data) =
            weights[8..].split_at(u64::from_le_bytes(weights[..8].try_into().unwrap()) as usize);
        let header: BTreeMap<String, Value> = serde_json::from_slice(header).unwrap();
        let tensors = header
            .into_iter()
            .filter(|(name, _)| name != "__metadata__");
        let tensors = tensors.map(|(name, info)| {
            let numbers = |field: &str| -> Vec<usize> {
                serde_json::from_value(info[field].clone()).unwrap()
            };
            let dtype = match info["dtype"].as_str().unwrap() {
                "F32" => "F32",
                "U8" => "U8",
                other => panic!("no test has {other}"),
            };
            let ends = numbers("data_offsets");
            (
                name,
                dtype,
                numbers("shape"),
                data[ends[0]..ends[1]].to_vec(),
            )
        });
        Self {
            config: json("config.json"),
            tokenizer: json("tokenizer.json"),
            tensors: tensors.collect(),
            others: ["generation_config.json", "tokenizer_config.json"]
                .map(|name| (name, file(name)))
                .to_vec(),
        }
    }

    /// Adds a tensor that no text model has.
    pub fn add(&mut self, name: &str, dtype: &'static str, shape: &[usize]) {
        let width = if dtype == "F32" { 4 } else { 1 };
        let bytes = vec![1; width * shape.iter().product::<usize>()];
        self.tensors
            .push((name.to_owned(), dtype, shape.to_vec(), bytes));
    }

    /// The model.
    pub fn import(&self) -> edgegen::error::Result<Model> {
        let place = tempfile::tempdir().unwrap();
        self.write(place.path());
        import(place.path())
    }

    /// `model.safetensors`.
    pub fn safetensors(&self) -> Vec<u8> {
        safetensors(&self.tensors)
    }

    pub fn write(&self, folder: &Path) {
        let write = |name: &str, bytes: Vec<u8>| std::fs::write(folder.join(name), bytes).unwrap();
        write("config.json", self.config.to_string().into_bytes());
        write("tokenizer.json", self.tokenizer.to_string().into_bytes());
        write("model.safetensors", self.safetensors());
        for (name, bytes) in &self.others {
            write(name, bytes.clone());
        }
    }
}

/// A file of these tensors.
pub fn safetensors(tensors: &[Entry]) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    let mut data = Vec::<u8>::new();
    for (name, dtype, shape, bytes) in tensors {
        let start = data.len();
        data.extend(bytes);
        header.insert(
            name.clone(),
            json!({"dtype": dtype, "shape": shape, "data_offsets": [start, data.len()]}),
        );
    }
    let mut header = serde_json::to_vec(&header).unwrap();
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.extend(data);
    file
}

fn encode(dtype: DType, values: &[f32]) -> (&'static str, Vec<u8>) {
    match dtype {
        DType::F16 => (
            "F16",
            values
                .iter()
                .flat_map(|&v| half::f16::from_f32(v).to_le_bytes())
                .collect(),
        ),
        DType::BF16 => (
            "BF16",
            values
                .iter()
                .flat_map(|&v| half::bf16::from_f32(v).to_le_bytes())
                .collect(),
        ),
        _ => ("F32", values.iter().flat_map(|v| v.to_le_bytes()).collect()),
    }
}

/// Rows of Q or K from rotate-half order to interleaved pairs: the way back of [`halves`].
pub fn interleave(values: &[f32], head_dim: usize, cols: usize) -> Vec<f32> {
    let row = |at: usize| &values[at * cols..(at + 1) * cols];
    (0..values.len() / cols)
        .flat_map(|at| {
            let (head, within) = (at / head_dim, at % head_dim);
            row(head * head_dim + within / 2 + within % 2 * (head_dim / 2)).to_vec()
        })
        .collect()
}

/// Interleaved rows `(2i, 2i + 1)` of each head in the order of rotate-half.
fn halves(stored: &Stored, head_dim: usize, matrix: bool) -> Vec<f32> {
    let width = if matrix { stored.cols } else { 1 };
    let rows = stored.values.len() / width;
    (0..rows)
        .flat_map(|row| {
            let (head, at) = (row / head_dim, row % head_dim);
            let from = if at < head_dim / 2 {
                2 * at
            } else {
                2 * (at - head_dim / 2) + 1
            };
            let from = head * head_dim + from;
            stored.values[from * width..(from + 1) * width].to_vec()
        })
        .collect()
}

fn config(tiny: &Tiny) -> Value {
    let shape = &tiny.shape;
    let scaling = match shape.scaling {
        Scaling::None => Value::Null,
        Scaling::Linear { factor } => json!({"rope_type": "linear", "factor": factor}),
        Scaling::Llama3 {
            factor,
            low,
            high,
            original,
        } => json!({
            "rope_type": "llama3",
            "factor": factor,
            "low_freq_factor": low,
            "high_freq_factor": high,
            "original_max_position_embeddings": original,
        }),
        Scaling::Yarn { factor, original } => json!({
            "rope_type": "yarn",
            "factor": factor,
            "original_max_position_embeddings": original,
        }),
    };
    json!({
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": shape.hidden,
        "intermediate_size": shape.intermediate,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_dim,
        "vocab_size": shape.vocab,
        "max_position_embeddings": shape.context,
        "rms_norm_eps": shape.eps,
        "rope_theta": shape.theta,
        "rope_scaling": scaling,
        "attention_bias": shape.attention_bias,
        "mlp_bias": shape.mlp_bias,
        "tie_word_embeddings": shape.tied,
        "license": "mit",
    })
}

fn tokenizer(size: usize) -> Value {
    let pieces = vocabulary::pieces(size);
    let vocab: serde_json::Map<String, Value> = pieces
        .iter()
        .enumerate()
        .map(|(id, piece)| (piece.text.clone(), id.into()))
        .collect();
    let special = |id: u32, content: &str| {
        json!({
            "id": id, "content": content, "special": true, "single_word": false,
            "lstrip": false, "rstrip": false, "normalized": false,
        })
    };
    json!({
        "added_tokens": [special(0, "<unk>"), special(1, "<s>"), special(2, "</s>")],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        ]},
        "pre_tokenizer": null,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                {"SpecialToken": {"id": "<s>", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
            ],
            "pair": [],
            "special_tokens": {},
        },
        "model": {
            "type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
            "vocab": vocab, "merges": vocabulary::MERGES,
        },
    })
}

/// transformers' name of a tensor.
fn name(role: Role, layer: Option<usize>) -> String {
    let part = match role {
        Role::Embedding => "model.embed_tokens.weight",
        Role::OutputNorm => "model.norm.weight",
        Role::Output => "lm_head.weight",
        Role::AttentionNorm => "input_layernorm.weight",
        Role::Query => "self_attn.q_proj.weight",
        Role::QueryBias => "self_attn.q_proj.bias",
        Role::Key => "self_attn.k_proj.weight",
        Role::KeyBias => "self_attn.k_proj.bias",
        Role::Value => "self_attn.v_proj.weight",
        Role::ValueBias => "self_attn.v_proj.bias",
        Role::AttentionOutput => "self_attn.o_proj.weight",
        Role::AttentionOutputBias => "self_attn.o_proj.bias",
        Role::FeedForwardNorm => "post_attention_layernorm.weight",
        Role::Gate => "mlp.gate_proj.weight",
        Role::GateBias => "mlp.gate_proj.bias",
        Role::Up => "mlp.up_proj.weight",
        Role::UpBias => "mlp.up_proj.bias",
        Role::Down => "mlp.down_proj.weight",
        Role::DownBias => "mlp.down_proj.bias",
        other => unreachable!("Llama's files have no {other:?}"),
    };
    layer.map_or(part.to_owned(), |layer| {
        format!("model.layers.{layer}.{part}")
    })
}
