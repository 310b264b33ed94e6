//! `qwen3`: Qwen3 (Yang et al. 2025, arXiv:2505.09388): Llama with norms of each head's queries and
//! keys.

use crate::graph::{Builder, ValueId};
use crate::model::Role;

use super::family::{Defaults, Family, Names, names};
use super::llama::{self, LLAMA};
use super::{qwen2, windows};

/// Names as llama.cpp's converter and `Qwen3ForCausalLM` give them.
pub(super) const QWEN3: Family = Family {
    gguf: Some("qwen3"),
    model_type: "qwen3",
    class: "Qwen3ForCausalLM",
    models: &["Qwen3 0.6B–8B"],
    rope: Some(qwen2::ROPE),
    defaults: Defaults {
        max_position_embeddings: 32_768,
        head_dim: Some(128),
        ..LLAMA.defaults
    },
    biases: &[llama::ATTENTION_BIAS],
    hf_fields: windows::from_a_layer,
    tensors: &[
        llama::ENDS,
        llama::NORMS,
        llama::ATTENTION,
        llama::FEED_FORWARD,
        NORMS,
        llama::QKV_BIASES,
        llama::OUTPUT_BIAS,
    ],
    skipped: &[],
    build,
    ..LLAMA
};

/// The norms of heads.
#[rustfmt::skip]
pub(super) const NORMS: &[Names] = &[
    names(&[Role::QueryNorm], "blk.{}.attn_q_norm.weight", "model.layers.{}.self_attn.q_norm.weight"),
    names(&[Role::KeyNorm], "blk.{}.attn_k_norm.weight", "model.layers.{}.self_attn.k_norm.weight"),
];

fn build(g: &mut Builder<'_>) {
    llama::network(g, project);
}

/// What attention takes of a layer's input, with norms of heads before RoPE.
pub(super) fn project(g: &mut Builder<'_>, x: ValueId) -> [ValueId; 3] {
    let [query, key, value] = llama::QKV.map(|role| g.linear(x, role));
    let query = g.head_norm(query, Role::QueryNorm);
    let key = g.head_norm(key, Role::KeyNorm);
    llama::rotated(g, [query, key, value])
}
