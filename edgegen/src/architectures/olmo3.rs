//! `olmo3`: OLMo 3 (Olmo Team 2025): OLMo 2 with a window in three of four layers. Its GGUF files
//! say `olmo2`.

use crate::error::Result;
use crate::model::Architecture;

use super::family::{Family, Rotary};
use super::olmo2::OLMO2;
use super::settings::Settings;
use super::{qwen2, windows};

/// Names as llama.cpp's converter and `Olmo3ForCausalLM` give them.
pub(super) const OLMO3: Family = Family {
    model_type: "olmo3",
    class: "Olmo3ForCausalLM",
    models: &["OLMo 3 7B"],
    rope: Some(Rotary {
        theta: 500_000.0,
        ..qwen2::ROPE
    }),
    hf_fields,
    ..OLMO2
};

/// Of how many layers the last has no window, where nothing is said.
const PERIOD: usize = 4;

fn hf_fields(fields: &dyn Settings, a: &mut Architecture) -> Result<()> {
    let window = windows::size(fields)?;
    windows::by_types(fields, a, Some(window), windows::but_each(PERIOD))?;
    windows::rope_as_trained(a, None);
    Ok(())
}

/// For GGUF files of OLMo 2 and 3.
pub(super) fn gguf_keys(keys: &dyn Settings, a: &mut Architecture) -> Result<()> {
    windows::by_pattern(keys, a, None, windows::but_each(PERIOD))?;
    windows::rope_as_trained(a, keys.number("rope.freq_base_swa")?);
    Ok(())
}
