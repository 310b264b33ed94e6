//! The options of compression: what `emit` and `eval` have in common.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::error::Result;
use crate::model::Role;
use crate::plan::Quant;
use crate::program::{CacheFormat, WeightFormat};
use crate::prune::Shape;
use crate::recipe;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::number::whole;

/// What becomes of the weights, the vocabulary, the network and the KV cache.
#[derive(clap::Args)]
pub(super) struct Compression {
    /// Weight format; `keep` repacks the file's own, without loss where that is possible
    #[arg(long, default_value = "keep", value_parser = quant())]
    quant: Quant,
    /// Weight format of one kind of matrix, such as `embedding=t4`; can be given more than once
    #[arg(long = "tensor", value_name = "ROLE=FORMAT", value_parser = tensor)]
    tensors: Vec<(Role, WeightFormat)>,
    /// Calibrate q8, q4 and q4m too: with scales and roundings that a text shows to do least harm; t4, t3 and
    /// t2 are calibrated in any case
    #[arg(long)]
    calibrate: bool,
    /// Tokens to keep, the most frequent ones of the calibration text [default: all]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole)]
    vocab_size: Option<usize>,
    /// Feed-forward neurons of each layer to keep, those that matter most for the calibration text;
    /// best a multiple of 32 [default: all]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole)]
    intermediate_size: Option<usize>,
    /// Key-value heads of each layer to keep, each with its query heads [default: all]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole)]
    kv_heads: Option<usize>,
    /// Layers to keep [default: all]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole)]
    layers: Option<usize>,
    /// Formats and vocabulary from a file that `edgegen plan --out` wrote
    #[arg(long, value_name = "FILE", conflicts_with_all = ["quant", "tensors", "calibrate", "vocab_size", "intermediate_size", "kv_heads", "layers"])]
    plan: Option<PathBuf>,
    /// Text of the kind that the model will see, UTF-8: for pruning and what is calibrated
    /// [default: a built-in one, English]
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,
    #[command(flatten)]
    kv_cache: KvCache,
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
    let names = std::iter::once("keep").chain(WeightFormat::MADE.map(WeightFormat::name));
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
    let role = Role::matrix(role).map_err(|error| error.to_string())?;
    let format = recipe::format(format).map_err(|error| error.to_string())?;
    Ok((role, format))
}

impl Compression {
    /// The options, as the macro and build scripts have them.
    ///
    /// # Errors
    ///
    /// When a matrix is given two formats.
    pub(super) fn options(&self) -> Result<recipe::Compression> {
        let mut tensors = BTreeMap::new();
        for &(role, format) in &self.tensors {
            if tensors.insert(role, format).is_some() {
                return Err(recipe::given_twice(role));
            }
        }
        Ok(recipe::Compression {
            quant: self.quant,
            tensors,
            calibrate: self.calibrate,
            vocab_size: self.vocab_size,
            shape: Shape {
                intermediate_size: self.intermediate_size,
                num_key_value_heads: self.kv_heads,
                num_hidden_layers: self.layers,
            },
            plan: self.plan.clone(),
            calibration: self.calibration.clone(),
            kv_cache: self.kv_cache.format,
        })
    }
}
