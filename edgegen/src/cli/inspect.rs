//! `edgegen inspect`.

use std::path::PathBuf;

use clap::Args;

use crate::error::Result;
use crate::{import, inspect};

use super::Output;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A GGUF file, a Hugging Face folder or a llama2.c checkpoint
    model: PathBuf,
    /// The tokenizer of a llama2.c checkpoint [default: the one beside it]
    #[arg(long, value_name = "FILE")]
    tokenizer: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Output> {
    let model = import::import_with_tokenizer(&arguments.model, arguments.tokenizer.as_deref())?;
    let inspection = inspect::inspect(&model);
    Ok(Output::new(inspection.to_string(), inspection))
}
