//! `config.json`.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::architectures::{self, Family};
use crate::error::{Error, Result};
use crate::import::names::stated;
use crate::import::tokenizer::Ids;
use crate::model::{Architecture, Rope};

use super::config_rope;

/// What `config.json` says.
pub(super) struct Config {
    pub architecture: Architecture,
    pub tied: bool,
    pub attention_bias: bool,
    pub mlp_bias: bool,
    pub licence: Option<String>,
    /// Ids that end a generation, unless `generation_config.json` names them.
    pub stop: Vec<u32>,
}

/// Fields that are read here or change no logits of a trained model.
#[rustfmt::skip]
const KNOWN: &[&str] = &[
    "architectures", "attention_bias", "attention_dropout", "bos_token_id", "dtype",
    "eos_token_id", "head_dim", "hidden_act", "hidden_size", "id2label", "initializer_range",
    "intermediate_size", "is_llama_config", "label2id", "license", "max_position_embeddings", "mlp_bias",
    "model_type", "name_or_path", "num_attention_heads", "num_hidden_layers",
    "num_key_value_heads", "pad_token_id", "partial_rotary_factor", "pretraining_tp",
    "rms_norm_eps", "rope_interleaved", "rope_parameters", "rope_scaling", "rope_theta",
    "sep_token_id", "tie_word_embeddings", "torch_dtype", "transformers.js_config",
    "transformers_version", "unk_token_id", "use_cache", "vocab_size", "return_dict",
    "output_attentions", "output_hidden_states", "max_length", "min_length", "temperature",
    "top_k", "top_p", "do_sample", "num_beams", "repetition_penalty", "length_penalty",
    "chunk_size_feed_forward", "problem_type", "task_specific_params",
];

impl Config {
    /// Reads the file's object.
    pub(super) fn read(object: &Map<String, Value>) -> Result<Self> {
        let family = describe(&Fields(object))?;
        let named = |name: &str| {
            let mut names = family.attributes.iter();
            names.find_map(|(field, own)| (*own == name).then_some(*field))
        };
        let canonical = object.iter().map(|(name, value)| {
            let name = named(name).map_or_else(|| name.clone(), str::to_owned);
            (name, value.clone())
        });
        let canonical: Map<String, Value> = canonical.collect();
        Self::of(family, Fields(&canonical)).map_err(|error| {
            error.rename(|field| {
                let mut names = family.attributes.iter();
                let own = names.find_map(|(name, own)| (*name == field).then_some(*own));
                own.map(str::to_owned)
            })
        })
    }

    /// Of fields with Llama's names.
    fn of(family: &'static Family, fields: Fields<'_>) -> Result<Self> {
        fields.refuse_unknown(family)?;
        let defaults = &family.defaults;
        let activation = family.activations[0];
        let act = fields.text("hidden_act")?.unwrap_or(activation);
        if !family.activations.contains(&act) {
            return Err(unsupported("hidden_act", act, activation));
        }
        if fields.flag("rope_interleaved")? == Some(true) {
            return Err(unsupported("rope_interleaved", "true", "false"));
        }
        if let Some(part) = fields.number("partial_rotary_factor")?
            && part != 1.0
        {
            return Err(unsupported("partial_rotary_factor", &part.to_string(), "1"));
        }
        let hidden_size = fields.needed_size("hidden_size")?;
        let heads = fields.needed_size("num_attention_heads")?;
        let head_dim = match fields.size("head_dim")? {
            Some(width) => width,
            None if heads != 0 && hidden_size % heads == 0 => hidden_size / heads,
            None => {
                return Err(Error::new(format!(
                    "hidden_size {hidden_size} cannot be divided among {heads} heads"
                ))
                .at("num_attention_heads")
                .remedy("set head_dim, or fetch the file again"));
            }
        };
        let context = fields.size("max_position_embeddings")?.unwrap_or(2048);
        let intermediate_size = match (
            fields.size("intermediate_size")?,
            defaults.intermediate_size,
        ) {
            (None, Some(times)) => hidden_size.saturating_mul(times),
            (size, _) => fields.needed("intermediate_size", size)?,
        };
        let rope = match &family.rope {
            None => None,
            Some(layouts) => {
                let (theta, scaling) = config_rope::read(&fields, context)?;
                Some(Rope {
                    theta,
                    dim: head_dim,
                    layout: layouts.hf,
                    scaling,
                })
            }
        };
        Ok(Self {
            tied: fields
                .flag("tie_word_embeddings")?
                .unwrap_or(defaults.tie_word_embeddings),
            attention_bias: fields.flag("attention_bias")?.unwrap_or(false),
            mlp_bias: fields.flag("mlp_bias")?.unwrap_or(false),
            stop: fields
                .get("eos_token_id", "a token id or a list of them", |value| {
                    Some(Ids::deserialize(value).ok()?.into_vec())
                })?
                .unwrap_or_default(),
            licence: fields.text("license")?.and_then(stated),
            architecture: Architecture {
                family,
                hidden_size,
                intermediate_size,
                num_hidden_layers: fields.needed_size("num_hidden_layers")?,
                num_attention_heads: heads,
                num_key_value_heads: fields.size("num_key_value_heads")?.unwrap_or(heads),
                head_dim,
                vocab_size: fields.needed_size("vocab_size")?,
                max_position_embeddings: context,
                rms_norm_eps: fields
                    .number("rms_norm_eps")?
                    .unwrap_or(defaults.rms_norm_eps) as f32,
                rope,
                attention_scale: (1.0 / (head_dim as f64).sqrt()) as f32,
            },
        })
    }
}

fn describe(fields: &Fields<'_>) -> Result<&'static Family> {
    let name = fields.needed("model_type", fields.text("model_type")?)?;
    architectures::find(|family| family.model_type == name).ok_or_else(|| {
        Error::unsupported(format!("the architecture `{name}` is not supported"))
            .at("model_type")
            .remedy(format!("use a model of: {}", architectures::supported()))
    })
}

/// Whether a value, or each of a list, is one of these words.
fn has_only(value: &Value, allowed: &[&str]) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.iter().all(|value| has_only(value, allowed)),
        Value::String(text) => allowed.contains(&text.as_str()),
        other => allowed.contains(&other.to_string().as_str()),
    }
}

/// A value that the network here does not have.
pub(super) fn unsupported(field: &str, value: &str, supported: &str) -> Error {
    Error::unsupported(format!("{value} is not supported"))
        .at(field)
        .remedy(format!("use a model where it is {supported}"))
}

/// Typed access to a JSON object; `null` is as good as absent.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub &'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub(super) fn get<T>(
        self,
        name: &str,
        wanted: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| {
                Error::new(format!("the value must be {wanted}"))
                    .at(name)
                    .remedy("correct the file or fetch it again")
            }),
        }
    }

    pub(super) fn text(self, name: &str) -> Result<Option<&'a str>> {
        self.get(name, "a string", Value::as_str)
    }

    pub(super) fn number(self, name: &str) -> Result<Option<f64>> {
        self.get(name, "a number", Value::as_f64)
    }

    pub(super) fn size(self, name: &str) -> Result<Option<usize>> {
        self.get(name, "a whole number, not negative", |value| {
            usize::try_from(value.as_u64()?).ok()
        })
    }

    pub(super) fn needed_size(self, name: &str) -> Result<usize> {
        self.needed(name, self.size(name)?)
    }

    pub(super) fn needed<T>(self, name: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| {
            Error::new("the field is missing")
                .at(name)
                .remedy("fetch the file again")
        })
    }

    fn flag(self, name: &str) -> Result<Option<bool>> {
        self.get(name, "true or false", Value::as_bool)
    }

    /// A field that is not understood may change the mathematics, unless it is off.
    fn refuse_unknown(self, family: &Family) -> Result<()> {
        for (name, value) in self.0 {
            let off = matches!(value, Value::Null | Value::Bool(false));
            let own = family.fields.iter().find(|(field, _)| field == name);
            if let Some((_, allowed)) = own {
                if allowed.is_empty() || has_only(value, allowed) {
                    continue;
                }
                return Err(unsupported(name, &value.to_string(), &allowed.join(" or ")));
            }
            if !off && !name.starts_with('_') && !KNOWN.contains(&name.as_str()) {
                return Err(Error::unsupported("this setting is not supported")
                    .at(name)
                    .remedy("use a model without it; ignoring it could change every answer"));
            }
        }
        Ok(())
    }
}
