//! `exaone4`: EXAONE 4 (LG AI Research 2025, arXiv:2507.11407): norms after the branches, norms of
//! each head's queries and keys, and where there is a window, RoPE in its layers alone.

use crate::error::Result;
use crate::graph::Builder;
use crate::model::Architecture;

use super::family::{Defaults, Family};
use super::llama::{self, LLAMA};
use super::settings::Settings;
use super::{olmo2, qwen2, qwen3, windows};

/// Names as llama.cpp's converter and `Exaone4ForCausalLM` give them.
pub(super) const EXAONE4: Family = Family {
    gguf: Some("exaone4"),
    model_type: "exaone4",
    class: "Exaone4ForCausalLM",
    models: &["EXAONE 4.0 1.2B"],
    rope: Some(qwen2::ROPE),
    defaults: Defaults {
        rms_norm_eps: 1e-5,
        ..LLAMA.defaults
    },
    biases: &[],
    hf_fields,
    gguf_keys,
    // A word for what `layer_types` says, layer by layer.
    fields: &[("sliding_window_pattern", &[])],
    tensors: &[
        llama::ENDS,
        llama::ATTENTION,
        llama::FEED_FORWARD,
        qwen3::NORMS,
        olmo2::NORMS_AFTER,
    ],
    skipped: &[],
    build,
    ..LLAMA
};

/// Of how many layers the last has no window, where nothing is said.
const PERIOD: usize = 4;

fn hf_fields(fields: &dyn Settings, a: &mut Architecture) -> Result<()> {
    // Null is none.
    let window = match fields.has("sliding_window") {
        true => fields.size("sliding_window")?,
        false => Some(windows::SIZE),
    };
    let pattern = match fields.has("layer_types") {
        true => None,
        false => fields.size("sliding_window_pattern")?,
    };
    let period = pattern.unwrap_or(PERIOD);
    let windowed = windows::by_types(fields, a, window, windows::but_each(period))?;
    if window.is_some() {
        windows::rope_in_alone(a, &windowed);
    }
    Ok(())
}

fn gguf_keys(keys: &dyn Settings, a: &mut Architecture) -> Result<()> {
    let windowed = windows::by_pattern(keys, a, None, windows::but_each(PERIOD))?;
    if a.window.is_some() {
        windows::rope_in_alone(a, &windowed);
    }
    Ok(())
}

fn build(g: &mut Builder<'_>) {
    olmo2::network(g, qwen3::project);
}
