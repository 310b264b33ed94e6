//! A Hugging Face folder: `config.json`, safetensors, `tokenizer.json`.

mod card;
mod config;
mod config_rope;
mod folder;
mod lora;
mod quantized;
mod tokenizer;
mod weights;
mod wrapped;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::error::{Error, Place, Result};
use crate::import::config::unknown;
use crate::import::json;
use crate::import::names::{self, Format};
use crate::model::{Licence, Model, Parts, Role, Tensor, TensorKey, View};

#[cfg(feature = "hub")]
pub(crate) use folder::{CONFIG, WEIGHTS, WEIGHTS_INDEX, files_beside};
pub(super) use folder::{Folder, files};
pub use lora::Adapter;
pub(super) use lora::base_of as base_of_adapter;
#[cfg(feature = "hub")]
pub(crate) use weights::files as weight_files;

use config::Description;

/// The frequencies of plain RoPE, which old files store again.
const FREQUENCIES: &str = "rotary_emb.inv_freq";

/// Reads a model from a folder.
pub(super) fn import(folder: Folder<'_>) -> Result<Model> {
    let path = folder.path("config.json");
    let config = folder.open("config.json")?.ok_or_else(|| {
        Error::new("the folder has no config.json")
            .in_file(&folder.root())
            .remedy("give a folder downloaded from Hugging Face, or a .gguf file")
    })?;
    let mut sources = vec![config];
    let mut config =
        Description::read(&object(&path, &sources[0])?).map_err(|error| error.in_file(&path))?;
    let mut stored = weights::read(folder, &mut sources)?;
    let files: BTreeMap<String, PathBuf> = stored
        .iter()
        .map(|tensor| (tensor.name.clone(), tensor.file.clone()))
        .collect();
    // A tensor is in its file, and what is at odds with the tokenizer in the configuration.
    let in_file = |error: Error| {
        let file = match error.place() {
            Some(Place::Tensor(name)) => files.get(name),
            Some(Place::Field(_)) => Some(&path),
            _ => None,
        };
        file.map_or(error.clone(), |file| error.in_file(file))
    };
    let family = config.architecture.family;
    let format = match config.part_of {
        None => Format::HuggingFace,
        Some(_) => Format::Wrapped,
    };
    stored.retain(|tensor| {
        let taken = names::taken(family, &tensor.name, format);
        taken.is_some_and(|name| !name.ends_with(FREQUENCIES))
    });
    let tensors = match config.ternary {
        None => quantized::tensors(config.quantization.as_deref(), stored),
        Some(how) => quantized::ternary::tensors(stored, how),
    };
    let tensors = tensors.map_err(in_file)?;
    let tensors = names::assign(&config.architecture, tensors, format);
    let mut tensors = tensors.map_err(in_file)?;
    if config.part_of.is_some() {
        // What wraps a text model and the text model may say it differently.
        config.tied = !tensors.contains_key(&TensorKey::global(Role::Output));
    }
    if config.tied {
        tie(&mut tensors).map_err(in_file)?;
    }
    check_presence(&config, &tensors).map_err(|error| error.in_file(&path))?;
    let read = tokenizer::read(folder, &config.stop, &mut sources)?;
    Model::new(Parts {
        name: folder.name(),
        format: folder.format(),
        licence: licence(folder, config.licence),
        architecture: config.architecture,
        tensors,
        tokenizer: read.tokenizer,
        chat_template: read.chat_template,
        part_of: config.part_of,
        notes: unknown(&config.unknown)
            .into_iter()
            .chain(read.note)
            .collect(),
        sources,
    })
    .map_err(in_file)
}

/// What the model card says, and `config.json` where the card says nothing.
fn licence(folder: Folder<'_>, configured: Option<String>) -> Licence {
    let card = card::read(folder);
    Licence {
        id: card.id.or(configured),
        ..card
    }
}

/// A JSON file that holds an object.
fn object(path: &Path, view: &View) -> Result<Map<String, Value>> {
    json::read(view.bytes()).map_err(|error| {
        Error::new(format!("not a JSON object: {error}"))
            .in_file(path)
            .remedy("fetch the file again")
    })
}

/// Drops a stored output matrix that repeats the embedding.
fn tie(tensors: &mut std::collections::BTreeMap<TensorKey, Tensor>) -> Result<()> {
    let Some(output) = tensors.remove(&TensorKey::global(Role::Output)) else {
        return Ok(());
    };
    let embedding = tensors.get(&TensorKey::global(Role::Embedding));
    if embedding.is_some_and(|e| e.dtype() == output.dtype() && e.bytes() == output.bytes()) {
        return Ok(());
    }
    Err(
        Error::new("tie_word_embeddings is true, but the output matrix differs from the embedding")
            .at(Place::tensor(output.name()))
            .remedy("set tie_word_embeddings to false if the matrix is to be used"),
    )
}

/// The configuration says which optional tensors there are.
fn check_presence(
    config: &Description,
    tensors: &std::collections::BTreeMap<TensorKey, Tensor>,
) -> Result<()> {
    let biases = config.biases.iter();
    let biases = biases.flat_map(|&(field, roles, wanted)| {
        let roles = roles.iter();
        roles.map(move |&role| (field, role, wanted))
    });
    let expected = biases.chain([("tie_word_embeddings", Role::Output, !config.tied)]);
    for (field, role, wanted) in expected {
        let is_there = tensors.keys().any(|key| key.role == role);
        if wanted != is_there {
            let problem = if is_there { "is there" } else { "is missing" };
            return Err(Error::new(format!(
                "against this setting, the tensor {role:?} {problem}"
            ))
            .at(field)
            .remedy("weights and configuration are of different models; fetch both again"));
        }
    }
    Ok(())
}
