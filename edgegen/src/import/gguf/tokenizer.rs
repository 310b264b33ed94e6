//! The tokenizer and chat template in the metadata.

use super::Metadata;
use crate::error::Result;
use crate::import::chat;
use crate::import::tokenizer::gguf::{GgufTokenizer, from_gguf};
use crate::import::tokenizer::unused_note;
use crate::model::{ChatTemplate, Tokenizer};

const BOS: &str = "bos_token_id";
const EOS: &str = "eos_token_id";
const EOT: &str = "eot_token_id";
const EOM: &str = "eom_token_id";

fn key(name: &str) -> String {
    format!("tokenizer.ggml.{name}")
}

/// Reads the keys `tokenizer.ggml.*`.
pub(super) fn read(metadata: &Metadata) -> Result<Tokenizer> {
    let id = |name: &str| -> Result<Option<i128>> { metadata.integer(&key(name)) };
    let strings = |name: &str| -> Result<Option<Vec<&str>>> {
        let list = metadata.strings(&key(name))?;
        Ok(list.map(|list| list.iter().map(String::as_str).collect()))
    };
    let types = metadata.integers(&key("token_type"))?;
    let types = types.map(|list| {
        list.iter()
            .map(|&n| i32::try_from(n).unwrap_or(-1))
            .collect()
    });
    let model = metadata.required(&key("model"), metadata.string(&key("model"))?)?;
    let mut stop = Vec::new();
    for name in [EOT, EOM] {
        stop.extend(id(name)?);
    }
    from_gguf(&GgufTokenizer {
        model,
        pre: metadata.string(&key("pre"))?,
        tokens: metadata.required(&key("tokens"), strings("tokens")?)?,
        scores: metadata.floats(&key("scores"))?,
        token_type: types,
        merges: strings("merges")?,
        bos: id(BOS)?,
        eos: id(EOS)?,
        stop,
        add_bos: metadata.bool(&key("add_bos_token"))?,
        add_eos: metadata.bool(&key("add_eos_token"))?,
        add_space_prefix: metadata.bool(&key("add_space_prefix"))?,
        name: metadata.shown("general.name"),
    })
}

/// What is told of keys whose ids no token has, if there are any.
pub(super) fn unused_ids(metadata: &Metadata, tokenizer: &Tokenizer) -> Result<Option<String>> {
    let has = |id: i128| usize::try_from(id).is_ok_and(|id| id < tokenizer.tokens().len());
    let mut unused = Vec::new();
    for key in [BOS, EOS, EOT, EOM].map(key) {
        if metadata.integer(&key)?.is_some_and(|id| !has(id)) {
            unused.push(key);
        }
    }
    Ok(unused_note(&unused))
}

/// The chat template, if there is one and it reduces to literal pieces.
pub(super) fn chat_template(
    metadata: &Metadata,
    tokenizer: &Tokenizer,
) -> Result<Option<ChatTemplate>> {
    let template = metadata.string("tokenizer.chat_template")?;
    template.map_or(Ok(None), |template| chat::read(template, tokenizer))
}
