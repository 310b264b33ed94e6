//! The options of compression: what `emit` and `eval` have in common.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::model::{Model, Role};
use crate::plan::{PlanFile, Quant, Request};
use crate::program::{CacheFormat, WeightFormat};
use crate::prune::{self, Shape};
use crate::text::{self, Texts};
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// What becomes of the weights, the vocabulary, the network and the KV cache.
#[derive(clap::Args)]
pub(super) struct Compression {
    /// Weight format; `keep` repacks the file's own, without loss where that is possible
    #[arg(long, default_value = "keep", value_parser = quant())]
    pub(super) quant: Quant,
    /// Weight format of one kind of matrix, such as `embedding=t4`; can be given more than once
    #[arg(long = "tensor", value_name = "ROLE=FORMAT", value_parser = tensor)]
    tensors: Vec<(Role, WeightFormat)>,
    /// Calibrate q8, q4 and q4m too: with scales and roundings that a text shows to do least harm; t4, t3 and
    /// t2 are calibrated in any case
    #[arg(long)]
    calibrate: bool,
    /// Tokens to keep, the most frequent ones of the calibration text [default: all]
    #[arg(long, value_name = "N")]
    vocab_size: Option<usize>,
    /// Feed-forward neurons of each layer to keep, those that matter most for the calibration text;
    /// best a multiple of 32 [default: all]
    #[arg(long, value_name = "N")]
    intermediate_size: Option<usize>,
    /// Key-value heads of each layer to keep, each with its query heads [default: all]
    #[arg(long, value_name = "N")]
    kv_heads: Option<usize>,
    /// Layers to keep [default: all]
    #[arg(long, value_name = "N")]
    layers: Option<usize>,
    /// Formats and vocabulary from a file that `edgegen plan --out` wrote
    #[arg(long, value_name = "FILE", conflicts_with_all = ["quant", "tensors", "calibrate", "vocab_size", "intermediate_size", "kv_heads", "layers"])]
    plan: Option<PathBuf>,
    /// Text of the kind that the model will see, UTF-8: for pruning and what is calibrated
    /// [default: a built-in one, English]
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,
    #[command(flatten)]
    pub(super) kv_cache: KvCache,
}

/// What a session remembers in; `plan` asks for it too.
#[derive(clap::Args)]
pub(super) struct KvCache {
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
    /// Reads the files that are named: what is wrong with them shows before the long work.
    pub(super) fn read(&self) -> Result<Given<'_>> {
        let file = self.plan.as_deref().map(|path| {
            let bytes =
                fs::read_to_string(path).map_err(|error| Error::io("read", path, &error))?;
            let file = PlanFile::parse(&bytes).map_err(|error| error.in_file(path))?;
            Ok((path, file))
        });
        Ok(Given {
            options: self,
            file: file.transpose()?,
            texts: texts(self.calibration.as_deref())?,
        })
    }
}

/// The calibration text of the option, or the built-in one.
pub(super) fn texts(path: Option<&Path>) -> Result<Texts> {
    match path {
        Some(path) => Texts::of(&text::read(path)?).map_err(|error| error.in_file(path)),
        None => Ok(Texts::built_in()),
    }
}

/// The options, and what is in the files that they name.
pub(super) struct Given<'a> {
    options: &'a Compression,
    file: Option<(&'a Path, PlanFile)>,
    texts: Texts,
}

impl Given<'_> {
    /// What the weights become, in a word.
    pub(super) fn label(&self) -> String {
        match self.file {
            Some(_) => "plan".to_owned(),
            None => self.options.quant.to_string(),
        }
    }

    /// The model with the tokens and the parts of the network that are to be kept.
    pub(super) fn prune(&self, model: Model) -> Result<Model> {
        let size = match &self.file {
            Some((_, file)) => file.vocab_size(),
            None => self.options.vocab_size,
        };
        let model = match size {
            Some(size) => prune::vocabulary(model, size, self.text())?,
            None => model,
        };
        let shape = Shape {
            intermediate_size: self.options.intermediate_size,
            num_key_value_heads: self.options.kv_heads,
            num_hidden_layers: self.options.layers,
        };
        shape.prune(model, self.text())
    }

    /// What there is to calibrate with.
    pub(super) fn texts(&self) -> &Texts {
        &self.texts
    }

    /// What the planner is asked for; `request` has what is no matter of compression.
    pub(super) fn request(&self, model: &Model, request: Request) -> Result<Request> {
        let formats = self.file.as_ref().map(|(path, file)| {
            let formats = file.formats(model, self.text());
            formats.map_err(|error| error.in_file(path))
        });
        let from_file = self
            .file
            .as_ref()
            .is_some_and(|(_, file)| file.calibrated());
        Ok(Request {
            quant: self.options.quant,
            tensors: self.options.tensors.iter().copied().collect(),
            formats: formats.transpose()?,
            calibrate: self.options.calibrate || from_file,
            calibration: Some(self.text().to_owned()),
            kv_cache: self.options.kv_cache.format,
            ..request
        })
    }

    /// The text to calibrate with. A plan was measured on the rest of it.
    fn text(&self) -> &str {
        match self.file {
            Some(_) => self.texts.calibration(),
            None => self.texts.whole(),
        }
    }
}
