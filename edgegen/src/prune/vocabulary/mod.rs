//! Leaves tokens out of the vocabulary, with their rows of the embedding and of
//! the output projection.
//!
//! A text whose tokens are all kept has the same tokens as before, with new ids; any other text
//! still has tokens, smaller ones. For this, what a kept token is merged from is kept too, and so
//! is every byte.

mod choice;
mod derivation;
mod subset;

use std::collections::BTreeSet;

use crate::bind;
use crate::error::Result;
use crate::model::tables::byte_tokens;
use crate::model::{ChatPiece, Model, TokenClass};

/// Keeps `size` tokens: those that every text may need (special tokens, bytes, those of the chat
/// template and the model's own system message), then those that are most frequent in `text`, then those with the lowest ids, which
/// BPE learnt first.
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
    let kept = choice::choose(model.tokenizer(), required(&model), &counts, size)?;
    let tokenizer = subset::subset(model.tokenizer(), &kept)?;
    bind::vocabulary(&model, tokenizer, &kept)
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
