//! The options of a smaller vocabulary: what `emit` and `eval` have in common.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::error::Result;
use crate::model::Model;
use crate::{prune, text};

/// Which tokens to keep.
#[derive(clap::Args)]
pub(super) struct Vocabulary {
    /// Tokens to keep, the most frequent ones of the calibration text [default: all]
    #[arg(long, value_name = "N")]
    vocab_size: Option<usize>,
    /// Text of the kind that the model will see, UTF-8 [default: a built-in one, English]
    #[arg(long, value_name = "FILE", requires = "vocab_size")]
    calibration: Option<PathBuf>,
}

impl Vocabulary {
    /// The text to count tokens in.
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
}
