//! `gemma3`: Gemma 3's text models (Gemma Team 2025, arXiv:2503.19786): Gemma 2 with norms of each
//! head's queries and keys, a window in five of six layers, and RoPE of another base in these.

use crate::error::Result;
use crate::graph::Builder;
use crate::model::{Architecture, Caps, Role};

use super::family::{Defaults, Family, Names, Rotary, less_one};
use super::gemma2::{self, GEMMA2};
use super::llama;
use super::settings::Settings;
use super::{qwen3, windows};

/// Names as llama.cpp's converter and `Gemma3ForCausalLM` give them.
pub(super) const GEMMA3: Family = Family {
    gguf: Some("gemma3"),
    model_type: "gemma3_text",
    class: "Gemma3ForCausalLM",
    models: &["Gemma 3 270M–1B"],
    rope: Some(Rotary {
        theta: 1_000_000.0,
        ..gemma2::ROPE
    }),
    defaults: Defaults {
        max_position_embeddings: 131_072,
        ..GEMMA2.defaults
    },
    hf_fields,
    gguf_keys,
    tensors: &[
        gemma2::ENDS,
        gemma2::NORMS,
        HEAD_NORMS,
        llama::ATTENTION,
        llama::FEED_FORWARD,
        llama::QKV_BIASES,
        llama::OUTPUT_BIAS,
    ],
    build,
    ..GEMMA2
};

#[rustfmt::skip]
const HEAD_NORMS: &[Names] = &[
    less_one(&[Role::QueryNorm], "blk.{}.attn_q_norm.weight", "model.layers.{}.self_attn.q_norm.weight"),
    less_one(&[Role::KeyNorm], "blk.{}.attn_k_norm.weight", "model.layers.{}.self_attn.k_norm.weight"),
];

/// Of how many layers the last has no window, where nothing is said.
const PERIOD: usize = 6;

/// The base of RoPE in layers with a window, where nothing is said.
const BASE: f64 = 10_000.0;

fn hf_fields(fields: &dyn Settings, a: &mut Architecture) -> Result<()> {
    gemma2::constants(fields, a, Caps::default())?;
    // transformers reads a bound of scores, and does without.
    a.caps.scores = None;
    windows::by_period(fields, a, PERIOD)?;
    let base = fields.number("rope_local_base_freq")?;
    windows::rope_as_trained(a, Some(base.unwrap_or(BASE)));
    Ok(())
}

fn gguf_keys(keys: &dyn Settings, a: &mut Architecture) -> Result<()> {
    gemma2::scale_embedding(a);
    gemma2::caps(keys, a, Caps::default())?;
    windows::by_pattern(keys, a, None, windows::but_each(PERIOD))?;
    let base = keys.number("rope.freq_base_swa")?;
    windows::rope_as_trained(a, Some(base.unwrap_or(BASE)));
    Ok(())
}

fn build(g: &mut Builder<'_>) {
    gemma2::network(g, qwen3::project);
}
