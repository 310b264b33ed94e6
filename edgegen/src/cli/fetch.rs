//! `edgegen fetch`.

use std::path::PathBuf;

use crate::error::{Error, Kind, Result};
use crate::hub::Name;

use super::json;
use super::reading::Fetching;

/// Fetch a model from the Hugging Face hub into its cache, and print the path
#[derive(clap::Args)]
pub(super) struct Args {
    /// `hf:OWNER/NAME`, with `@REVISION` or `:FILE.gguf` behind it where need be
    #[arg(value_name = "NAME")]
    model: PathBuf,
    #[command(flatten)]
    fetching: Fetching,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(args: &Args) -> Result<String> {
    let name = Name::given(&args.model)?.ok_or_else(|| {
        Error::of(Kind::Option, "this is no name of a model on the hub")
            .in_file(&args.model)
            .remedy("write `hf:OWNER/NAME`; files need not be fetched")
    })?;
    let path = args.fetching.fetch(&name)?;
    let path = path.to_string_lossy();
    Ok(if args.json {
        json(&serde_json::json!({ "path": path }))
    } else {
        format!("{path}\n")
    })
}
