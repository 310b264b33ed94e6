//! `edgegen models`.

use crate::catalogue::catalogue;

use super::json;

/// List what is read: architectures with models of each, files, types of weights, tokenizers
#[derive(clap::Args)]
pub(super) struct Args {
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(args: &Args) -> String {
    match args.json {
        true => json(&catalogue()),
        false => catalogue().to_string(),
    }
}
