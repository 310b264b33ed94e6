//! The tokenizer and chat template of a folder.

use crate::error::{Error, Result};
use crate::import::{chat, tokenizer};
use crate::model::{ChatTemplate, Tokenizer, View};

use super::Folder;

/// Reads the files, and adds those that exist to `sources`.
pub(super) fn read(
    folder: Folder<'_>,
    sources: &mut Vec<View>,
) -> Result<(Tokenizer, Option<ChatTemplate>)> {
    let mut open = |name: &str| -> Result<Option<View>> {
        let view = folder.open(name)?;
        sources.extend(view.clone());
        Ok(view)
    };
    let generation = open("generation_config.json")?;
    let file = open("tokenizer.json")?.ok_or_else(|| {
        Error::new("the folder has no tokenizer.json")
            .in_file(&folder.root())
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
            .in_file(&folder.root())
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
