//! Writes GGUF (ggml's docs/gguf.md), right or wrong.

use edgegen::model::{DType, Role};

use super::{Scaling, Tiny, oracle, vocabulary};

/// A file before it is written: tests change what they want wrong.
#[derive(Debug, Clone)]
pub struct Gguf {
    pub version: u32,
    /// Key, number of the type, bytes of the value.
    pub keys: Vec<(String, u32, Vec<u8>)>,
    pub tensors: Vec<Entry>,
    pub alignment: usize,
}

/// A tensor. `offset` is chosen when the file is written, unless it is given.
#[derive(Debug, Clone)]
pub struct Entry {
    pub name: String,
    pub dims: Vec<u64>,
    pub kind: u32,
    pub bytes: Vec<u8>,
    pub offset: Option<u64>,
}

impl Gguf {
    /// The file of a model.
    pub fn new(tiny: &Tiny) -> Self {
        let mut file = Self {
            version: 3,
            keys: Vec::new(),
            tensors: Vec::new(),
            alignment: 32,
        };
        file.configuration(tiny);
        file.tokenizer(tiny.shape.vocab);
        for (key, stored) in &tiny.weights {
            let dims = match key.role.is_matrix() {
                true => vec![stored.cols as u64, stored.rows as u64],
                false => vec![stored.cols as u64],
            };
            file.tensors.push(Entry {
                name: name(key.role, key.layer),
                dims,
                kind: kind(stored.dtype),
                bytes: stored.bytes.clone(),
                offset: None,
            });
        }
        file
    }

    fn configuration(&mut self, tiny: &Tiny) {
        let shape = &tiny.shape;
        // As Llama, whose heads are rotated whole.
        let architecture = match shape.rope_dim == shape.head_dim {
            true => "llama",
            false => "granite",
        };
        let key = |name: &str| format!("{architecture}.{name}");
        self.text("general.architecture", architecture);
        self.text("general.name", "tiny");
        self.text("general.license", "mit");
        self.u32("general.alignment", 32);
        for (name, value) in [
            ("block_count", shape.layers),
            ("context_length", shape.context),
            ("embedding_length", shape.hidden),
            ("feed_forward_length", shape.intermediate),
            ("vocab_size", shape.vocab),
            ("attention.head_count", shape.heads),
            ("attention.head_count_kv", shape.kv_heads),
            ("attention.key_length", shape.head_dim),
            ("attention.value_length", shape.head_dim),
            ("rope.dimension_count", shape.rope_dim),
        ] {
            self.u32(&key(name), value as u32);
        }
        self.f32(&key("attention.layer_norm_rms_epsilon"), shape.eps);
        self.f32(&key("rope.freq_base"), shape.theta as f32);
        match shape.scaling {
            Scaling::None => {}
            Scaling::Linear { factor } => {
                self.text(&key("rope.scaling.type"), "linear");
                self.f32(&key("rope.scaling.factor"), factor as f32);
            }
            Scaling::Yarn { factor, original } => {
                self.text(&key("rope.scaling.type"), "yarn");
                self.f32(&key("rope.scaling.factor"), factor as f32);
                self.u32(
                    &key("rope.scaling.original_context_length"),
                    original as u32,
                );
            }
            // The converter stores what the frequencies are divided by.
            Scaling::Llama3 { .. } => {
                let plain = oracle::frequencies(&super::Shape {
                    scaling: Scaling::None,
                    ..shape.clone()
                });
                let factors: Vec<f32> = plain
                    .iter()
                    .zip(oracle::frequencies(shape))
                    .map(|(plain, scaled)| (plain / scaled) as f32)
                    .collect();
                self.tensors.push(Entry {
                    name: "rope_freqs.weight".into(),
                    dims: vec![factors.len() as u64],
                    kind: 0,
                    bytes: factors.iter().flat_map(|v| v.to_le_bytes()).collect(),
                    offset: None,
                });
            }
        }
    }

    fn tokenizer(&mut self, size: usize) {
        let pieces = vocabulary::pieces(size);
        self.text("tokenizer.ggml.model", "llama");
        let texts: Vec<&str> = pieces.iter().map(|p| p.text.as_str()).collect();
        self.texts("tokenizer.ggml.tokens", &texts);
        let scores = pieces.iter().flat_map(|p| p.score.to_le_bytes());
        self.array("tokenizer.ggml.scores", 6, size, scores.collect());
        let kinds = pieces.iter().flat_map(|p| p.kind.to_le_bytes());
        self.array("tokenizer.ggml.token_type", 5, size, kinds.collect());
        self.u32("tokenizer.ggml.bos_token_id", 1);
        self.u32("tokenizer.ggml.eos_token_id", 2);
    }

    /// Sets a key, in place of the one that is there.
    pub fn set(&mut self, key: &str, kind: u32, bytes: Vec<u8>) {
        self.remove(key);
        self.keys.push((key.to_owned(), kind, bytes));
    }

    pub fn remove(&mut self, key: &str) {
        self.keys.retain(|(name, ..)| name != key);
    }

    pub fn u32(&mut self, key: &str, value: u32) {
        self.set(key, 4, value.to_le_bytes().to_vec());
    }

    pub fn f32(&mut self, key: &str, value: f32) {
        self.set(key, 6, value.to_le_bytes().to_vec());
    }

    pub fn bool(&mut self, key: &str, value: bool) {
        self.set(key, 7, vec![value.into()]);
    }

    pub fn text(&mut self, key: &str, value: &str) {
        self.set(key, 8, string(value));
    }

    pub fn texts(&mut self, key: &str, values: &[&str]) {
        let bytes = values.iter().flat_map(|value| string(value)).collect();
        self.array(key, 8, values.len(), bytes);
    }

    pub fn array(&mut self, key: &str, kind: u32, count: usize, bytes: Vec<u8>) {
        let mut value = kind.to_le_bytes().to_vec();
        value.extend((count as u64).to_le_bytes());
        value.extend(bytes);
        self.set(key, 9, value);
    }

    /// The tensor of that name.
    pub fn tensor(&mut self, name: &str) -> &mut Entry {
        self.tensors.iter_mut().find(|t| t.name == name).unwrap()
    }

    /// The file's header, and the whole file.
    pub fn write(&self) -> (usize, Vec<u8>) {
        let mut file = b"GGUF".to_vec();
        file.extend(self.version.to_le_bytes());
        file.extend((self.tensors.len() as u64).to_le_bytes());
        file.extend((self.keys.len() as u64).to_le_bytes());
        for (key, kind, value) in &self.keys {
            file.extend(string(key));
            file.extend(kind.to_le_bytes());
            file.extend(value);
        }
        let mut data = Vec::new();
        for tensor in &self.tensors {
            file.extend(string(&tensor.name));
            file.extend((tensor.dims.len() as u32).to_le_bytes());
            file.extend(tensor.dims.iter().flat_map(|d| d.to_le_bytes()));
            file.extend(tensor.kind.to_le_bytes());
            file.extend(tensor.offset.unwrap_or(data.len() as u64).to_le_bytes());
            data.extend(&tensor.bytes);
            data.resize(data.len().next_multiple_of(self.alignment), 0);
        }
        let header = file.len();
        file.resize(header.next_multiple_of(self.alignment), 0);
        file.extend(data);
        (header, file)
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.write().1
    }
}

fn string(text: &str) -> Vec<u8> {
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}

/// ggml's number of a type (`ggml_type` in ggml.h).
fn kind(dtype: DType) -> u32 {
    match dtype {
        DType::F32 => 0,
        DType::F16 => 1,
        DType::Q4_0 => 2,
        DType::Q4_1 => 3,
        DType::Q5_0 => 6,
        DType::Q5_1 => 7,
        DType::Q8_0 => 8,
        DType::Q2_K => 10,
        DType::Q3_K => 11,
        DType::Q4_K => 12,
        DType::Q5_K => 13,
        DType::Q6_K => 14,
        DType::IQ4_NL => 20,
        DType::IQ4_XS => 23,
        DType::BF16 => 30,
        DType::TQ1_0 => 34,
        DType::TQ2_0 => 35,
        DType::MXFP4 => 39,
        DType::Q1_0 => 41,
        DType::Q2_0 => 42,
        other => panic!("{} is not written", other.name()),
    }
}

/// llama.cpp's name of a tensor.
fn name(role: Role, layer: Option<usize>) -> String {
    let part = match role {
        Role::Embedding => "token_embd.weight",
        Role::OutputNorm => "output_norm.weight",
        Role::Output => "output.weight",
        Role::AttentionNorm => "attn_norm.weight",
        Role::Query => "attn_q.weight",
        Role::QueryBias => "attn_q.bias",
        Role::Key => "attn_k.weight",
        Role::KeyBias => "attn_k.bias",
        Role::Value => "attn_v.weight",
        Role::ValueBias => "attn_v.bias",
        Role::AttentionOutput => "attn_output.weight",
        Role::AttentionOutputBias => "attn_output.bias",
        Role::FeedForwardNorm => "ffn_norm.weight",
        Role::Gate => "ffn_gate.weight",
        Role::GateBias => "ffn_gate.bias",
        Role::Up => "ffn_up.weight",
        Role::UpBias => "ffn_up.bias",
        Role::Down => "ffn_down.weight",
        Role::DownBias => "ffn_down.bias",
        other => unreachable!("Llama's files have no {other:?}"),
    };
    layer.map_or(part.to_owned(), |layer| format!("blk.{layer}.{part}"))
}
