//! GGUF, versions 2 and 3 (ggml's docs/gguf.md).

mod config;
mod file;
mod licence;
mod metadata;
mod reader;
mod rope;
mod shard_name;
mod shards;
mod tokenizer;

use std::path::Path;

use super::names::{self, Format, stated};
use crate::architectures::{self, Family};
use crate::error::{Error, Remedy, Result, Setting};
use crate::model::{Model, Parts, View};

use file::File;
pub(crate) use file::TYPES;
pub(super) use metadata::Metadata;
use rope::Divisors;
pub(crate) use shard_name::ShardName;
pub(super) use shards::files;
#[cfg(feature = "hub")]
pub(crate) use shards::not_first;

const ARCHITECTURE: &str = "general.architecture";

/// Whether these are the bytes of a GGUF file.
pub(crate) fn recognise(bytes: &[u8]) -> bool {
    bytes.starts_with(b"GGUF") || bytes.starts_with(b"FUGG")
}

/// Reads a model from a GGUF file.
pub(super) fn import(path: &Path, view: View) -> Result<Model> {
    let mut file = file::parse(&view, check_kind)?;
    let mut sources = vec![view];
    sources.extend(shards::join(path, &mut file)?);
    let File {
        metadata,
        mut tensors,
    } = file;
    let (prefix, family) = describe(&metadata)?;
    let divisors = Divisors::take(&mut tensors)?;
    let (architecture, unknown) = config::architecture(prefix, family, &metadata, divisors)?;
    let name = metadata.shown("general.name").and_then(stated);
    let tokenizer = tokenizer::read(&metadata).map_err(|error| {
        error
            .at("tokenizer.ggml")
            .remedy("the file is damaged; fetch or convert it again")
    })?;
    let unused = tokenizer::unused_ids(&metadata, &tokenizer)?;
    Model::new(Parts {
        name: name.unwrap_or_else(|| super::source::stem(path)),
        format: "GGUF",
        licence: licence::read(&metadata)?,
        tensors: names::assign(&architecture, tensors, Format::Gguf)?,
        architecture,
        chat_template: tokenizer::chat_template(&metadata, &tokenizer)?,
        tokenizer,
        part_of: None,
        notes: unknown.into_iter().chain(unused).collect(),
        sources,
    })
}

/// Refuses what is no model of an architecture that is read: its tensors could have any shape.
fn check_kind(metadata: &Metadata) -> Result<()> {
    if metadata.string("general.type")? == Some("adapter") {
        return Err(
            Error::unsupported("this is a LoRA adapter in GGUF, which is not read")
                .at("general.type")
                .remedy(
                    Remedy::from("give the model, and the adapter as PEFT wrote it with ")
                        .set(Setting::text("lora", "FOLDER")),
                ),
        );
    }
    // Files of a split model, but the first, say nothing.
    match metadata.has(ARCHITECTURE) {
        true => describe(metadata).map(drop),
        false => Ok(()),
    }
}

/// The name of the file's architecture, and the architecture.
fn describe(metadata: &Metadata) -> Result<(&str, &'static Family)> {
    let name = metadata.required(ARCHITECTURE, metadata.string(ARCHITECTURE)?)?;
    let found = architectures::find(|family| family.gguf == Some(name));
    let unknown = || architectures::unknown(name, |family| family.gguf).at(ARCHITECTURE);
    Ok((name, found.ok_or_else(unknown)?))
}
