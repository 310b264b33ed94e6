//! The tokenizer and chat template of a folder.

use crate::error::{Error, Result};
use crate::import::chat;
use crate::import::tokenizer::{hf, sentencepiece_model};
use crate::model::{ChatTemplate, Tokenizer, View};

use super::Folder;
use super::folder::{FAST, SLOW};

const CONFIG: &str = "tokenizer_config.json";
const GENERATION: &str = "generation_config.json";

/// Reads the files, and adds those that exist to `sources`. `stop` are the ids that end a generation
/// beside those that these files name.
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

    let mut stop = stop.to_vec();
    if let Some(generation) = &generation {
        stop.extend(hf::stop_ids(generation.bytes()).map_err(damaged(GENERATION))?);
    }
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
    let chat = match template {
        Some(template) => chat::read(&template, &tokenizer)?,
        None => None,
    };
    Ok((tokenizer, chat))
}
