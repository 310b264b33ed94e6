//! `gpt2`: GPT-2 (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"):
//! learned positions, layer norms, biases everywhere, no gate.

use crate::graph::Builder;
use crate::model::Role;

use super::family::{Defaults, Family, Names, names, nothing, transposed};
use super::layer_norm::Project;
use super::llama;

/// Names as llama.cpp's converter and `GPT2LMHeadModel` give them; the original's files leave
/// `transformer.` out.
pub(super) const GPT2: Family = Family {
    gguf: Some("gpt2"),
    model_type: "gpt2",
    class: "GPT2LMHeadModel",
    models: &["GPT-2 124M–1.5B", "DistilGPT2 82M"],
    rope: None,
    gguf_eps: "attention.layer_norm_epsilon",
    attributes: &[
        ("hidden_act", "activation_function"),
        ("hidden_size", "n_embd"),
        ("intermediate_size", "n_inner"),
        ("max_position_embeddings", "n_positions"),
        ("num_attention_heads", "n_head"),
        ("num_hidden_layers", "n_layer"),
        ("rms_norm_eps", "layer_norm_epsilon"),
    ],
    defaults: Defaults {
        rms_norm_eps: 1e-5,
        tie_word_embeddings: true,
        max_position_embeddings: 1024,
        head_dim: None,
        intermediate_size: Some(4),
        grouped: false,
        biases: false,
    },
    biases: &[],
    hf_fields: nothing,
    gguf_keys: nothing,
    // Three names of one function.
    activations: &["gelu_new", "gelu_pytorch_tanh", "gelu_fast"],
    fields: &[
        ("add_cross_attention", &["false"]),
        ("n_ctx", &[]),
        ("n_special", &[]),
        ("predict_special_tokens", &[]),
        ("reorder_and_upcast_attn", &[]),
        ("scale_attn_by_inverse_layer_idx", &["false"]),
        ("scale_attn_weights", &["true"]),
        // They are of classifiers.
        ("summary_activation", &[]),
        ("summary_first_dropout", &[]),
        ("summary_proj_to_labels", &[]),
        ("summary_type", &[]),
        ("summary_use_proj", &[]),
    ],
    tensors: &[ENDS, NORMS, ATTENTION, FEED_FORWARD],
    // Masks of causal attention.
    skipped: &[".attn.bias", ".attn.masked_bias"],
    ternary: false,
    hf_prefix: "transformer.",
    build,
};

/// The tensors around the layers.
#[rustfmt::skip]
pub(super) const ENDS: &[Names] = &[
    names(&[Role::Embedding], "token_embd.weight", "wte.weight"),
    names(&[Role::Positions], "position_embd.weight", "wpe.weight"),
    names(&[Role::OutputNorm], "output_norm.weight", "ln_f.weight"),
    names(&[Role::OutputNormBias], "output_norm.bias", "ln_f.bias"),
    names(&[Role::Output], "output.weight", "lm_head.weight"),
];

/// The norms before the branches.
#[rustfmt::skip]
pub(super) const NORMS: &[Names] = &[
    names(&[Role::AttentionNorm], "blk.{}.attn_norm.weight", "h.{}.ln_1.weight"),
    names(&[Role::AttentionNormBias], "blk.{}.attn_norm.bias", "h.{}.ln_1.bias"),
    names(&[Role::FeedForwardNorm], "blk.{}.ffn_norm.weight", "h.{}.ln_2.weight"),
    names(&[Role::FeedForwardNormBias], "blk.{}.ffn_norm.bias", "h.{}.ln_2.bias"),
];

#[rustfmt::skip]
const ATTENTION: &[Names] = &[
    transposed(&[Role::Query, Role::Key, Role::Value], "blk.{}.attn_qkv.weight", "h.{}.attn.c_attn.weight"),
    names(&[Role::QueryBias, Role::KeyBias, Role::ValueBias], "blk.{}.attn_qkv.bias", "h.{}.attn.c_attn.bias"),
    transposed(&[Role::AttentionOutput], "blk.{}.attn_output.weight", "h.{}.attn.c_proj.weight"),
    names(&[Role::AttentionOutputBias], "blk.{}.attn_output.bias", "h.{}.attn.c_proj.bias"),
];

#[rustfmt::skip]
const FEED_FORWARD: &[Names] = &[
    transposed(&[Role::Up], "blk.{}.ffn_up.weight", "h.{}.mlp.c_fc.weight"),
    names(&[Role::UpBias], "blk.{}.ffn_up.bias", "h.{}.mlp.c_fc.bias"),
    transposed(&[Role::Down], "blk.{}.ffn_down.weight", "h.{}.mlp.c_proj.weight"),
    names(&[Role::DownBias], "blk.{}.ffn_down.bias", "h.{}.mlp.c_proj.bias"),
];

fn build(g: &mut Builder<'_>) {
    network(g, |g, x, role| g.biased(x, role));
}

/// The network. `project` makes queries, keys and values.
pub(super) fn network(g: &mut Builder<'_>, project: Project) {
    let mut x = g.embed(Role::Embedding);
    x = g.add_positions(x, Role::Positions);
    for _ in 0..g.architecture().num_hidden_layers {
        g.layer();
        let normed = g.layer_norm(x, Role::AttentionNorm, Role::AttentionNormBias);
        let [query, key, value] = llama::QKV.map(|role| project(g, normed, role));
        let attended = g.attention(query, key, value);
        let output = g.biased(attended, Role::AttentionOutput);
        x = g.add(x, output);

        let normed = g.layer_norm(x, Role::FeedForwardNorm, Role::FeedForwardNormBias);
        let up = g.biased(normed, Role::Up);
        let hidden = g.gelu(up);
        let down = g.biased(hidden, Role::Down);
        x = g.add(x, down);
    }
    g.head();
    let normed = g.layer_norm(x, Role::OutputNorm, Role::OutputNormBias);
    g.logits(normed);
}
