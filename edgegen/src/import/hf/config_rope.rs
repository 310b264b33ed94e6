//! RoPE in `config.json`: `rope_theta` with `rope_scaling`, or `rope_parameters`
//! (transformers 5), which holds both.

use super::config::Fields;
use crate::error::{Error, Result};
use crate::import::config::unsupported;
use crate::model::RopeScaling;

/// The base and the scaling; `context` is `max_position_embeddings`.
pub(super) fn read(fields: &Fields<'_>, context: usize) -> Result<(f64, RopeScaling)> {
    if fields.flag("rope_interleaved")? == Some(true) {
        return Err(unsupported("rope_interleaved", "true", "false"));
    }
    if let Some(part) = fields.number("partial_rotary_factor")?
        && part != 1.0
    {
        return Err(unsupported("partial_rotary_factor", &part.to_string(), "1"));
    }
    let outer_theta = fields.number("rope_theta")?;
    let read = |inner: &Fields<'_>| Ok((inner.number("rope_theta")?, scaling(inner, context)?));
    let old = fields.within("rope_scaling", read)?;
    let new = fields.within("rope_parameters", read)?;
    let scalings = [&old, &new].map(|given| given.as_ref().map(|(_, scaling)| scaling.clone()));
    let thetas = [&old, &new].map(|given| given.as_ref().and_then(|(theta, _)| *theta));
    let scaling = agreed("rope_scaling and rope_parameters", scalings)?;
    let theta = agreed("rope_theta", thetas)?.or(outer_theta);
    Ok((
        theta.unwrap_or(10_000.0),
        scaling.unwrap_or(RopeScaling::None),
    ))
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
fn scaling(fields: &Fields<'_>, context: usize) -> Result<RopeScaling> {
    let kinds = [fields.text("rope_type")?, fields.text("type")?];
    let kind = fields.needed("rope_type", agreed("rope_type", kinds)?)?;
    let number = |name: &str| fields.needed(name, fields.number(name)?);
    let original = "original_max_position_embeddings";
    let scaling = match kind {
        "default" => RopeScaling::None,
        "linear" => RopeScaling::Linear {
            factor: number("factor")?,
        },
        "llama3" => RopeScaling::Llama3 {
            factor: number("factor")?,
            low_freq_factor: number("low_freq_factor")?,
            high_freq_factor: number("high_freq_factor")?,
            original_max_position_embeddings: fields.needed(original, fields.size(original)?)?,
        },
        "yarn" => {
            if fields.flag("truncate")? == Some(false) {
                return Err(unsupported("truncate", "false", "true"));
            }
            let factor = number("factor")?;
            RopeScaling::Yarn {
                factor,
                attention_factor: attention_factor(fields, factor)?,
                beta_slow: fields.number("beta_slow")?.unwrap_or(1.0),
                beta_fast: fields.number("beta_fast")?.unwrap_or(32.0),
                original_max_position_embeddings: fields.size(original)?.unwrap_or(context),
            }
        }
        other => {
            let supported = "default, linear, llama3 or yarn";
            return Err(unsupported("rope_type", other, supported));
        }
    };
    fields.refuse_unread(&[], &format!("RoPE scaling `{kind}` has no such setting"))?;
    Ok(scaling)
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
