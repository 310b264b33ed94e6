//! Windows of attention, as files tell them.

use crate::error::Result;
use crate::model::{Architecture, Rope, RopeScaling, Window};

use super::settings::Settings;

/// Gives the layers that a list of a Hugging Face file names a window of this size, or those of a
/// rule, where there is no list. Returns them, also where there is no size.
pub(super) fn by_types(
    fields: &dyn Settings,
    a: &mut Architecture,
    size: Option<usize>,
    rule: impl Fn(usize) -> bool,
) -> Result<Vec<usize>> {
    const TYPES: &str = "layer_types";
    let types = fields.texts(TYPES)?;
    let windowed = match &types {
        None => layers(a, rule),
        Some(types) => {
            check_len(fields, TYPES, types.len(), a)?;
            let known =
                |kind: &&String| ["full_attention", "sliding_attention"].contains(&kind.as_str());
            if let Some(other) = types.iter().find(|kind| !known(kind)) {
                let supported = "full_attention or sliding_attention";
                return Err(fields.unsupported(TYPES, other, supported));
            }
            layers(a, |layer| types[layer] == "sliding_attention")
        }
    };
    a.window = match size {
        Some(size) => window(size, &windowed),
        None if types.is_none() || windowed.is_empty() => None,
        None => {
            let supported = "full_attention where no window is on, as sliding_window says";
            return Err(fields.unsupported(TYPES, "sliding_attention", supported));
        }
    };
    Ok(windowed)
}

/// The window of a Hugging Face file that does not speak of it: all families have this one.
pub(super) const SIZE: usize = 4096;

/// The size that a Hugging Face file says, or the usual one.
pub(super) fn size(fields: &dyn Settings) -> Result<usize> {
    Ok(fields.size("sliding_window")?.unwrap_or(SIZE))
}

/// As [`by_types`], for all layers but each last of so many, where the file has no other number.
pub(super) fn by_period(
    fields: &dyn Settings,
    a: &mut Architecture,
    usual: usize,
) -> Result<Vec<usize>> {
    let size = size(fields)?;
    let period = fields.size("sliding_window_pattern")?.unwrap_or(usual);
    by_types(fields, a, Some(size), but_each(period))
}

/// The rule of all layers but each last of `period`; of 0, as of 1, there are none.
pub(super) fn but_each(period: usize) -> impl Fn(usize) -> bool {
    move |layer| !(layer + 1).is_multiple_of(period.max(1))
}

/// Windows that a switch turns on, as Qwen's files have them: from some layer on. GGUF files say
/// nothing of them.
pub(super) fn from_a_layer(fields: &dyn Settings, a: &mut Architecture) -> Result<()> {
    let first = fields.size("max_window_layers")?.unwrap_or(28);
    let size = switched(fields)?;
    by_types(fields, a, size, |layer| layer >= first).map(drop)
}

/// The size of windows, if their switch is on.
pub(super) fn switched(fields: &dyn Settings) -> Result<Option<usize>> {
    let size = fields.size("sliding_window")?;
    let on = fields.flag("use_sliding_window")? == Some(true);
    Ok(size.filter(|_| on))
}

/// Gives the layers that a list of a GGUF file names its window, or those of a rule, where there is
/// no list. Returns them, also where there is no window.
pub(super) fn by_pattern(
    keys: &dyn Settings,
    a: &mut Architecture,
    usual: Option<usize>,
    rule: impl Fn(usize) -> bool,
) -> Result<Vec<usize>> {
    const PATTERN: &str = "attention.sliding_window_pattern";
    let size = keys.size("attention.sliding_window")?.or(usual);
    let windowed = match keys.flags(PATTERN)? {
        None => layers(a, rule),
        Some(pattern) => {
            check_len(keys, PATTERN, pattern.len(), a)?;
            layers(a, |layer| pattern[layer])
        }
    };
    // Of 0, there is none.
    let size = size.filter(|&size| size != 0);
    a.window = size.and_then(|size| window(size, &windowed));
    Ok(windowed)
}

/// The window of these layers, if there are any.
pub(super) fn window(size: usize, layers: &[usize]) -> Option<Window> {
    (!layers.is_empty()).then(|| Window {
        size,
        layers: layers.to_vec(),
        rope: None,
    })
}

/// The layers of a rule.
pub(super) fn layers(a: &Architecture, has_one: impl Fn(usize) -> bool) -> Vec<usize> {
    (0..a.num_hidden_layers)
        .filter(|&layer| has_one(layer))
        .collect()
}

/// Leaves RoPE out in all layers but these.
pub(super) fn rope_in_alone(a: &mut Architecture, windowed: &[usize]) {
    let others = layers(a, |layer| !windowed.contains(&layer));
    if let Some(rope) = &mut a.rope {
        rope.skipped = others;
    }
}

/// Leaves RoPE as trained in layers with a window, which see no further than a text of training:
/// without scaling, and of this base, if it is said.
pub(super) fn rope_as_trained(a: &mut Architecture, base: Option<f64>) {
    if let (Some(window), Some(rope)) = (&mut a.window, &a.rope)
        && (base.is_some() || rope.scaling != RopeScaling::None)
    {
        window.rope = Some(Rope {
            theta: base.unwrap_or(rope.theta),
            scaling: RopeScaling::None,
            ..rope.clone()
        });
    }
}

/// Checks that a list has an element for each layer.
pub(super) fn check_len(
    settings: &dyn Settings,
    name: &str,
    found: usize,
    a: &Architecture,
) -> Result<()> {
    let layers = a.num_hidden_layers;
    match found == layers {
        true => Ok(()),
        false => Err(settings.unsupported(
            name,
            &format!("a list of {found}"),
            &format!("one of {layers}, a word for each layer"),
        )),
    }
}
