//! `config.json`.

use std::cell::RefCell;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::architectures::{self, Family, Ignored, Repeated, Settings};
use crate::error::{Error, Result};
use crate::import::config::{self, Config, IGNORED, is_field, unsupported};
use crate::import::names::stated;
use crate::import::tokenizer::Ids;
use crate::model::{Architecture, Caps, Gate, Multipliers, Role};

use super::quantized::ternary::{self, Ternary};
use super::quantized::{self, Method};
use super::{config_rope, wrapped};

/// What `config.json` says.
pub(super) struct Description {
    pub architecture: Architecture,
    pub tied: bool,
    /// Fields that say whether there are biases, what of, and what they say.
    pub biases: Vec<(&'static str, &'static [Role], bool)>,
    pub licence: Option<String>,
    /// How weights are quantized, if they are.
    pub quantization: Option<Box<dyn Method>>,
    /// `model_type` of the model of images or sound that it is a part of.
    pub part_of: Option<String>,
    /// How ternary matrices are stored, if they are ternary.
    pub ternary: Option<Ternary>,
    /// Ids that end a generation.
    pub stop: Vec<u32>,
    /// Fields that nobody knows.
    pub unknown: Vec<String>,
}

impl Description {
    /// Reads the file's object.
    pub(super) fn read(object: &Map<String, Value>) -> Result<Self> {
        let Some(text) = wrapped::text(object)? else {
            return Self::alone(object);
        };
        let read = Self::alone(&text.config);
        let read = read.map_err(|error| error.rename(|field| Some(text.place_of(field))))?;
        let unknown = read.unknown.iter().map(|field| text.place_of(field));
        Ok(Self {
            unknown: unknown.collect(),
            part_of: Some(text.of),
            ..read
        })
    }

    fn alone(object: &Map<String, Value>) -> Result<Self> {
        // What is private to a library says nothing to others.
        let public = object.iter().filter(|(name, _)| !name.starts_with('_'));
        let mut fields = Fields::new(public);
        let family = describe(&fields)?;
        fields.names = family.attributes;
        let ignored = [family.fields, IGNORED];
        let known = ignored.iter().copied().flatten().map(|(name, _)| *name);
        fields.set_aside(|name| is_field(name) || known.clone().any(|known| known == name));
        let described = Self::of(family, &fields)?;
        fields.refuse_unread(&ignored, "this setting is not supported")?;
        Ok(Self {
            unknown: fields.unknown.take(),
            ..described
        })
    }

    /// Asks for fields by Llama's names.
    fn of(family: &'static Family, fields: &Fields<'_>) -> Result<Self> {
        let defaults = &family.defaults;
        let activation = family.activations[0];
        let act = fields.text("hidden_act")?.unwrap_or(activation);
        if !family.activations.contains(&act) {
            return Err(unsupported(fields.own("hidden_act"), act, activation));
        }
        let hidden_size = fields.needed_size("hidden_size")?;
        let heads = fields.needed_size("num_attention_heads")?;
        // Where queries have no groups, nothing of it is read.
        let grouped = |name: &str| match defaults.grouped {
            true => fields.size(name),
            false => Ok(None),
        };
        let head_dim = match grouped("head_dim")?.or(defaults.head_dim) {
            Some(width) => width,
            None if heads != 0 && hidden_size % heads == 0 => hidden_size / heads,
            None => {
                return Err(Error::new(format!(
                    "hidden_size {hidden_size} cannot be divided among {heads} heads"
                ))
                .at(fields.own("num_attention_heads"))
                .remedy("set head_dim, or fetch the file again"));
            }
        };
        let context = fields
            .size("max_position_embeddings")?
            .unwrap_or(defaults.max_position_embeddings);
        let intermediate_size = match (
            fields.size("intermediate_size")?,
            defaults.intermediate_size,
        ) {
            (None, Some(times)) => hidden_size.saturating_mul(times),
            (size, _) => fields.needed("intermediate_size", size)?,
        };
        let (rope, rope_in_windows) = match &family.rope {
            None => (None, None),
            Some(rotary) => {
                let (rope, in_windows) = config_rope::read(fields, rotary, head_dim, context)?;
                (Some(rope), in_windows)
            }
        };
        let ternary = match family.ternary {
            true => ternary::read(fields)?,
            false => None,
        };
        let biases = family.biases.iter();
        let biases = biases.map(|&(name, roles)| {
            let said = fields.flag(name)?.unwrap_or(defaults.biases);
            Ok((name, roles, said))
        });
        let mut description = Self {
            tied: fields
                .flag("tie_word_embeddings")?
                .unwrap_or(defaults.tie_word_embeddings),
            biases: biases.collect::<Result<_>>()?,
            stop: fields
                .get("eos_token_id", "a token id or a list of them", |value| {
                    Some(Ids::deserialize(value).ok()?.into_vec())
                })?
                .unwrap_or_default(),
            licence: fields.text("license")?.and_then(stated),
            quantization: match family.ternary {
                true => None,
                false => fields.within("quantization_config", quantized::read)?,
            },
            part_of: None,
            unknown: Vec::new(),
            ternary,
            architecture: Architecture {
                family,
                hidden_size,
                intermediate_size,
                num_hidden_layers: fields.needed_size("num_hidden_layers")?,
                num_attention_heads: heads,
                num_key_value_heads: grouped("num_key_value_heads")?.unwrap_or(heads),
                head_dim,
                vocab_size: fields.needed_size("vocab_size")?,
                max_position_embeddings: context,
                rms_norm_eps: fields
                    .number("rms_norm_eps")?
                    .unwrap_or(defaults.rms_norm_eps) as f32,
                rope,
                attention_scale: (1.0 / (head_dim as f64).sqrt()) as f32,
                window: None,
                caps: Caps::default(),
                multipliers: Multipliers::default(),
                parallel_residual: None,
                gate: Gate::default(),
                rounded: ternary.is_some(),
            },
        };
        let check = |architecture: &Architecture| {
            let checked = architecture.check();
            checked.map_err(|error| error.rename(|field| Some(fields.own(field).to_owned())))
        };
        let architecture = &mut description.architecture;
        check(architecture)?;
        (family.hf_fields)(fields, architecture)?;
        if let (Some(window), Some(rope)) = (&mut architecture.window, rope_in_windows) {
            window.rope = Some(rope);
        }
        check(architecture)?;
        Ok(description)
    }
}

fn describe(fields: &Fields<'_>) -> Result<&'static Family> {
    let name = fields.needed("model_type", fields.text("model_type")?)?;
    let unknown =
        || architectures::unknown(name, |family| Some(family.model_type)).at("model_type");
    architectures::find(|family| family.model_type == name).ok_or_else(unknown)
}

impl config::Value for &Value {
    fn is_off(&self) -> bool {
        matches!(self, Value::Null | Value::Bool(false))
    }

    fn words(&self) -> Vec<String> {
        match self {
            Value::Null => Vec::new(),
            Value::Array(values) => values.iter().flat_map(|value| value.words()).collect(),
            Value::String(text) => vec![text.clone()],
            other => vec![other.to_string()],
        }
    }
}

/// Typed access to a JSON object; `null` is as good as absent.
pub(super) struct Fields<'a> {
    config: Config<&'a Value>,
    /// Names that fields are asked for by, and those that they have here.
    names: &'static [(&'static str, &'static str)],
    /// Those that were set aside, with the paths to them.
    unknown: RefCell<Vec<String>>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(fields: impl IntoIterator<Item = (&'a String, &'a Value)>) -> Self {
        let fields = fields.into_iter();
        let fields = fields.map(|(name, value)| (name.clone(), value));
        Self {
            config: fields.collect(),
            names: &[],
            unknown: RefCell::default(),
        }
    }

    /// The name that a field has here.
    fn own<'n>(&self, name: &'n str) -> &'n str {
        let mut names = self.names.iter();
        let own = names.find_map(|(field, own)| (*field == name).then_some(*own));
        own.unwrap_or(name)
    }

    fn get<T>(
        &self,
        name: &str,
        wanted: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>> {
        let name = self.own(name);
        match self.config.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| {
                Error::new(format!("the value must be {wanted}"))
                    .at(name)
                    .remedy("correct the file or fetch it again")
            }),
        }
    }

    pub(super) fn numbers(&self, name: &str) -> Result<Option<Vec<f64>>> {
        self.get(name, "a list of numbers", |value| {
            value.as_array()?.iter().map(Value::as_f64).collect()
        })
    }

    pub(super) fn numbers_by_name(&self, name: &str) -> Result<Option<Vec<(&'a str, f64)>>> {
        self.get(name, "an object of numbers", |value| {
            let numbers = value.as_object()?.iter();
            numbers
                .map(|(name, value)| Some((name.as_str(), value.as_f64()?)))
                .collect()
        })
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>> {
        self.get(name, "a string", Value::as_str)
    }

    /// The words of a value: one, or those of a list.
    pub(super) fn words(&self, name: &str) -> Vec<String> {
        let value = self.config.get(self.own(name));
        value.map_or_else(Vec::new, config::Value::words)
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<f64>> {
        self.get(name, "a number", Value::as_f64)
    }

    pub(super) fn size(&self, name: &str) -> Result<Option<usize>> {
        self.get(name, "a whole number, not negative", |value| {
            usize::try_from(value.as_u64()?).ok()
        })
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>> {
        self.get(name, "true or false", Value::as_bool)
    }

    /// Reads an object in this one; what is wrong there is told with the path to it.
    pub(super) fn within<T>(
        &self,
        name: &str,
        read: impl FnOnce(&Self) -> Result<T>,
    ) -> Result<Option<T>> {
        let path = |field: &str| format!("{name}.{field}");
        let Some(object) = self.get(name, "an object", Value::as_object)? else {
            return Ok(None);
        };
        let inner = Self::new(object);
        let read = read(&inner).map_err(|error| error.rename(|field| Some(path(field))))?;
        let unknown = inner.unknown.take();
        let unknown = unknown.iter().map(|field| path(field));
        self.unknown.borrow_mut().extend(unknown);
        Ok(Some(read))
    }

    /// As [`Self::within`], each of the objects in an object.
    pub(super) fn within_each<T>(
        &self,
        name: &str,
        read: impl Fn(&Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let objects = |fields: &Self| {
            let names = fields.config.keys();
            let read = names.map(|name| fields.within(name, &read));
            read.filter_map(Result::transpose).collect()
        };
        Ok(self.within(name, objects)?.unwrap_or_default())
    }

    pub(super) fn needed_size(&self, name: &str) -> Result<usize> {
        self.needed(name, self.size(name)?)
    }

    pub(super) fn needed<T>(&self, name: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| self.missing(self.own(name)))
    }

    /// As [`Config::set_aside`]; what there is, is kept.
    pub(super) fn set_aside(&self, is_known: impl Fn(&str) -> bool) {
        let unknown = self.config.set_aside("", is_known);
        self.unknown.borrow_mut().extend(unknown);
    }

    /// As [`Config::refuse_unread`].
    pub(super) fn refuse_unread(&self, ignored: &[&[Ignored]], problem: &str) -> Result<()> {
        self.config.refuse_unread("", ignored, problem)
    }
}

impl Settings for Fields<'_> {
    fn has(&self, name: &str) -> bool {
        self.config.get(name).is_some()
    }

    fn number(&self, name: &str) -> Result<Option<f64>> {
        Fields::number(self, name)
    }

    fn size(&self, name: &str) -> Result<Option<usize>> {
        Fields::size(self, name)
    }

    fn flag(&self, name: &str) -> Result<Option<bool>> {
        Fields::flag(self, name)
    }

    fn sizes(&self, name: &str) -> Result<Option<Vec<usize>>> {
        self.get(name, "a list of whole numbers, not negative", |value| {
            let values = value.as_array()?.iter();
            let sizes = values.map(|value| usize::try_from(value.as_u64()?).ok());
            sizes.collect()
        })
    }

    fn flags(&self, name: &str) -> Result<Option<Vec<bool>>> {
        self.get(name, "a list of true and false", |value| {
            value.as_array()?.iter().map(Value::as_bool).collect()
        })
    }

    fn text(&self, name: &str) -> Result<Option<String>> {
        Ok(Fields::text(self, name)?.map(str::to_owned))
    }

    fn texts(&self, name: &str) -> Result<Option<Vec<String>>> {
        self.get(name, "a list of strings", |value| {
            Vec::deserialize(value).ok()
        })
    }

    fn repeated_texts(&self, name: &str) -> Result<Option<Repeated>> {
        let wanted = "a list of lists of strings, each with how often it comes";
        self.get(name, wanted, |value| Vec::deserialize(value).ok())
    }

    fn missing(&self, name: &str) -> Error {
        Error::new("the field is missing")
            .at(name)
            .remedy("fetch the file again")
    }

    fn unsupported(&self, name: &str, value: &str, supported: &str) -> Error {
        unsupported(name, value, supported)
    }
}
