//! Reads model files: GGUF, Hugging Face folders and llama2.c.
//!
//! Files are hostile until checked: every length is compared with the bytes that are
//! left, every product is checked, and a field that would change the mathematics is
//! either understood or refused.

mod built_in;
pub mod chat;
mod config;
mod foreign;
pub(crate) mod gguf;
mod hf;
mod json;
mod llama2c;
mod names;
mod source;
pub mod tokenizer;

use std::path::{Path, PathBuf};

pub use built_in::{BUILT_IN_PROMPT, BUILT_IN_SCHEMA, built_in};
#[cfg(feature = "hub")]
pub(crate) use foreign::{adapter as refuse_adapter, folder as refuse_folder};
pub(crate) use gguf::TYPES as GGUF_TYPES;
pub use hf::Adapter;
#[cfg(feature = "hub")]
pub(crate) use hf::{CONFIG, WEIGHTS, WEIGHTS_INDEX, files_beside, weight_files};
pub(crate) use tokenizer::pre_tokenizers;

use crate::error::{Error, Kind, Remedy, Result, Setting};
use crate::hub;
use crate::model::{Model, View};

/// What is given beside a model's file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Beside {
    /// Tokenizer of a llama2.c checkpoint; `tokenizer.bin` beside it, if absent.
    pub tokenizer: Option<PathBuf>,
    /// LoRA adapters that are added to the weights.
    pub lora: Vec<Adapter>,
}

/// Reads the model at `path`: a GGUF file, a Hugging Face folder or a llama2.c `.bin`
/// with its tokenizer beside it.
///
/// # Errors
/// Names the file, the field and the remedy.
pub fn import(path: &Path) -> Result<Model> {
    import_with(path, &Beside::default())
}

/// As [`import`], with what is given beside it.
///
/// # Errors
/// As [`import`], when a tokenizer is given for a format that holds its own, and when an adapter is
/// not of this model.
pub fn import_with(path: &Path, beside: &Beside) -> Result<Model> {
    let path = &resolved(path)?;
    let tokenizer = beside.tokenizer.as_deref();
    let model = match recognise(path, tokenizer)? {
        Input::Folder => hf::import(hf::Folder::OnDisk(path)),
        Input::Gguf(file) => gguf::import(path, file),
        Input::Llama2c(file) => llama2c::import(path, file, tokenizer),
    };
    let model = model.map_err(|error| error.in_file(path))?;
    let model = model.with_origin(hub::origin(path));
    let mut adapters = beside.lora.iter();
    adapters.try_fold(model, |model, adapter| adapter.merge(&model))
}

/// The files that [`import_with`] reads; of a folder also those that it has no need of.
///
/// # Errors
/// When the model or an adapter cannot be opened or is none, and when a tokenizer is given for a format
/// that holds its own.
pub fn files_of(path: &Path, beside: &Beside) -> Result<Vec<PathBuf>> {
    let path = resolved(path)?;
    let given = beside.tokenizer.as_deref();
    let mut files = match recognise(&path, given)? {
        Input::Folder => hf::files(&path)?,
        Input::Gguf(_) => gguf::files(&path),
        Input::Llama2c(file) => {
            let tokenizer = llama2c::tokenizer(&path, &file, given);
            [path].into_iter().chain(tokenizer).collect()
        }
    };
    for adapter in &beside.lora {
        files.extend(adapter.files()?);
    }
    Ok(files)
}

/// What the model at `path` is called if it has no name of its own.
pub fn called(path: &Path) -> String {
    let path = &resolved(path).unwrap_or_else(|_| path.to_owned());
    if path.is_dir() {
        hf::Folder::OnDisk(path).name()
    } else {
        source::stem(path)
    }
}

/// The model's file or folder: of a folder that is none of Hugging Face's, the only .gguf file in it,
/// or the first of those of one model.
fn resolved(path: &Path) -> Result<PathBuf> {
    if !path.exists() {
        let elsewhere = foreign::elsewhere(path);
        return elsewhere.map_or_else(|| Ok(path.to_owned()), |error| Err(error.in_file(path)));
    }
    if !path.is_dir() || source::is_file(&path.join("config.json"))? {
        return Ok(path.to_owned());
    }
    let entries = path
        .read_dir()
        .map_err(|error| Error::io("list the folder", path, &error))?;
    let mut models: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| foreign::ending(file) == "gguf" && file.is_file())
        .collect();
    models.sort();
    match &models[..] {
        [] => {
            let has = |name: &str| path.join(name).exists();
            let adapter = || {
                let base = hf::base_of_adapter(path);
                foreign::adapter(path.display(), base.as_deref())
            };
            Err(foreign::folder(has, adapter).in_file(path))
        }
        [model] => Ok(model.clone()),
        [first, ..] if gguf::files(first) == models => Ok(first.clone()),
        _ => {
            let names = models.iter().filter_map(|model| model.file_name());
            let names: Vec<_> = names.map(|name| name.to_string_lossy()).collect();
            Err(Error::of(Kind::Option, "the folder holds several models")
                .in_file(path)
                .remedy(format!("give one of them: {}", names.join(", "))))
        }
    }
}

/// What is at a path.
enum Input {
    Folder,
    Gguf(View),
    Llama2c(View),
}

fn recognise(path: &Path, tokenizer: Option<&Path>) -> Result<Input> {
    if path.is_dir() {
        no_tokenizer(tokenizer, "a Hugging Face folder")?;
        return Ok(Input::Folder);
    }
    let file = source::open(path)?;
    if gguf::recognise(file.bytes()) {
        no_tokenizer(tokenizer, "a GGUF file")?;
        Ok(Input::Gguf(file))
    } else if llama2c::recognise(file.bytes()) {
        Ok(Input::Llama2c(file))
    } else {
        Err(foreign::file(path, file.bytes()).in_file(path))
    }
}

/// Refuses a separate tokenizer for a format that has its own.
fn no_tokenizer(tokenizer: Option<&Path>, what: &str) -> Result<()> {
    match tokenizer {
        None => Ok(()),
        Some(path) => Err(
            Error::option("tokenizer", format!("{what} holds its own tokenizer"))
                .in_file(path)
                .remedy(
                    Remedy::from("leave ")
                        .set(Setting::named("tokenizer"))
                        .say(" out: it is for llama2.c models"),
                ),
        ),
    }
}
