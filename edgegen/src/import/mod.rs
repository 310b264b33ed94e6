//! Reads model files: GGUF, Hugging Face folders and llama2.c.
//!
//! Files are hostile until checked: every length is compared with the bytes that are
//! left, every product is checked, and a field that would change the mathematics is
//! either understood or refused.

mod built_in;
pub mod chat;
mod description;
mod gguf;
mod hf;
mod llama;
mod llama2c;
mod source;
pub mod tokenizer;

use std::path::{Path, PathBuf};

pub use built_in::{BUILT_IN_PROMPT, BUILT_IN_SCHEMA, built_in};

use crate::error::{Error, Remedy, Result, Setting};
use crate::model::Model;

/// Reads the model at `path`: a GGUF file, a Hugging Face folder or a llama2.c `.bin`
/// with its tokenizer beside it.
///
/// # Errors
/// Names the file, the field and the remedy.
pub fn import(path: &Path) -> Result<Model> {
    import_with_tokenizer(path, None)
}

/// As [`import`], with the tokenizer file of a llama2.c model.
///
/// # Errors
/// As [`import`], and when a tokenizer is given for a format that holds its own.
pub fn import_with_tokenizer(path: &Path, tokenizer: Option<&Path>) -> Result<Model> {
    if path.is_dir() {
        no_tokenizer(tokenizer, "a Hugging Face folder")?;
        return hf::import(hf::Folder::OnDisk(path)).map_err(|error| error.in_file(path));
    }
    let file = source::open(path)?;
    if gguf::recognise(file.bytes()) {
        no_tokenizer(tokenizer, "a GGUF file")?;
        gguf::import(path, file)
    } else if llama2c::recognise(file.bytes()) {
        llama2c::import(path, file, tokenizer)
    } else {
        Err(
            Error::new("this is no GGUF file, Hugging Face folder or llama2.c checkpoint").remedy(
                "give a .gguf file, a folder with config.json, or a .bin written by llama2.c",
            ),
        )
    }
    .map_err(|error| error.in_file(path))
}

/// The files that [`import_with_tokenizer`] reads; of a folder also those that it has no need of.
///
/// # Errors
/// When the model cannot be opened.
pub fn files_of(path: &Path, tokenizer: Option<&Path>) -> Result<Vec<PathBuf>> {
    if path.is_dir() {
        return hf::files(path);
    }
    let mut files = vec![path.to_owned()];
    let file = source::open(path)?;
    if !gguf::recognise(file.bytes()) {
        files.extend(llama2c::tokenizer(path, &file, tokenizer));
    }
    Ok(files)
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
