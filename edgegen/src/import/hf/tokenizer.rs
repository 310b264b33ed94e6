//! The tokenizer and chat template of a folder.

use crate::error::{Error, Result};
use crate::import::{chat, tokenizer};
use crate::model::{ChatTemplate, Tokenizer, View};

use super::Folder;

/// Reads the files, and adds those that exist to `sources`. `stop` are the ids that end a generation
/// unless `generation_config.json` names them.
pub(super) fn read(
    folder: Folder<'_>,
    stop: &[u32],
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
    let damaged = |error: Error| {
        let error = error.in_file(&folder.root());
        error.remedy("the file is damaged or inconsistent; fetch it again")
    };
    let named = match &generation {
        Some(generation) => tokenizer::hf::stop_ids(generation.bytes()).map_err(damaged)?,
        None => None,
    };
    let tokenizer = tokenizer::hf::from_hf(
        file.bytes(),
        config.as_ref().map(View::bytes),
        named.as_deref().unwrap_or(stop),
    )
    .map_err(damaged)?;
    let template = match (&jinja, &config) {
        (Some(jinja), _) => std::str::from_utf8(jinja.bytes()).ok().map(str::to_owned),
        (None, Some(config)) => tokenizer::hf::chat_template(config.bytes())?,
        (None, None) => None,
    };
    let chat = match template {
        Some(template) => chat::read(&template, &tokenizer)?,
        None => None,
    };
    Ok((tokenizer, chat))
}
