//! RoPE in `config.json`: `rope_theta` with `rope_scaling`, or `rope_parameters`
//! (transformers 5), which holds both.

use serde_json::Value;

use super::config::{Fields, unsupported};
use crate::error::{Error, Result};
use crate::model::RopeScaling;

/// The base and the scaling; `context` is `max_position_embeddings`.
pub(super) fn read(fields: &Fields<'_>, context: usize) -> Result<(f64, RopeScaling)> {
    let outer_theta = fields.number("rope_theta")?;
    let old = fields.get("rope_scaling", "an object", Value::as_object)?;
    let new = fields.get("rope_parameters", "an object", Value::as_object)?;
    let read = |name: &str, object| {
        let inner = Fields(object);
        let scaling = scaling(inner, context).map_err(|error| error.at(name));
        Ok::<_, Error>((inner.number("rope_theta")?, scaling?))
    };
    let old = old.map(|object| read("rope_scaling", object)).transpose()?;
    let new = new
        .map(|object| read("rope_parameters", object))
        .transpose()?;
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

fn scaling(fields: Fields<'_>, context: usize) -> Result<RopeScaling> {
    let kinds = [fields.text("rope_type")?, fields.text("type")?];
    let kind = fields.needed("rope_type", agreed("rope_type and type", kinds)?)?;
    let number = |name: &str| fields.needed(name, fields.number(name)?);
    let known: &[&str] = match kind {
        "default" => &[],
        "linear" => &["factor"],
        "llama3" => &[
            "factor",
            "low_freq_factor",
            "high_freq_factor",
            "original_max_position_embeddings",
        ],
        "yarn" => &[
            "factor",
            "attention_factor",
            "beta_fast",
            "beta_slow",
            "mscale",
            "mscale_all_dim",
            "original_max_position_embeddings",
            "truncate",
        ],
        other => {
            return Err(unsupported(
                "rope_type",
                other,
                "default, linear, llama3 or yarn",
            ));
        }
    };
    let unknown = fields.0.iter().find(|(name, value)| {
        !value.is_null()
            && !["rope_type", "type", "rope_theta"].contains(&name.as_str())
            && !known.contains(&name.as_str())
    });
    if let Some((name, _)) = unknown {
        return Err(
            Error::unsupported(format!("RoPE scaling `{kind}` has no such setting"))
                .at(format!("rope_scaling.{name}"))
                .remedy("use a model without it; ignoring it could change every answer"),
        );
    }
    let original = fields.size("original_max_position_embeddings")?;
    Ok(match kind {
        "linear" => RopeScaling::Linear {
            factor: number("factor")?,
        },
        "llama3" => RopeScaling::Llama3 {
            factor: number("factor")?,
            low_freq_factor: number("low_freq_factor")?,
            high_freq_factor: number("high_freq_factor")?,
            original_max_position_embeddings: fields
                .needed("original_max_position_embeddings", original)?,
        },
        "yarn" => {
            if let Some(Value::Bool(false)) = fields.0.get("truncate") {
                return Err(unsupported("rope_scaling.truncate", "false", "true"));
            }
            let factor = number("factor")?;
            RopeScaling::Yarn {
                factor,
                attention_factor: attention_factor(fields, factor)?,
                beta_slow: fields.number("beta_slow")?.unwrap_or(1.0),
                beta_fast: fields.number("beta_fast")?.unwrap_or(32.0),
                original_max_position_embeddings: original.unwrap_or(context),
            }
        }
        _ => RopeScaling::None,
    })
}

/// As transformers' `_compute_yarn_parameters`.
fn attention_factor(fields: Fields<'_>, factor: f64) -> Result<f64> {
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
            let fields = Fields(settings.as_object().unwrap());
            let found = attention_factor(fields, factor).unwrap();
            assert!((found - expected).abs() < 1e-8, "{settings}: {found}");
        }
    }
}
