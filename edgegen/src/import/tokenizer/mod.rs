//! Tokenizer files → [`Tokenizer`](crate::model::Tokenizer).

mod byte_level;
pub mod gguf;
pub mod hf;
mod hf_file;
pub mod llama2c;
mod pre;
mod sentence_piece;

pub(super) use hf_file::Ids;
pub(crate) use pre::pre_tokenizers;

/// Names of tokens that end a turn or a text, where they are control tokens;
/// llama.cpp's list.
const STOP_NAMES: [&str; 14] = [
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<end_of_turn>",
    "<end_of_utterance>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "<｜end▁of▁sentence｜>",
];

/// The stop ids: those that the file names, and control tokens of a known name.
fn stop_ids(named: impl IntoIterator<Item = u32>, tokens: &[crate::model::Token]) -> Vec<u32> {
    use crate::model::TokenClass;
    let known = tokens.iter().zip(0..).filter(|(token, _)| {
        token.class == TokenClass::Control
            && STOP_NAMES.iter().any(|name| name.as_bytes() == token.bytes)
    });
    named.into_iter().chain(known.map(|(_, id)| id)).collect()
}
