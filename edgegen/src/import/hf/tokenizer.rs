//! The tokenizer and chat template of a folder.

use std::path::Path;

use crate::error::{Error, Result};
use crate::import::{chat, tokenizer};
use crate::model::{ChatTemplate, Tokenizer, View};

/// Reads the files, and adds those that exist to `sources`.
pub(super) fn read(
    folder: &Path,
    sources: &mut Vec<View>,
) -> Result<(Tokenizer, Option<ChatTemplate>)> {
    let mut open = |name: &str| -> Result<Option<View>> {
        let path = folder.join(name);
        if !path.is_file() {
            return Ok(None);
        }
        let view = crate::import::source::open(&path)?;
        sources.push(view.clone());
        Ok(Some(view))
    };
    let generation = open("generation_config.json")?;
    let file = open("tokenizer.json")?.ok_or_else(|| {
        Error::new("the folder has no tokenizer.json")
            .in_file(folder)
            .remedy("save the tokenizer in its fast form, which writes the file")
    })?;
    let config = open("tokenizer_config.json")?;
    let jinja = open("chat_template.jinja")?;
    let tokenizer = tokenizer::hf::from_hf(
        file.bytes(),
        config.as_ref().map(View::bytes),
        generation.as_ref().map(View::bytes),
    )
    .map_err(|error| {
        error
            .in_file(folder)
            .remedy("the file is damaged or inconsistent; fetch it again")
    })?;
    let template = match (&jinja, &config) {
        (Some(jinja), _) => std::str::from_utf8(jinja.bytes()).ok().map(str::to_owned),
        (None, Some(config)) => tokenizer::hf::chat_template(config.bytes())?,
        (None, None) => None,
    };
    let chat = template.and_then(|template| chat::reduce(&template, &tokenizer).ok());
    Ok((tokenizer, chat))
}
