//! The tokenizer in GGUF's metadata (`tokenizer.ggml.*`).

use std::collections::HashMap;

use super::byte_level;
use super::pre::{self, Named};
use super::sentence_piece::{self, Piece};
use crate::error::{Error, Result};
use crate::model::{
    AddedToken, ByteLevel, MAX_TOKENS, PreTokenizer, Scheme, SentencePiece, SpacePrefix, Token,
    TokenClass, Tokenizer, TokenizerParts,
};

/// The values of the keys `tokenizer.ggml.*`, named as they are.
#[derive(Debug, Clone, Default)]
pub struct GgufTokenizer<'a> {
    /// `model`: `gpt2` or `llama`.
    pub model: &'a str,
    /// `pre`, which byte-level BPE needs.
    pub pre: Option<&'a str>,
    /// `tokens`.
    pub tokens: Vec<&'a str>,
    /// `scores`, which SentencePiece needs.
    pub scores: Option<Vec<f32>>,
    /// `token_type`; all normal if absent.
    pub token_type: Option<Vec<i32>>,
    /// `merges`, which byte-level BPE needs.
    pub merges: Option<Vec<&'a str>>,
    /// `bos_token_id`.
    pub bos: Option<u32>,
    /// `eos_token_id`.
    pub eos: Option<u32>,
    /// `eot_token_id`, `eom_token_id` and others that end a generation.
    pub stop: Vec<u32>,
    /// `add_bos_token`.
    pub add_bos: Option<bool>,
    /// `add_eos_token`.
    pub add_eos: Option<bool>,
    /// `add_space_prefix`.
    pub add_space_prefix: Option<bool>,
}

/// Builds the tokenizer; defaults are llama.cpp's.
///
/// # Errors
/// Names the key that is missing, unknown or inconsistent.
pub fn from_gguf(file: &GgufTokenizer<'_>) -> Result<Tokenizer> {
    if file.tokens.len() > MAX_TOKENS {
        return Err(Error::new(format!(
            "{} tokens; at most {MAX_TOKENS} are possible",
            file.tokens.len()
        ))
        .at("tokenizer.ggml.tokens"));
    }
    let classes = classes(file)?;
    let parts = match file.model {
        "gpt2" => byte_level(file, &classes)?,
        "llama" => sentence_piece(file, &classes)?,
        other => {
            return Err(
                Error::unsupported(format!("the tokenizer type {other:?} is not known"))
                    .at("tokenizer.ggml.model")
                    .remedy("supported are gpt2 (byte-level BPE) and llama (SentencePiece BPE)"),
            );
        }
    };
    Tokenizer::new(parts).map_err(|error| error.at("tokenizer.ggml"))
}

fn byte_level(file: &GgufTokenizer<'_>, classes: &[TokenClass]) -> Result<TokenizerParts> {
    let named = pre_tokenizer(file.pre)?;
    let ids: HashMap<&str, u32> = file.tokens.iter().copied().zip(0..).collect();
    let merges = file
        .merges
        .as_ref()
        .ok_or_else(|| missing("merges", "byte-level BPE"))?;
    let pairs = merges.iter().map(|merge| split_merge(merge));
    let pairs = pairs.collect::<Result<Vec<_>>>()?;
    let decode = |(text, &class): (&&str, &TokenClass)| Token {
        bytes: match class {
            TokenClass::Normal | TokenClass::Unused => byte_level::decode(text),
            _ => text.as_bytes().to_vec(),
        },
        class,
    };
    Ok(TokenizerParts {
        scheme: Scheme::ByteLevel(ByteLevel {
            pre_tokenizer: named.pre_tokenizer,
            ignore_merges: named.whole_words,
            assumes_nfc: false,
            lowercase: false,
        }),
        merges: byte_level::ranked_merges(pairs, &ids)
            .map_err(|error| error.at("tokenizer.ggml.merges"))?,
        add_bos: file.add_bos.unwrap_or(named.whole_words),
        ..common(file, file.tokens.iter().zip(classes).map(decode).collect())
    })
}

fn sentence_piece(file: &GgufTokenizer<'_>, classes: &[TokenClass]) -> Result<TokenizerParts> {
    let scores = file
        .scores
        .as_ref()
        .ok_or_else(|| missing("scores", "SentencePiece"))?;
    same_count("scores", scores.len(), file)?;
    let pieces: Vec<Piece<'_>> = file
        .tokens
        .iter()
        .zip(scores)
        .zip(classes)
        .map(|((&text, &score), &class)| Piece { text, score, class })
        .collect();
    let (merges, alphabet) = sentence_piece::scored_merges(&pieces, true)
        .map_err(|error| error.at("tokenizer.ggml.scores"))?;
    let tokens = pieces.iter().map(|piece| Token {
        bytes: sentence_piece::decode(piece.text, piece.class, true),
        class: piece.class,
    });
    Ok(TokenizerParts {
        scheme: Scheme::SentencePiece(SentencePiece {
            space_prefix: match file.add_space_prefix.unwrap_or(true) {
                true => SpacePrefix::Always,
                false => SpacePrefix::Never,
            },
            escaped_space: true,
            alphabet,
        }),
        merges,
        add_bos: file.add_bos.unwrap_or(true),
        ..common(file, tokens.collect())
    })
}

/// What both schemes share, with `scheme`, `merges` and `add_bos` still to be set.
fn common(file: &GgufTokenizer<'_>, tokens: Vec<Token>) -> TokenizerParts {
    let named = file.eos.into_iter().chain(file.stop.iter().copied());
    TokenizerParts {
        scheme: Scheme::ByteLevel(ByteLevel {
            pre_tokenizer: PreTokenizer::Gpt2,
            ignore_merges: false,
            assumes_nfc: false,
            lowercase: false,
        }),
        merges: Vec::new(),
        added: added(&tokens),
        bos: file.bos,
        eos: file.eos,
        add_bos: false,
        add_eos: file.add_eos.unwrap_or(false),
        stop: super::stop_ids(named, &tokens),
        tokens,
    }
}

/// Control, unknown and user-defined tokens, as llama.cpp; of equal texts the last.
fn added(tokens: &[Token]) -> Vec<AddedToken> {
    let mut by_text: HashMap<&[u8], AddedToken> = HashMap::new();
    for (token, id) in tokens.iter().zip(0..) {
        let special = match token.class {
            TokenClass::Control | TokenClass::Unknown => true,
            TokenClass::UserDefined => false,
            _ => continue,
        };
        if token.bytes.is_empty() {
            continue;
        }
        by_text.insert(
            &token.bytes,
            AddedToken {
                id,
                special,
                strip_left: false,
                strip_right: false,
            },
        );
    }
    let mut added: Vec<AddedToken> = by_text.into_values().collect();
    added.sort_by_key(|added| added.id);
    added
}

fn classes(file: &GgufTokenizer<'_>) -> Result<Vec<TokenClass>> {
    let Some(types) = &file.token_type else {
        return Ok(vec![TokenClass::Normal; file.tokens.len()]);
    };
    same_count("token_type", types.len(), file)?;
    let class = |(id, &number): (usize, &i32)| {
        let class = match number {
            1 => TokenClass::Normal,
            2 => TokenClass::Unknown,
            3 => TokenClass::Control,
            4 => TokenClass::UserDefined,
            5 => TokenClass::Unused,
            6 => TokenClass::Byte,
            _ => {
                return Err(Error::new(format!("token {id} has the type {number}"))
                    .at("tokenizer.ggml.token_type")
                    .remedy("types are 1 to 6"));
            }
        };
        let text = file.tokens[id];
        if class == TokenClass::Byte && sentence_piece::byte_token(text).is_none() {
            return Err(Error::new(format!("byte token {id} is called {text:?}"))
                .at("tokenizer.ggml.tokens")
                .remedy("byte tokens are called <0x00> to <0xFF>"));
        }
        Ok(class)
    };
    types.iter().enumerate().map(class).collect()
}

fn pre_tokenizer(pre: Option<&str>) -> Result<Named> {
    let name = pre.ok_or_else(|| {
        missing("pre", "byte-level BPE")
            .remedy("convert the model again with a present llama.cpp, which writes the key")
    })?;
    pre::by_name(name).ok_or_else(|| pre::unknown(&format!("{name:?}"), "tokenizer.ggml.pre"))
}

/// `left right`; the separator is the first space after the first character.
fn split_merge(merge: &str) -> Result<(&str, &str)> {
    let first = merge.chars().next().map_or(0, char::len_utf8);
    merge[first..]
        .find(' ')
        .map(|at| (&merge[..first + at], &merge[first + at + 1..]))
        .ok_or_else(|| {
            Error::new(format!(
                "the merge {merge:?} has no space between two tokens"
            ))
            .at("tokenizer.ggml.merges")
        })
}

fn same_count(key: &str, count: usize, file: &GgufTokenizer<'_>) -> Result<()> {
    if count == file.tokens.len() {
        return Ok(());
    }
    Err(
        Error::new(format!("{count} entries for {} tokens", file.tokens.len()))
            .at(format!("tokenizer.ggml.{key}")),
    )
}

fn missing(key: &str, who: &str) -> Error {
    Error::new(format!("missing, but {who} needs it")).at(format!("tokenizer.ggml.{key}"))
}
