//! `gpt_neox`: GPT-NeoX and Pythia (Black et al. 2022, arXiv:2204.06745; Biderman et al. 2023,
//! arXiv:2304.01373): branches side by side behind a LayerNorm each, and GELU by `erf`.

use crate::error::Result;
use crate::graph::Builder;
use crate::model::{Architecture, Role};

use super::family::{Defaults, Family, Names, Rotary, by_head, names};
use super::layer_norm::{self, Branches};
use super::llama::{self, LLAMA};
use super::qwen2;
use super::settings::Settings;

/// Names as llama.cpp's converter and `GPTNeoXForCausalLM` give them.
pub(super) const GPT_NEOX: Family = Family {
    gguf: Some("gptneox"),
    model_type: "gpt_neox",
    class: "GPTNeoXForCausalLM",
    models: &["Pythia 14M–6.9B"],
    rope: Some(Rotary {
        part: Some(0.25),
        whole: false,
        ..qwen2::ROPE
    }),
    gguf_eps: "attention.layer_norm_epsilon",
    attributes: &[
        ("partial_rotary_factor", "rotary_pct"),
        ("rms_norm_eps", "layer_norm_eps"),
        ("rope_theta", "rotary_emb_base"),
    ],
    defaults: Defaults {
        rms_norm_eps: 1e-5,
        grouped: false,
        biases: true,
        ..LLAMA.defaults
    },
    biases: &[llama::ATTENTION_BIAS],
    hf_fields: side_by_side,
    gguf_keys: side_by_side,
    activations: &["gelu"],
    fields: &[],
    tensors: &[TENSORS],
    // Masks of causal attention, and the frequencies of plain RoPE.
    skipped: &[
        ".attention.bias",
        ".attention.masked_bias",
        "rotary_emb.inv_freq",
    ],
    ternary: false,
    hf_prefix: "gpt_neox.",
    build,
};

#[rustfmt::skip]
const TENSORS: &[Names] = &[
    names(&[Role::Embedding], "token_embd.weight", "embed_in.weight"),
    names(&[Role::AttentionNorm], "blk.{}.attn_norm.weight", "layers.{}.input_layernorm.weight"),
    names(&[Role::AttentionNormBias], "blk.{}.attn_norm.bias", "layers.{}.input_layernorm.bias"),
    by_head(&[Role::Query, Role::Key, Role::Value], "blk.{}.attn_qkv.weight", "layers.{}.attention.query_key_value.weight"),
    by_head(&[Role::QueryBias, Role::KeyBias, Role::ValueBias], "blk.{}.attn_qkv.bias", "layers.{}.attention.query_key_value.bias"),
    names(&[Role::AttentionOutput], "blk.{}.attn_output.weight", "layers.{}.attention.dense.weight"),
    names(&[Role::AttentionOutputBias], "blk.{}.attn_output.bias", "layers.{}.attention.dense.bias"),
    names(&[Role::FeedForwardNorm], "blk.{}.ffn_norm.weight", "layers.{}.post_attention_layernorm.weight"),
    names(&[Role::FeedForwardNormBias], "blk.{}.ffn_norm.bias", "layers.{}.post_attention_layernorm.bias"),
    names(&[Role::Up], "blk.{}.ffn_up.weight", "layers.{}.mlp.dense_h_to_4h.weight"),
    names(&[Role::UpBias], "blk.{}.ffn_up.bias", "layers.{}.mlp.dense_h_to_4h.bias"),
    names(&[Role::Down], "blk.{}.ffn_down.weight", "layers.{}.mlp.dense_4h_to_h.weight"),
    names(&[Role::DownBias], "blk.{}.ffn_down.bias", "layers.{}.mlp.dense_4h_to_h.bias"),
    names(&[Role::OutputNorm], "output_norm.weight", "final_layer_norm.weight"),
    names(&[Role::OutputNormBias], "output_norm.bias", "final_layer_norm.bias"),
    names(&[Role::Output], "output.weight", "embed_out.weight"),
];

/// Both formats have the same name for it, and the same default.
fn side_by_side(settings: &dyn Settings, a: &mut Architecture) -> Result<()> {
    let parallel = settings.flag("use_parallel_residual")?;
    a.parallel_residual = Some(parallel.unwrap_or(true));
    Ok(())
}

fn build(g: &mut Builder<'_>) {
    let branches = match g.architecture().parallel_residual {
        Some(false) => Branches::InTurn,
        _ => Branches::Apart,
    };
    let normed = layer_norm::network(
        g,
        branches,
        |g, x, role| g.linear(x, role),
        |g, x| {
            let up = g.biased(x, Role::Up);
            let hidden = g.gelu_erf(up);
            g.biased(hidden, Role::Down)
        },
    );
    g.logits(normed);
}
