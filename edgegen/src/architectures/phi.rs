//! `phi`: Phi-1, Phi-1.5 and Phi-2 (Gunasekar et al. 2023, arXiv:2306.11644): branches side by side
//! behind one LayerNorm, and biases everywhere, of the output projection too.

use crate::graph::Builder;
use crate::model::Role;

use super::family::{Defaults, Family, Names, Rotary, names};
use super::gpt2::GPT2;
use super::layer_norm::{self, Branches};
use super::llama::LLAMA;
use super::qwen2;

/// Names as llama.cpp's converter and `PhiForCausalLM` give them.
pub(super) const PHI: Family = Family {
    gguf: Some("phi2"),
    model_type: "phi",
    class: "PhiForCausalLM",
    models: &["Phi-1 1.3B", "Phi-1.5 1.3B", "Phi-2 2.7B"],
    rope: Some(Rotary {
        part: Some(0.5),
        whole: false,
        ..qwen2::ROPE
    }),
    gguf_eps: "attention.layer_norm_epsilon",
    attributes: &[("rms_norm_eps", "layer_norm_eps")],
    defaults: Defaults {
        rms_norm_eps: 1e-5,
        ..LLAMA.defaults
    },
    biases: &[],
    activations: GPT2.activations,
    tensors: &[TENSORS],
    build,
    ..LLAMA
};

#[rustfmt::skip]
const TENSORS: &[Names] = &[
    names(&[Role::Embedding], "token_embd.weight", "model.embed_tokens.weight"),
    names(&[Role::AttentionNorm], "blk.{}.attn_norm.weight", "model.layers.{}.input_layernorm.weight"),
    names(&[Role::AttentionNormBias], "blk.{}.attn_norm.bias", "model.layers.{}.input_layernorm.bias"),
    names(&[Role::Query], "blk.{}.attn_q.weight", "model.layers.{}.self_attn.q_proj.weight"),
    names(&[Role::QueryBias], "blk.{}.attn_q.bias", "model.layers.{}.self_attn.q_proj.bias"),
    names(&[Role::Key], "blk.{}.attn_k.weight", "model.layers.{}.self_attn.k_proj.weight"),
    names(&[Role::KeyBias], "blk.{}.attn_k.bias", "model.layers.{}.self_attn.k_proj.bias"),
    names(&[Role::Value], "blk.{}.attn_v.weight", "model.layers.{}.self_attn.v_proj.weight"),
    names(&[Role::ValueBias], "blk.{}.attn_v.bias", "model.layers.{}.self_attn.v_proj.bias"),
    names(&[Role::AttentionOutput], "blk.{}.attn_output.weight", "model.layers.{}.self_attn.dense.weight"),
    names(&[Role::AttentionOutputBias], "blk.{}.attn_output.bias", "model.layers.{}.self_attn.dense.bias"),
    names(&[Role::Up], "blk.{}.ffn_up.weight", "model.layers.{}.mlp.fc1.weight"),
    names(&[Role::UpBias], "blk.{}.ffn_up.bias", "model.layers.{}.mlp.fc1.bias"),
    names(&[Role::Down], "blk.{}.ffn_down.weight", "model.layers.{}.mlp.fc2.weight"),
    names(&[Role::DownBias], "blk.{}.ffn_down.bias", "model.layers.{}.mlp.fc2.bias"),
    names(&[Role::OutputNorm], "output_norm.weight", "model.final_layernorm.weight"),
    names(&[Role::OutputNormBias], "output_norm.bias", "model.final_layernorm.bias"),
    names(&[Role::Output], "output.weight", "lm_head.weight"),
    names(&[Role::OutputBias], "output.bias", "lm_head.bias"),
];

fn build(g: &mut Builder<'_>) {
    let normed = layer_norm::network(
        g,
        Branches::Together,
        |g, x, role| g.biased(x, role),
        |g, x| {
            let up = g.biased(x, Role::Up);
            let hidden = g.gelu(up);
            g.biased(hidden, Role::Down)
        },
    );
    g.biased_logits(normed);
}
