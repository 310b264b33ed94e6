//! RoPE in `config.json`: `rope_theta` with `rope_scaling`, or `rope_parameters`
//! (transformers 5), which holds both.

use super::config::Fields;
use crate::architectures::Rotary;
use crate::error::{Error, Result};
use crate::import::config::{ROPE, unsupported};
use crate::model::{Rope, RopeScaling};

const ORIGINAL: &str = "original_max_position_embeddings";

/// Reads RoPE of heads of a width, and where it is said by itself, that of layers with a window;
/// `context` is `max_position_embeddings`.
pub(super) fn read(
    fields: &Fields<'_>,
    rotary: &Rotary,
    head_dim: usize,
    context: usize,
) -> Result<(Rope, Option<Rope>)> {
    if fields.flag("rope_interleaved")? == Some(true) {
        return Err(unsupported("rope_interleaved", "true", "false"));
    }
    let outer = Said::of(fields)?;
    let read = |inner: &Fields<'_>| Said::within(inner, fields, rotary, context);
    let old = fields.within("rope_scaling", read)?.unwrap_or_default();
    let new = fields.within("rope_parameters", |inner| by_layers(inner, read))?;
    let (new, in_windows) = new.unwrap_or_default();
    let said = Said {
        theta: agreed("rope_theta", [old.theta, new.theta])?.or(outer.theta),
        part: agreed("partial_rotary_factor", [old.part, new.part, outer.part])?,
        stretched: agreed(
            "rope_scaling and rope_parameters",
            [old.stretched, new.stretched],
        )?,
    };
    let in_windows = in_windows.map(|said| said.rope(rotary, head_dim));
    Ok((said.rope(rotary, head_dim)?, in_windows.transpose()?))
}

/// What an object says of all layers, or in objects of its own of those without a window and of
/// those with one.
fn by_layers(
    fields: &Fields<'_>,
    read: impl Fn(&Fields<'_>) -> Result<Said>,
) -> Result<(Said, Option<Said>)> {
    let Some(full) = fields.within("full_attention", &read)? else {
        return Ok((read(fields)?, None));
    };
    let in_windows = fields.within("sliding_attention", &read)?;
    fields.refuse_unread(&[], "RoPE by kinds of layers has no such setting")?;
    Ok((full, in_windows))
}

/// What one object says.
#[derive(Default)]
struct Said {
    theta: Option<f64>,
    part: Option<f64>,
    stretched: Option<Stretched>,
}

/// How frequencies are stretched.
#[derive(Clone, PartialEq)]
struct Stretched {
    scaling: RopeScaling,
    /// The base grows by a power of it (NTK).
    alpha: f64,
}

impl Said {
    fn rope(self, rotary: &Rotary, head_dim: usize) -> Result<Rope> {
        let part = match (self.part, rotary.part) {
            (Some(part), None) if part != 1.0 => {
                return Err(unsupported("partial_rotary_factor", &part.to_string(), "1"));
            }
            (part, usual) => part.or(usual).unwrap_or(1.0),
        };
        // As Python's `int`; what is no part is refused when the architecture is checked.
        let dim = (head_dim as f64 * part) as usize;
        let width = dim as f64;
        let Stretched { scaling, alpha } = self.stretched.unwrap_or(Stretched {
            scaling: RopeScaling::None,
            alpha: 1.0,
        });
        Ok(Rope {
            theta: self.theta.unwrap_or(rotary.theta) * libm::pow(alpha, width / (width - 2.0)),
            dim,
            layout: rotary.hf,
            scaling,
            skipped: Vec::new(),
        })
    }

    fn of(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self {
            theta: fields.number("rope_theta")?,
            part: fields.number("partial_rotary_factor")?,
            stretched: None,
        })
    }

    /// Of an object in `outer`. What nobody knows in it, transformers ignores too.
    fn within(
        fields: &Fields<'_>,
        outer: &Fields<'_>,
        rotary: &Rotary,
        context: usize,
    ) -> Result<Self> {
        fields.set_aside(|name| ROPE.contains(&name));
        let said = Self::of(fields)?;
        Ok(Self {
            stretched: Some(stretched(fields, outer, rotary, context)?),
            ..said
        })
    }
}

/// What is said in several places, or nowhere.
fn agreed<T: PartialEq>(
    what: &str,
    said: impl IntoIterator<Item = Option<T>>,
) -> Result<Option<T>> {
    let mut said = said.into_iter().flatten();
    let first = said.next();
    match said.find(|other| Some(other) != first.as_ref()) {
        None => Ok(first),
        Some(_) => Err(Error::new("the file says it twice, differently")
            .at(what)
            .remedy("correct the file or fetch it again")),
    }
}

/// Reads what belongs to the kind of scaling, and refuses the rest.
fn stretched(
    fields: &Fields<'_>,
    outer: &Fields<'_>,
    rotary: &Rotary,
    context: usize,
) -> Result<Stretched> {
    let kinds = [fields.text("rope_type")?, fields.text("type")?];
    let kind = match agreed("rope_type", kinds)? {
        Some(kind) => kind,
        // A factor is one of some kind.
        None if fields.number("factor")?.is_some() => fields.needed("rope_type", None)?,
        None => "default",
    };
    let number = |name: &str| fields.needed(name, fields.number(name)?);
    // The context before stretching. What is said in `outer`, or by its class, counts first, as in
    // transformers' `standardize_rope_params`.
    let original = || -> Result<usize> {
        let inner = fields.size(ORIGINAL)?;
        let outer = outer.size(ORIGINAL)?.or(rotary.original);
        Ok(outer.or(inner).unwrap_or(context))
    };
    let mut alpha = 1.0;
    let scaling = match kind {
        "default" => RopeScaling::None,
        "linear" => RopeScaling::Linear {
            factor: number("factor")?,
        },
        "llama3" => RopeScaling::Llama3 {
            factor: number("factor")?,
            low_freq_factor: number("low_freq_factor")?,
            high_freq_factor: number("high_freq_factor")?,
            original_max_position_embeddings: original()?,
        },
        "yarn" => {
            let original = original()?;
            let ratio = context as f64 / original as f64;
            let factor = fields.number("factor")?.unwrap_or(ratio);
            RopeScaling::Yarn {
                factor,
                attention_factor: attention_factor(fields, factor)?,
                beta_slow: fields.number("beta_slow")?.unwrap_or(1.0),
                beta_fast: fields.number("beta_fast")?.unwrap_or(32.0),
                truncate: fields.flag("truncate")?.unwrap_or(true),
                original_max_position_embeddings: original,
            }
        }
        // The first files of Phi-3 call it `su`.
        "longrope" | "su" => long_rope(fields, original()?, context)?,
        // Beyond an `alpha`, it would stretch a text that is longer than the context.
        "dynamic" if rotary.alpha => {
            alpha = number("alpha")?;
            for unread in [
                "factor",
                "beta_fast",
                "beta_slow",
                "mscale",
                "mscale_all_dim",
            ] {
                fields.number(unread)?;
            }
            RopeScaling::None
        }
        other => {
            let more = if rotary.alpha { ", dynamic" } else { "" };
            let supported = format!("default, linear, llama3, longrope{more} or yarn");
            return Err(unsupported("rope_type", other, &supported));
        }
    };
    fields.refuse_unread(&[], &format!("RoPE scaling `{kind}` has no such setting"))?;
    Ok(Stretched { scaling, alpha })
}

/// As transformers' `_compute_longrope_parameters`.
fn long_rope(fields: &Fields<'_>, original: usize, context: usize) -> Result<RopeScaling> {
    let divisors = |name: &str| {
        let divisors = fields.needed(name, fields.numbers(name)?)?;
        Ok(divisors.into_iter().map(|divisor| divisor as f32).collect())
    };
    let ratio = context as f64 / original as f64;
    let factor = agreed("factor", [fields.number("factor")?, Some(ratio)])?;
    let factor = factor.unwrap_or(ratio);
    let usual = match factor > 1.0 {
        true => libm::sqrt(1.0 + libm::log(factor) / libm::log(original as f64)),
        false => 1.0,
    };
    Ok(RopeScaling::LongRope {
        short: divisors("short_factor")?,
        long: divisors("long_factor")?,
        attention_factor: fields.number("attention_factor")?.unwrap_or(usual),
        original_max_position_embeddings: original,
    })
}

/// As transformers' `_compute_yarn_parameters`.
fn attention_factor(fields: &Fields<'_>, factor: f64) -> Result<f64> {
    let scale = |mscale: f64| {
        if factor <= 1.0 {
            1.0
        } else {
            0.1 * mscale * libm::log(factor) + 1.0
        }
    };
    let given = fields.number("attention_factor")?;
    let parts = fields
        .number("mscale")?
        .zip(fields.number("mscale_all_dim")?)
        .filter(|(one, all)| *one != 0.0 && *all != 0.0);
    Ok(match (given, parts) {
        (Some(given), _) => given,
        (None, Some((one, all))) => scale(one) / scale(all),
        (None, None) => scale(1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// `attention_factor` before `mscale`, which counts beside `mscale_all_dim` only.
    #[test]
    fn the_attention_factor_is_that_of_transformers() {
        // 0.1 m ln 4 + 1, for m of 1, 0.7 and 0.4.
        let (usual, one, all) = (1.138_629_436, 1.097_040_605, 1.055_451_774);
        for (factor, settings, expected) in [
            (4.0, json!([null, null, null]), usual),
            (4.0, json!([null, 0.7, 0.4]), one / all),
            (4.0, json!([null, 0.4, 0.7]), all / one),
            (4.0, json!([null, 0.7, null]), usual),
            (4.0, json!([null, null, 0.7]), usual),
            (4.0, json!([null, 0.7, 0.0]), usual),
            (4.0, json!([null, 0.0, 0.7]), usual),
            (4.0, json!([1.5, null, null]), 1.5),
            (4.0, json!([1.5, 0.7, 0.4]), 1.5),
            (1.0, json!([null, 0.7, 0.4]), 1.0),
            (0.5, json!([null, null, null]), 1.0),
        ] {
            let settings = json!({
                "attention_factor": settings[0],
                "mscale": settings[1],
                "mscale_all_dim": settings[2],
            });
            let fields = Fields::new(settings.as_object().unwrap());
            let found = attention_factor(&fields, factor).unwrap();
            assert!((found - expected).abs() < 1e-8, "{settings}: {found}");
        }
    }
}
