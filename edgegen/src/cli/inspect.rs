//! `edgegen inspect`.

use std::path::PathBuf;

use crate::error::Result;
use crate::import::import_with_tokenizer;
use crate::inspect::inspect;

use super::{json, progress};

/// Show a model's architecture, weights and tokenizer
#[derive(clap::Args)]
pub(super) struct Args {
    /// GGUF file, Hugging Face folder or llama2.c `.bin`
    model: PathBuf,
    /// Tokenizer of a llama2.c model [default: `tokenizer.bin` beside it]
    #[arg(long, value_name = "FILE")]
    tokenizer: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(args: &Args) -> Result<String> {
    let inspection = progress::spin("reading the model", || {
        let model = import_with_tokenizer(&args.model, args.tokenizer.as_deref())?;
        Ok(inspect(&model))
    })?;
    Ok(if args.json {
        json(&inspection)
    } else {
        inspection.to_string()
    })
}
