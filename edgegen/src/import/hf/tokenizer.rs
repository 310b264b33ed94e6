//! The tokenizer and chat template of a folder.

use crate::error::{Error, Result};
use crate::import::chat;
use crate::import::tokenizer::{hf, sentencepiece_model, unused_note};
use crate::model::{ChatTemplate, Tokenizer, View};

use super::Folder;
use super::folder::{FAST, SLOW};

const CONFIG: &str = "tokenizer_config.json";
const GENERATION: &str = "generation_config.json";

/// What the files say.
pub(super) struct Read {
    pub(super) tokenizer: Tokenizer,
    pub(super) chat_template: Option<ChatTemplate>,
    /// What is told of ids that no token has.
    pub(super) note: Option<String>,
}

/// Reads the files, and adds those that exist to `sources`. `configured` are the ids that end a
/// generation by `config.json`.
pub(super) fn read(
    folder: Folder<'_>,
    configured: &[u32],
    sources: &mut Vec<View>,
) -> Result<Read> {
    let mut open = |name: &str| -> Result<Option<View>> {
        let view = folder.open(name)?;
        sources.extend(view.clone());
        Ok(view)
    };
    let damaged = |name: &'static str| {
        move |error: Error| {
            let error = error.in_file(&folder.path(name));
            error.remedy("the file is damaged or inconsistent; fetch it again")
        }
    };
    let generation = open(GENERATION)?;
    let fast = open(FAST)?;
    let slow = match &fast {
        Some(_) => None,
        None => open(SLOW)?,
    };
    let config_file = open(CONFIG)?;
    let jinja = open("chat_template.jinja")?;

    let generated = match &generation {
        Some(generation) => hf::stop_ids(generation.bytes()).map_err(damaged(GENERATION))?,
        None => Vec::new(),
    };
    let stop = [configured, &generated].concat();
    let config = match &config_file {
        Some(config) => hf::Config::read(config.bytes()).map_err(damaged(CONFIG))?,
        None => hf::Config::default(),
    };
    let tokenizer = match (&fast, &slow) {
        (Some(file), _) => hf::read(file.bytes(), &config, &stop).map_err(damaged(FAST))?,
        (None, Some(file)) => {
            sentencepiece_model::read(file.bytes(), &config, &stop).map_err(damaged(SLOW))?
        }
        (None, None) => {
            return Err(
                Error::new("the folder has neither tokenizer.json nor tokenizer.model")
                    .in_file(&folder.root())
                    .remedy("save the tokenizer in its fast form, which writes tokenizer.json"),
            );
        }
    };
    let template = match (&jinja, &config_file) {
        (Some(jinja), _) => std::str::from_utf8(jinja.bytes()).ok().map(str::to_owned),
        (None, Some(config)) => hf::chat_template(config.bytes()).map_err(damaged(CONFIG))?,
        (None, None) => None,
    };
    let chat_template = match template {
        Some(template) => chat::read(&template, &tokenizer)?,
        None => None,
    };
    let is_unused = |id: &u32| *id as usize >= tokenizer.tokens().len();
    let places = [("config.json", configured), (GENERATION, &generated)];
    let unused = places.iter().filter(|(_, ids)| ids.iter().any(is_unused));
    let unused: Vec<String> = unused
        .map(|(file, _)| format!("{file} eos_token_id"))
        .collect();
    Ok(Read {
        note: unused_note(&unused),
        tokenizer,
        chat_template,
    })
}
