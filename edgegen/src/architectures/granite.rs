//! `granite`: Granite 3 (IBM 2024): Llama with constant factors, as in muP (Yang et al. 2022,
//! arXiv:2203.03466).

use crate::error::Result;
use crate::model::Architecture;

use super::family::{Family, Rotary};
use super::llama::{self, LLAMA};
use super::settings::Settings;

/// Names as llama.cpp's converter and `GraniteForCausalLM` give them.
pub(super) const GRANITE: Family = Family {
    gguf: Some("granite"),
    model_type: "granite",
    class: "GraniteForCausalLM",
    models: &["Granite 3.0–3.3 2B–8B"],
    rope: Some(Rotary {
        whole: false,
        ..llama::ROPE
    }),
    hf_fields,
    gguf_keys,
    skipped: &[],
    ..LLAMA
};

/// Each is 1 unless it is given.
fn hf_fields(fields: &dyn Settings, a: &mut Architecture) -> Result<()> {
    let number = |name| Ok(fields.number(name)?.unwrap_or(1.0));
    a.attention_scale = number("attention_multiplier")? as f32;
    a.multipliers.embedding = number("embedding_multiplier")? as f32;
    a.multipliers.residual = number("residual_multiplier")? as f32;
    a.multipliers.logits = (1.0 / number("logits_scaling")?) as f32;
    Ok(())
}

/// What is missing or 0 is none.
fn gguf_keys(keys: &dyn Settings, a: &mut Architecture) -> Result<()> {
    let number = |name| Ok(keys.number(name)?.filter(|&number| number != 0.0));
    if let Some(scale) = number("attention.scale")? {
        a.attention_scale = scale as f32;
    }
    a.multipliers.embedding = number("embedding_scale")?.unwrap_or(1.0) as f32;
    a.multipliers.residual = number("residual_scale")?.unwrap_or(1.0) as f32;
    a.multipliers.logits = (1.0 / number("logit_scale")?.unwrap_or(1.0)) as f32;
    // In files of this architecture it is a switch of RoPE.
    match keys.flag("rope.scaling.finetuned")? {
        Some(false) => Err(keys.unsupported("rope.scaling.finetuned", "false", "true")),
        _ => Ok(()),
    }
}
