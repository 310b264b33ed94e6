//! `mistral`: Mistral 7B (Jiang et al. 2023, arXiv:2310.06825) and later ones: Llama with a window,
//! or without. Their GGUF files say `llama`, and nothing of a window.

use crate::error::Result;
use crate::model::Architecture;

use super::family::{Defaults, Family};
use super::llama::LLAMA;
use super::settings::Settings;
use super::windows;

/// Names as llama.cpp's converter and `MistralForCausalLM` give them.
pub(super) const MISTRAL: Family = Family {
    model_type: "mistral",
    class: "MistralForCausalLM",
    models: &["Mistral 7B v0.1–v0.3"],
    defaults: Defaults {
        max_position_embeddings: 131_072,
        ..LLAMA.defaults
    },
    biases: &[],
    hf_fields,
    ..LLAMA
};

/// Null is no window.
fn hf_fields(fields: &dyn Settings, a: &mut Architecture) -> Result<()> {
    let window = match fields.has("sliding_window") {
        true => fields.size("sliding_window")?,
        false => Some(windows::SIZE),
    };
    windows::by_types(fields, a, window, |_| true).map(drop)
}
