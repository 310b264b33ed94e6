//! `edgegen inspect`.

use std::path::PathBuf;

use crate::error::Result;
use crate::inspect::inspect;

use super::json;
use super::reading::Reading;

/// Show a model's architecture, weights and tokenizer
#[derive(clap::Args)]
pub(super) struct Args {
    /// GGUF file, Hugging Face folder, llama2.c `.bin`, or name on the hub: `hf:OWNER/NAME`
    model: PathBuf,
    #[command(flatten)]
    reading: Reading,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(args: &Args) -> Result<String> {
    let inspection = inspect(&args.reading.read(&args.model)?);
    Ok(if args.json {
        json(&inspection)
    } else {
        inspection.to_string()
    })
}
