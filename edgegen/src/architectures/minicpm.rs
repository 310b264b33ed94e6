//! `minicpm`: MiniCPM 1 and 2 (Hu et al. 2024, arXiv:2404.06395): Llama with constant factors.

use crate::error::Result;
use crate::model::Architecture;

use super::family::{Defaults, Family, Rotary};
use super::llama::{self, LLAMA};
use super::settings::Settings;

/// Names as llama.cpp's converter and the models' own `MiniCPMForCausalLM` give them.
pub(super) const MINICPM: Family = Family {
    gguf: Some("minicpm"),
    model_type: "minicpm",
    class: "MiniCPMForCausalLM",
    models: &["MiniCPM 1.2B–2.4B"],
    defaults: Defaults {
        tie_word_embeddings: true,
        ..LLAMA.defaults
    },
    biases: &[llama::ATTENTION_BIAS],
    rope: Some(Rotary {
        whole: false,
        ..llama::ROPE
    }),
    hf_fields,
    gguf_keys,
    skipped: &[],
    ..LLAMA
};

fn hf_fields(fields: &dyn Settings, a: &mut Architecture) -> Result<()> {
    let number = |name| fields.needed_number(name);
    let layers = a.num_hidden_layers as f64;
    a.multipliers.embedding = number("scale_emb")? as f32;
    a.multipliers.residual = (number("scale_depth")? / layers.sqrt()) as f32;
    a.multipliers.logits = (number("dim_model_base")? / a.hidden_size as f64) as f32;
    Ok(())
}

/// Files of the first converters have none of them: they are in no such file.
fn gguf_keys(keys: &dyn Settings, a: &mut Architecture) -> Result<()> {
    let number = |name| keys.needed_number(name);
    a.multipliers.embedding = number("embedding_scale")? as f32;
    a.multipliers.residual = number("residual_scale")? as f32;
    a.multipliers.logits = (1.0 / number("logit_scale")?) as f32;
    Ok(())
}
