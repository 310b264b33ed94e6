//! Tokenizer files → [`Tokenizer`](crate::model::Tokenizer).

mod byte_level;
pub mod gguf;
pub mod hf;
mod hf_file;
pub mod llama2c;
mod pre;
mod sentence_piece;
pub mod sentencepiece_model;

pub(super) use hf_file::Ids;
pub(crate) use pre::pre_tokenizers;

use crate::model::Token;

/// Names of tokens that end a turn or a text, of whatever kind a file says that they are;
/// llama.cpp's list.
const STOP_NAMES: [&str; 22] = [
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|calls|>",
    "<|flush|>",
    "<|tool_response>",
    "<turn|>",
    "<eos>",
    "</s>",
    "[EOS]",
    "[e~[",
    "<end_of_turn>",
    "<end_of_utterance>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "<｜end▁of▁sentence｜>",
];

/// Names that are no end where there is another one.
const NO_STOP_BESIDE: [(&str, &[&str]); 3] = [
    ("<|end|>", &["<|return|>", "<|call|>"]),
    ("<|end|>", &["<|calls|>", "<|flush|>"]),
    ("</s>", &["<|tool_response>"]),
];

/// What is told of settings whose ids no token has, if there are any.
pub(in crate::import) fn unused_note(settings: &[String]) -> Option<String> {
    let settings: Vec<String> = settings.iter().map(|name| format!("`{name}`")).collect();
    let settings = settings.join(", ");
    (!settings.is_empty()).then(|| format!("ids that no token has are ignored: {settings}"))
}

/// Those of the ids that are tokens, and the tokens of a known name.
fn ends(named: impl IntoIterator<Item = u32>, tokens: &[Token]) -> Vec<u32> {
    let named = named.into_iter().filter(|&id| (id as usize) < tokens.len());
    let known = stops(tokens.iter().map(|token| &token.bytes[..]));
    named.chain(known).collect()
}

/// The tokens of a known name, by their texts.
fn stops<'t>(texts: impl Iterator<Item = &'t [u8]>) -> Vec<u32> {
    let name = |text: &[u8]| STOP_NAMES.into_iter().find(|name| name.as_bytes() == text);
    let known: Vec<(&str, u32)> = texts
        .zip(0..)
        .filter_map(|(text, id)| Some((name(text)?, id)))
        .collect();
    let is_there = |name: &&str| known.iter().any(|(known, _)| known == name);
    let ends = |name: &str| {
        let mut rules = NO_STOP_BESIDE.iter().filter(|(other, _)| *other == name);
        !rules.any(|(_, beside)| beside.iter().all(is_there))
    };
    let ending = known.iter().filter(|(name, _)| ends(name));
    ending.map(|&(_, id)| id).collect()
}
