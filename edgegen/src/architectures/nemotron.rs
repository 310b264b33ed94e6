//! `nemotron`: Nemotron-4 and Minitron (Parmar et al. 2024, arXiv:2402.16819): LayerNorm whose gain
//! is stored less 1, and the square of ReLU without a gate.

use crate::error::Result;
use crate::graph::Builder;
use crate::model::{Architecture, Role};

use super::family::{Defaults, Family, Names, Rotary, less_one, names};
use super::layer_norm::{self, Branches};
use super::llama::{self, LLAMA};
use super::qwen2;
use super::settings::Settings;

/// Names as llama.cpp's converter and `NemotronForCausalLM` give them.
pub(super) const NEMOTRON: Family = Family {
    gguf: Some("nemotron"),
    model_type: "nemotron",
    class: "NemotronForCausalLM",
    models: &["Minitron 4B–8B"],
    rope: Some(Rotary {
        part: Some(0.5),
        whole: false,
        ..qwen2::ROPE
    }),
    gguf_eps: "attention.layer_norm_epsilon",
    attributes: &[("rms_norm_eps", "norm_eps")],
    defaults: Defaults {
        rms_norm_eps: 1e-5,
        max_position_embeddings: 4096,
        ..LLAMA.defaults
    },
    biases: &[
        llama::ATTENTION_BIAS,
        ("mlp_bias", &[Role::UpBias, Role::DownBias]),
    ],
    activations: &["relu2"],
    gguf_keys,
    tensors: &[
        ENDS_AND_NORMS,
        layer_norm::BIASES,
        llama::ATTENTION,
        llama::FEED_FORWARD,
        llama::QKV_BIASES,
        llama::OUTPUT_BIAS,
        llama::FEED_FORWARD_BIASES,
    ],
    build,
    ..LLAMA
};

#[rustfmt::skip]
const ENDS_AND_NORMS: &[Names] = &[
    names(&[Role::Embedding], "token_embd.weight", "model.embed_tokens.weight"),
    less_one(&[Role::AttentionNorm], "blk.{}.attn_norm.weight", "model.layers.{}.input_layernorm.weight"),
    less_one(&[Role::FeedForwardNorm], "blk.{}.ffn_norm.weight", "model.layers.{}.post_attention_layernorm.weight"),
    less_one(&[Role::OutputNorm], "output_norm.weight", "model.norm.weight"),
    names(&[Role::Output], "output.weight", "lm_head.weight"),
];

/// The converter writes the epsilon twice.
fn gguf_keys(keys: &dyn Settings, a: &mut Architecture) -> Result<()> {
    let name = "attention.layer_norm_rms_epsilon";
    match keys.number(name)? {
        Some(eps) if eps as f32 != a.rms_norm_eps => {
            let supported = a.rms_norm_eps.to_string();
            Err(keys.unsupported(name, &eps.to_string(), &supported))
        }
        _ => Ok(()),
    }
}

fn build(g: &mut Builder<'_>) {
    let normed = layer_norm::network(
        g,
        Branches::InTurn,
        |g, x, role| g.linear(x, role),
        |g, x| {
            let up = g.linear(x, Role::Up);
            let hidden = g.relu2(up);
            g.linear(hidden, Role::Down)
        },
    );
    g.logits(normed);
}
