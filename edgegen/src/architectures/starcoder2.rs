//! `starcoder2`: StarCoder 2 (Lozhkov et al. 2024, arXiv:2402.19173): LayerNorm, biases, no gate.

use crate::graph::Builder;
use crate::model::Role;

use super::family::{Defaults, Family, Names, names};
use super::gpt2::GPT2;
use super::layer_norm::{self, Branches};
use super::llama::{self, LLAMA};
use super::{qwen2, windows};

/// Names as llama.cpp's converter and `Starcoder2ForCausalLM` give them.
pub(super) const STARCODER2: Family = Family {
    gguf: Some("starcoder2"),
    model_type: "starcoder2",
    class: "Starcoder2ForCausalLM",
    models: &["StarCoder2 3B–7B"],
    rope: Some(qwen2::ROPE),
    gguf_eps: "attention.layer_norm_epsilon",
    attributes: &[("rms_norm_eps", "norm_epsilon")],
    defaults: Defaults {
        rms_norm_eps: 1e-5,
        tie_word_embeddings: true,
        biases: true,
        max_position_embeddings: 4096,
        ..LLAMA.defaults
    },
    biases: &[(
        "use_bias",
        &[
            Role::QueryBias,
            Role::KeyBias,
            Role::ValueBias,
            Role::AttentionOutputBias,
            Role::UpBias,
            Role::DownBias,
        ],
    )],
    hf_fields: |fields, a| {
        let window = fields.size("sliding_window")?;
        windows::by_types(fields, a, window, |_| true).map(drop)
    },
    activations: GPT2.activations,
    // What no code reads: words of the class before, and of training.
    fields: &[
        ("activation_function", &["gelu", "gelu_pytorch_tanh"]),
        ("layer_norm_epsilon", &[]),
        ("norm_type", &["layer_norm"]),
        ("rms_norm_eps", &[]),
        ("scale_attn_weights", &["true"]),
    ],
    tensors: &[
        llama::ENDS,
        llama::NORMS,
        layer_norm::BIASES,
        llama::ATTENTION,
        llama::QKV_BIASES,
        llama::OUTPUT_BIAS,
        FEED_FORWARD,
    ],
    build,
    ..LLAMA
};

#[rustfmt::skip]
const FEED_FORWARD: &[Names] = &[
    names(&[Role::Up], "blk.{}.ffn_up.weight", "model.layers.{}.mlp.c_fc.weight"),
    names(&[Role::UpBias], "blk.{}.ffn_up.bias", "model.layers.{}.mlp.c_fc.bias"),
    names(&[Role::Down], "blk.{}.ffn_down.weight", "model.layers.{}.mlp.c_proj.weight"),
    names(&[Role::DownBias], "blk.{}.ffn_down.bias", "model.layers.{}.mlp.c_proj.bias"),
];

fn build(g: &mut Builder<'_>) {
    let normed = layer_norm::network(
        g,
        Branches::InTurn,
        |g, x, role| g.linear(x, role),
        |g, x| {
            let up = g.linear(x, Role::Up);
            let hidden = g.gelu(up);
            g.linear(hidden, Role::Down)
        },
    );
    g.logits(normed);
}
