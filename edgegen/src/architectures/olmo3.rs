//! `olmo3`: OLMo 3 (Olmo Team 2025): OLMo 2 with a window in three of four layers. Its GGUF files
//! say `olmo2`.

use crate::error::Result;
use crate::model::{Architecture, Rope, RopeScaling};

use super::family::Family;
use super::olmo2::OLMO2;
use super::settings::Settings;
use super::windows;

/// Names as llama.cpp's converter and `Olmo3ForCausalLM` give them.
pub(super) const OLMO3: Family = Family {
    model_type: "olmo3",
    hf_fields,
    ..OLMO2
};

/// Of how many layers the last has no window, where nothing is said.
const PERIOD: usize = 4;

/// The window of a file that does not speak of it.
const WINDOW: usize = 4096;

fn hf_fields(fields: &dyn Settings, a: &mut Architecture) -> Result<()> {
    let window = fields.size("sliding_window")?.unwrap_or(WINDOW);
    windows::by_types(fields, a, Some(window), |layer| {
        !(layer + 1).is_multiple_of(PERIOD)
    })?;
    scale_full_layers_alone(a);
    Ok(())
}

/// For GGUF files of OLMo 2 and 3.
pub(super) fn gguf_keys(keys: &dyn Settings, a: &mut Architecture) -> Result<()> {
    windows::by_pattern(keys, a, |layer| !(layer + 1).is_multiple_of(PERIOD))?;
    scale_full_layers_alone(a);
    let base = keys.number("rope.freq_base_swa")?;
    if let (Some(window), Some(base)) = (&mut a.window, base) {
        window.rope = window.rope.take().or(a.rope.clone());
        let rope = window.rope.iter_mut();
        rope.for_each(|rope| rope.theta = base);
    }
    Ok(())
}

/// Where RoPE is stretched, layers with a window have it as trained: they see no further.
fn scale_full_layers_alone(a: &mut Architecture) {
    let scaled = a
        .rope
        .as_ref()
        .filter(|rope| rope.scaling != RopeScaling::None);
    if let (Some(window), Some(rope)) = (&mut a.window, scaled) {
        window.rope = Some(Rope {
            scaling: RopeScaling::None,
            ..rope.clone()
        });
    }
}
