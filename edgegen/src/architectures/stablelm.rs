//! `stablelm`: StableLM 3B and 2 (Bellagente et al. 2024, arXiv:2402.17834): Llama with LayerNorm and
//! RoPE of a part of each head, and in some models with norms of each head's queries and keys, or with
//! branches side by side.

use crate::error::Result;
use crate::graph::{Builder, ValueId};
use crate::model::{Architecture, Role};

use super::family::{Defaults, Family, Names, Rotary, per_head};
use super::layer_norm::{self, Branches};
use super::llama::{self, LLAMA};
use super::qwen2;
use super::settings::Settings;

/// Names as llama.cpp's converter and `StableLmForCausalLM` give them.
pub(super) const STABLELM: Family = Family {
    gguf: Some("stablelm"),
    model_type: "stablelm",
    class: "StableLmForCausalLM",
    models: &["StableLM 3B", "StableLM 2 1.6B"],
    rope: Some(Rotary {
        part: Some(0.25),
        whole: false,
        ..qwen2::ROPE
    }),
    gguf_eps: "attention.layer_norm_epsilon",
    attributes: &[("rms_norm_eps", "layer_norm_eps")],
    defaults: Defaults {
        rms_norm_eps: 1e-5,
        max_position_embeddings: 4096,
        ..LLAMA.defaults
    },
    biases: &[
        (
            "use_qkv_bias",
            &[Role::QueryBias, Role::KeyBias, Role::ValueBias],
        ),
        ("qk_layernorm", &[Role::QueriesNorm, Role::KeysNorm]),
    ],
    hf_fields,
    gguf_keys,
    // Words of the class before.
    fields: &[("num_heads", &[]), ("rope_pct", &[])],
    tensors: &[
        llama::ENDS,
        llama::NORMS,
        layer_norm::BIASES,
        llama::ATTENTION,
        llama::FEED_FORWARD,
        llama::QKV_BIASES,
        HEAD_NORMS,
    ],
    build,
    ..LLAMA
};

#[rustfmt::skip]
const HEAD_NORMS: &[Names] = &[
    per_head(&[Role::QueriesNorm], "blk.{}.attn_q_norm.weight", "model.layers.{}.self_attn.q_layernorm.norms.{}.weight"),
    per_head(&[Role::KeysNorm], "blk.{}.attn_k_norm.weight", "model.layers.{}.self_attn.k_layernorm.norms.{}.weight"),
];

fn hf_fields(fields: &dyn Settings, a: &mut Architecture) -> Result<()> {
    let parallel = fields.flag("use_parallel_residual")?;
    a.parallel_residual = Some(parallel.unwrap_or(false));
    Ok(())
}

/// llama.cpp does not read it, and its converter writes true where a model says nothing.
fn gguf_keys(keys: &dyn Settings, _: &mut Architecture) -> Result<()> {
    keys.flag("use_parallel_residual").map(drop)
}

fn build(g: &mut Builder<'_>) {
    let has_second = g.layers_have(Role::FeedForwardNorm);
    let branches = match g.architecture().parallel_residual.unwrap_or(!has_second) {
        true => Branches::Together,
        false => Branches::InTurn,
    };
    let normed = layer_norm::network(g, branches, project, llama::feed_forward);
    g.logits(normed);
}

/// The product by a matrix; queries and keys are normed, where the model has gains for that.
fn project(g: &mut Builder<'_>, x: ValueId, role: Role) -> ValueId {
    let product = g.linear(x, role);
    let gain = match role {
        Role::Query => Role::QueriesNorm,
        Role::Key => Role::KeysNorm,
        _ => return product,
    };
    match g.has(gain) {
        true => g.head_layer_norm(product, gain),
        false => product,
    }
}
