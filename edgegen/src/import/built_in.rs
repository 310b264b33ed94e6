//! homectl, the model that this program carries: `models/homectl` says what it does.

use crate::bind;
use crate::error::Result;
use crate::model::Model;

use super::hf;

macro_rules! file {
    ($name:literal) => {
        (
            $name,
            include_bytes!(concat!("../../models/homectl/", $name)),
        )
    };
}

static FILES: &[(&str, &[u8])] = &[
    file!("README.md"),
    file!("config.json"),
    file!("model.safetensors"),
    file!("tokenizer.json"),
    file!("tokenizer_config.json"),
];

/// The JSON Schema of homectl's answers.
pub const BUILT_IN_SCHEMA: &[u8] = include_bytes!("../../models/homectl/schema.json");

/// A command to try homectl with.
pub const BUILT_IN_PROMPT: &str = "switch off the lamp in the kitchen";

/// homectl: an English household command in, a JSON action out. Its answers are
/// bound to [`BUILT_IN_SCHEMA`].
///
/// # Errors
///
/// None that a user can cause; the files are checked as any others.
pub fn built_in() -> Result<Model> {
    bind::schema(
        hf::import(hf::Folder::Embedded("homectl", FILES))?,
        BUILT_IN_SCHEMA,
    )
}
