//! `stablelm`: StableLM 3B and 2 (Bellagente et al. 2024, arXiv:2402.17834): Llama with LayerNorm and
//! RoPE of a part of each head, and in some models with branches side by side.

use crate::error::Result;
use crate::graph::Builder;
use crate::model::{Architecture, Role};

use super::family::{Defaults, Family, Rotary};
use super::layer_norm::{self, Branches};
use super::llama::{self, LLAMA};
use super::qwen2;
use super::settings::Settings;

/// Names as llama.cpp's converter and `StableLmForCausalLM` give them.
pub(super) const STABLELM: Family = Family {
    gguf: Some("stablelm"),
    model_type: "stablelm",
    rope: Some(Rotary {
        part: Some(0.25),
        ..qwen2::ROPE
    }),
    gguf_eps: "attention.layer_norm_epsilon",
    attributes: &[("rms_norm_eps", "layer_norm_eps")],
    defaults: Defaults {
        rms_norm_eps: 1e-5,
        ..LLAMA.defaults
    },
    biases: &[(
        "use_qkv_bias",
        &[Role::QueryBias, Role::KeyBias, Role::ValueBias],
    )],
    hf_fields: side_by_side,
    gguf_keys: side_by_side,
    tensors: &[
        llama::ENDS,
        llama::NORMS,
        layer_norm::BIASES,
        llama::ATTENTION,
        llama::FEED_FORWARD,
        llama::QKV_BIASES,
    ],
    build,
    ..LLAMA
};

/// Both formats have the same name for it, and the same default.
fn side_by_side(settings: &dyn Settings, a: &mut Architecture) -> Result<()> {
    a.parallel_residual = settings.flag("use_parallel_residual")?.unwrap_or(false);
    Ok(())
}

fn build(g: &mut Builder<'_>) {
    let branches = match g.architecture().parallel_residual {
        true => Branches::Together,
        false => Branches::InTurn,
    };
    let normed = layer_norm::network(
        g,
        branches,
        |g, x, role| g.linear(x, role),
        llama::feed_forward,
    );
    g.logits(normed);
}
