//! `smollm3`: SmolLM3 (Bakouch et al. 2025): Llama without RoPE in every fourth layer (Yang et al.
//! 2025, "Rope to Nope and Back Again", arXiv:2501.18795).

use crate::error::Result;
use crate::model::Architecture;

use super::family::{Defaults, Family, Rotary};
use super::llama::{self, LLAMA};
use super::settings::Settings;
use super::windows;

/// Names as llama.cpp's converter and `SmolLM3ForCausalLM` give them.
pub(super) const SMOLLM3: Family = Family {
    gguf: Some("smollm3"),
    model_type: "smollm3",
    class: "SmolLM3ForCausalLM",
    models: &["SmolLM3 3B"],
    rope: Some(Rotary {
        theta: 2_000_000.0,
        ..llama::ROPE
    }),
    defaults: Defaults {
        tie_word_embeddings: true,
        max_position_embeddings: 32_768,
        ..LLAMA.defaults
    },
    hf_fields,
    gguf_keys,
    skipped: &[],
    ..LLAMA
};

/// Of how many layers the last has no RoPE, where nothing is said.
const INTERVAL: usize = 4;

fn hf_fields(fields: &dyn Settings, a: &mut Architecture) -> Result<()> {
    let interval = fields.size("no_rope_layer_interval")?.unwrap_or(INTERVAL);
    match fields.sizes("no_rope_layers")? {
        None => skip(a, |layer| interval != 0 && (layer + 1) % interval == 0),
        Some(has_rope) if has_rope.len() == a.num_hidden_layers => {
            skip(a, |layer| has_rope[layer] == 0);
        }
        Some(has_rope) => {
            let (found, layers) = (has_rope.len(), a.num_hidden_layers);
            let found = format!("a list of {found}");
            let needed = format!("one of {layers}, a number for each layer");
            return Err(fields.unsupported("no_rope_layers", &found, &needed));
        }
    }
    let size = windows::switched(fields)?;
    let skipped = a.rope.as_ref().map(|rope| rope.skipped.clone());
    let skipped = skipped.unwrap_or_default();
    windows::by_types(fields, a, size, |layer| skipped.contains(&layer)).map(drop)
}

/// llama.cpp does not ask the file.
fn gguf_keys(_: &dyn Settings, a: &mut Architecture) -> Result<()> {
    skip(a, |layer| (layer + 1).is_multiple_of(INTERVAL));
    Ok(())
}

fn skip(a: &mut Architecture, has_none: impl Fn(usize) -> bool) {
    let skipped = (0..a.num_hidden_layers).filter(|&layer| has_none(layer));
    let skipped = skipped.collect();
    a.rope.as_mut().expect("the family has RoPE").skipped = skipped;
}
