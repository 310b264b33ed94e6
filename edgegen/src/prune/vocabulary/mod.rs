//! Leaves tokens out of the vocabulary, with their rows of the embedding and of
//! the output projection.
//!
//! A text whose tokens are all kept has the same tokens as before, with new ids; any other text
//! still has tokens, smaller ones. For this, what a kept token is merged from is kept too, and so
//! is every byte.

mod choice;
mod derivation;
mod subset;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};

use unicode_script::{Script, UnicodeScript};

use crate::bind;
use crate::error::Result;
use crate::model::tables::byte_tokens;
use crate::model::{ChatPiece, Model, TokenClass};

/// Keeps `size` tokens: those that every text may need (special tokens, bytes, those of the chat
/// template and the model's own system message), then those that are most frequent in `text`; of
/// equals first those of its scripts, then those with the lowest ids, which BPE learnt first.
///
/// # Errors
///
/// When the model has fewer tokens, when `size` is less than what every text may need, or when
/// the rows of the embedding cannot be told apart in its encoding.
pub fn vocabulary(model: Model, size: usize, text: &str) -> Result<Model> {
    let tables = model.tokenizer().tables();
    let mut counts = vec![0; model.tokenizer().tokens().len()];
    // Paragraph by paragraph, as the work grows with the square of what is encoded at once.
    for paragraph in text.split_inclusive("\n\n") {
        for id in tables.encode(paragraph, false) {
            counts[id as usize] += 1u64;
        }
    }
    // What a large vocabulary has for other scripts is worth less than what is not in the text by
    // chance.
    let scripts: HashSet<Script> = text.chars().filter_map(script).collect();
    let foreign = |id: usize| {
        let token = std::str::from_utf8(&model.tokenizer().tokens()[id].bytes);
        !token.is_ok_and(|token| {
            token
                .chars()
                .filter_map(script)
                .all(|s| scripts.contains(&s))
        })
    };
    let mut ranked: Vec<u32> = (0..counts.len() as u32).collect();
    ranked.sort_by_cached_key(|&id| (Reverse(counts[id as usize]), foreign(id as usize), id));
    let kept = choice::choose(model.tokenizer(), required(&model), &ranked, size)?;
    let tokenizer = subset::subset(model.tokenizer(), &kept)?;
    bind::vocabulary(&model, tokenizer, &kept)
}

/// The script of a character, if it is of one.
fn script(c: char) -> Option<Script> {
    let script = c.script();
    (!matches!(script, Script::Common | Script::Inherited)).then_some(script)
}

/// Tokens that every text may need.
fn required(model: &Model) -> BTreeSet<u32> {
    let tokenizer = model.tokenizer();
    let mut ids: BTreeSet<u32> = (0..)
        .zip(tokenizer.tokens())
        .filter(|(_, token)| !matches!(token.class, TokenClass::Normal | TokenClass::Unused))
        .map(|(id, _)| id)
        .collect();
    ids.extend(byte_tokens(tokenizer).into_iter().flatten());
    ids.extend(tokenizer.added().iter().map(|added| added.id));
    ids.extend([tokenizer.bos(), tokenizer.eos()].into_iter().flatten());
    ids.extend(tokenizer.stop());
    if let Some(chat) = model.chat_template() {
        let tables = tokenizer.tables();
        for piece in chat
            .with_system
            .iter()
            .flatten()
            .chain(&chat.without_system)
        {
            if let ChatPiece::Literal(text) = piece {
                ids.extend(tables.encode(text, true));
            }
        }
    }
    ids
}
