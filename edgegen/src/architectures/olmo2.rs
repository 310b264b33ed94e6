//! `olmo2`: OLMo 2 (OLMo et al. 2025, arXiv:2501.00656): norms after the branches and none before,
//! and norms of all queries and of all keys together.

use crate::graph::{Builder, ValueId};
use crate::model::Role;

use super::family::{Defaults, Family, Names, names};
use super::llama::{self, LLAMA};
use super::{olmo3, qwen2};

/// Names as llama.cpp's converter and `Olmo2ForCausalLM` give them.
pub(super) const OLMO2: Family = Family {
    gguf: Some("olmo2"),
    model_type: "olmo2",
    class: "Olmo2ForCausalLM",
    models: &["OLMo 2 1B–13B"],
    rope: Some(qwen2::ROPE),
    defaults: Defaults {
        rms_norm_eps: 1e-5,
        ..LLAMA.defaults
    },
    biases: &[llama::ATTENTION_BIAS],
    tensors: &[
        llama::ENDS,
        NORMS,
        NORMS_AFTER,
        llama::ATTENTION,
        llama::FEED_FORWARD,
        llama::QKV_BIASES,
        llama::OUTPUT_BIAS,
    ],
    skipped: &[],
    gguf_keys: olmo3::gguf_keys,
    build,
    ..LLAMA
};

#[rustfmt::skip]
const NORMS: &[Names] = &[
    names(&[Role::QueriesNorm], "blk.{}.attn_q_norm.weight", "model.layers.{}.self_attn.q_norm.weight"),
    names(&[Role::KeysNorm], "blk.{}.attn_k_norm.weight", "model.layers.{}.self_attn.k_norm.weight"),
];

/// The norms after the branches.
#[rustfmt::skip]
pub(super) const NORMS_AFTER: &[Names] = &[
    names(&[Role::AttendedNorm], "blk.{}.post_attention_norm.weight", "model.layers.{}.post_attention_layernorm.weight"),
    names(&[Role::FedForwardNorm], "blk.{}.post_ffw_norm.weight", "model.layers.{}.post_feedforward_layernorm.weight"),
];

fn build(g: &mut Builder<'_>) {
    network(g, |g, x| {
        let [query, key, value] = llama::QKV.map(|role| g.linear(x, role));
        let query = g.rms_norm(query, Role::QueriesNorm);
        let key = g.rms_norm(key, Role::KeysNorm);
        llama::rotated(g, [query, key, value])
    });
}

/// The network, with the queries, keys and values that `project` makes of a layer's input.
pub(super) fn network(
    g: &mut Builder<'_>,
    project: impl Fn(&mut Builder<'_>, ValueId) -> [ValueId; 3],
) {
    let mut x = g.embed(Role::Embedding);
    for _ in 0..g.architecture().num_hidden_layers {
        g.layer();
        let [query, key, value] = project(g, x);
        let attended = g.attention(query, key, value);
        let output = g.linear(attended, Role::AttentionOutput);
        let output = g.rms_norm(output, Role::AttendedNorm);
        x = g.add(x, output);

        let down = llama::feed_forward(g, x);
        let down = g.rms_norm(down, Role::FedForwardNorm);
        x = g.add(x, down);
    }
    g.head();
    let normed = g.rms_norm(x, Role::OutputNorm);
    g.logits(normed);
}
