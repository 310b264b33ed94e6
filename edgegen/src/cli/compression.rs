//! The options of compression: what `emit` and `eval` have in common.

use std::path::PathBuf;

use crate::model::Role;
use crate::plan::Quant;
use crate::program::WeightFormat;
use crate::recipe::Recipe;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// What becomes of the weights and the vocabulary.
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
}

/// Parses a weight format, or `keep`.
pub(super) fn quant() -> impl TypedValueParser<Value = Quant> {
    let names = std::iter::once("keep").chain(WeightFormat::ALL.map(WeightFormat::name));
    PossibleValuesParser::new(names).try_map(|text| text.parse::<Quant>())
}

fn tensor(text: &str) -> std::result::Result<(Role, WeightFormat), String> {
    let (role, format) = text
        .split_once('=')
        .ok_or("write it as ROLE=FORMAT, such as embedding=t4")?;
    Ok((Role::matrix(role)?, format.parse()?))
}

impl Compression {
    /// The recipe with these options, and defaults for what is no matter of compression.
    pub(super) fn recipe(&self) -> Recipe {
        Recipe {
            quant: self.quant,
            tensors: self.tensors.iter().copied().collect(),
            vocab_size: self.vocab_size,
            calibration: self.calibration.clone(),
            ..Recipe::default()
        }
    }
}
