//! The options of compression: what `emit` and `eval` have in common.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::error::Result;
use crate::model::{Model, Role};
use crate::plan::{Quant, Request};
use crate::program::{CacheFormat, WeightFormat};
use crate::{prune, text};
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// What becomes of the weights, the vocabulary and the KV cache.
#[derive(clap::Args)]
pub(super) struct Compression {
    /// Weight format; `keep` repacks the file's own, without loss where that is possible
    #[arg(long, default_value = "keep", value_parser = quant())]
    pub(super) quant: Quant,
    /// Weight format of one kind of matrix, such as `embedding=t4`; can be given more than once
    #[arg(long = "tensor", value_name = "ROLE=FORMAT", value_parser = tensor)]
    tensors: Vec<(Role, WeightFormat)>,
    /// Tokens to keep, the most frequent ones of the calibration text [default: all]
    #[arg(long, value_name = "N")]
    vocab_size: Option<usize>,
    /// Text of the kind that the model will see, UTF-8: for `--vocab-size`, t4, t3 and t2
    /// [default: a built-in one, English]
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,
    #[command(flatten)]
    pub(super) cache: Cache,
}

/// What a session remembers in; `plan` asks for it too.
#[derive(clap::Args)]
pub(super) struct Cache {
    /// Number format of the KV cache; i8 has a scale for each key and value of a head
    #[arg(long = "kv-cache", value_name = "FORMAT", default_value = "f32", value_parser = kv_cache())]
    pub(super) format: CacheFormat,
}

/// Parses a weight format, or `keep`.
pub(super) fn quant() -> impl TypedValueParser<Value = Quant> {
    let names = std::iter::once("keep").chain(WeightFormat::ALL.map(WeightFormat::name));
    PossibleValuesParser::new(names).try_map(|text| text.parse::<Quant>())
}

fn kv_cache() -> impl TypedValueParser<Value = CacheFormat> {
    let names = CacheFormat::ALL.map(CacheFormat::name);
    PossibleValuesParser::new(names).try_map(|text| text.parse::<CacheFormat>())
}

fn tensor(text: &str) -> std::result::Result<(Role, WeightFormat), String> {
    let (role, format) = text
        .split_once('=')
        .ok_or("write it as ROLE=FORMAT, such as embedding=t4")?;
    let roles = Role::ALL.into_iter().filter(|role| role.is_matrix());
    let found = roles.clone().find(|r| r.name() == role).ok_or_else(|| {
        let names: Vec<&str> = roles.map(Role::name).collect();
        format!(
            "no matrix is called `{role}`; there are {}",
            names.join(", ")
        )
    })?;
    Ok((found, format.parse()?))
}

impl Compression {
    /// The calibration text.
    pub(super) fn text(&self) -> Result<Cow<'static, str>> {
        match &self.calibration {
            Some(path) => Ok(text::read(path)?.into()),
            None => Ok(text::CALIBRATION.into()),
        }
    }

    /// The model with the tokens that are to be kept.
    pub(super) fn prune(&self, model: Model, text: &str) -> Result<Model> {
        match self.vocab_size {
            Some(size) => prune::vocabulary(model, size, text),
            None => Ok(model),
        }
    }

    /// What the planner is asked for, with defaults for what is no matter of compression.
    pub(super) fn request(&self, text: Cow<'static, str>) -> Request {
        Request {
            quant: self.quant,
            tensors: self.tensors.iter().copied().collect(),
            calibration: match text {
                Cow::Borrowed(_) => None,
                Cow::Owned(text) => Some(text),
            },
            kv_cache: self.cache.format,
            ..Request::default()
        }
    }
}
