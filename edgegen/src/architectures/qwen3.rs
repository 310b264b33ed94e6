//! `qwen3`: Qwen3 (Yang et al. 2025, arXiv:2505.09388): Llama with norms of each head's queries and
//! keys.

use crate::graph::Builder;
use crate::model::{Role, RopeLayout};

use super::family::{Defaults, Family, Layouts, Names, names};
use super::llama;

/// Names as llama.cpp's converter and `Qwen3ForCausalLM` give them.
pub(super) const QWEN3: Family = Family {
    gguf: "qwen3",
    model_type: "qwen3",
    rope: Some(Layouts {
        gguf: RopeLayout::Halves,
        hf: RopeLayout::Halves,
    }),
    gguf_eps: "attention.layer_norm_rms_epsilon",
    attributes: &[],
    defaults: Defaults {
        rms_norm_eps: 1e-6,
        tie_word_embeddings: false,
        intermediate_size: None,
        grouped: true,
        biases: true,
    },
    activations: &["silu", "swish"],
    fields: &[
        // The width of windows that are off.
        ("sliding_window", &[]),
        ("use_sliding_window", &["false"]),
    ],
    tensors: &[llama::WEIGHTS, NORMS],
    skipped: &[],
    hf_prefix: "",
    build,
};

#[rustfmt::skip]
const NORMS: &[Names] = &[
    names(&[Role::QueryNorm], "blk.{}.attn_q_norm.weight", "model.layers.{}.self_attn.q_norm.weight"),
    names(&[Role::KeyNorm], "blk.{}.attn_k_norm.weight", "model.layers.{}.self_attn.k_norm.weight"),
];

fn build(g: &mut Builder<'_>) {
    llama::network(g, |g, x| {
        let [query, key, value] = llama::QKV.map(|role| g.linear(x, role));
        let query = g.head_norm(query, Role::QueryNorm);
        let key = g.head_norm(key, Role::KeyNorm);
        [query, key, value]
    });
}
