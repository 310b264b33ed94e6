//! The tokenizer in GGUF's metadata (`tokenizer.ggml.*`).

use std::collections::{HashMap, HashSet};

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
    /// `bos_token_id`; like the next two, of no use where it is no token's.
    pub bos: Option<i128>,
    /// `eos_token_id`.
    pub eos: Option<i128>,
    /// `eot_token_id`, `eom_token_id` and others that end a generation.
    pub stop: Vec<i128>,
    /// `add_bos_token`.
    pub add_bos: Option<bool>,
    /// `add_eos_token`.
    pub add_eos: Option<bool>,
    /// `add_space_prefix`.
    pub add_space_prefix: Option<bool>,
    /// `general.name`: tokens of Phi-3 take the white space that follows them.
    pub name: Option<&'a str>,
}

/// Builds the tokenizer; defaults are llama.cpp's.
///
/// # Errors
/// Names the key that is missing, unknown or inconsistent.
pub fn from_gguf(file: &GgufTokenizer<'_>) -> Result<Tokenizer> {
    let tokenizer = parts(file).and_then(Tokenizer::new);
    tokenizer.map_err(|error| error.at("tokenizer.ggml"))
}

/// As [`from_gguf`], before the parts are checked.
pub(super) fn parts(file: &GgufTokenizer<'_>) -> Result<TokenizerParts> {
    if file.tokens.len() > MAX_TOKENS {
        return Err(Error::new(format!(
            "{} tokens; at most {MAX_TOKENS} are possible",
            file.tokens.len()
        ))
        .at("tokenizer.ggml.tokens"));
    }
    let stops = super::stops(file.tokens.iter().map(|text| text.as_bytes()));
    let classes = classes(file, &stops)?;
    let mut parts = match file.model {
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
    parts.stop.extend(stops);
    Ok(parts)
}

fn byte_level(file: &GgufTokenizer<'_>, classes: &[TokenClass]) -> Result<TokenizerParts> {
    let named = pre_tokenizer(file.pre)?;
    let ids: HashMap<&str, u32> = file.tokens.iter().copied().zip(0..).collect();
    let merges = file
        .merges
        .as_ref()
        .ok_or_else(|| missing("merges", "byte-level BPE"))?;
    // As llama.cpp: what is no merge of two tokens is none, and of equal ones the first counts.
    let pairs = merges.iter().filter_map(|merge| split_merge(merge));
    let mut seen = HashSet::new();
    let merges = byte_level::ranked_merges(pairs, &ids).filter_map(Result::ok);
    let merges = merges.filter(|merge| seen.insert((merge.left, merge.right)));
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
            nfc: named.nfc,
            lowercase: false,
        }),
        merges: merges.collect(),
        ..common(
            file,
            [None; 2],
            named.whole_words,
            file.tokens.iter().zip(classes).map(decode).collect(),
        )
    })
}

/// The score that a converter writes which has none: then the order of merges is lost.
const NO_SCORE: f32 = -1000.0;

fn sentence_piece(file: &GgufTokenizer<'_>, classes: &[TokenClass]) -> Result<TokenizerParts> {
    let scores = file
        .scores
        .as_ref()
        .ok_or_else(|| missing("scores", "SentencePiece"))?;
    same_count("scores", scores.len(), file)?;
    let mut normal = scores.iter().zip(classes);
    if normal.all(|(&score, &class)| class != TokenClass::Normal || score == NO_SCORE) {
        return Err(
            Error::new("no token has a score, so the order of merges is not known")
                .at("tokenizer.ggml.scores")
                .remedy("convert the original model again, with its tokenizer.model beside it"),
        );
    }
    let pieces: Vec<Piece<'_>> = file
        .tokens
        .iter()
        .zip(scores)
        .zip(classes)
        .map(|((&text, &score), &class)| Piece { text, score, class })
        .collect();
    let (merges, alphabet) = sentence_piece::scored_merges(&pieces, true)
        .map_err(|error| error.at("tokenizer.ggml.scores"))?;
    let tokens = pieces.iter().map(|piece| {
        // The user's symbols are found where spaces are escaped, and merge as all do.
        let shown = match piece.class {
            TokenClass::UserDefined => TokenClass::Normal,
            class => class,
        };
        Token {
            bytes: sentence_piece::decode(piece.text, shown, true),
            class: piece.class,
        }
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
        ..common(file, [Some(1), Some(2)], true, tokens.collect())
    })
}

/// What both schemes share, with `scheme` and `merges` still to be set, and tokens that end a text by
/// their names; BOS, EOS and whether a text begins with BOS, where the file does not say.
fn common(
    file: &GgufTokenizer<'_>,
    [bos, eos]: [Option<i128>; 2],
    add_bos: bool,
    tokens: Vec<Token>,
) -> TokenizerParts {
    let token = |id: i128| {
        u32::try_from(id)
            .ok()
            .filter(|&id| (id as usize) < tokens.len())
    };
    let bos = file.bos.or(bos).and_then(token);
    let eos = file.eos.or(eos).and_then(token);
    let mut stop: Vec<u32> = file.stop.iter().copied().filter_map(token).collect();
    stop.extend(eos);
    TokenizerParts {
        scheme: Scheme::ByteLevel(ByteLevel {
            pre_tokenizer: PreTokenizer::Gpt2,
            ignore_merges: false,
            nfc: false,
            lowercase: false,
        }),
        merges: Vec::new(),
        added: added(&tokens, is_phi3(file)),
        add_bos: bos.is_some() && file.add_bos.unwrap_or(add_bos),
        add_eos: eos.is_some() && file.add_eos.unwrap_or(false),
        bos,
        eos,
        stop,
        tokens,
    }
}

/// Whether llama.cpp takes it for Phi-3.
fn is_phi3(file: &GgufTokenizer<'_>) -> bool {
    let name = file.name.unwrap_or_default().to_lowercase();
    name.contains("phi-3") || name.contains("phi3")
}

/// Tokens of Phi-3 that do not take the white space that follows them.
const PHI3_ALONE: [&[u8]; 3] = [b"<unk>", b"<s>", b"<|endoftext|>"];

/// Control, unknown and user-defined tokens, as llama.cpp; of equal texts the last.
fn added(tokens: &[Token], is_phi3: bool) -> Vec<AddedToken> {
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
                found_by: None,
                late: false,
                special,
                strip_left: false,
                strip_right: is_phi3 && !PHI3_ALONE.contains(&&token.bytes[..]),
            },
        );
    }
    let mut added: Vec<AddedToken> = by_text.into_values().collect();
    added.sort_by_key(|added| added.id);
    added
}

fn classes(file: &GgufTokenizer<'_>, stops: &[u32]) -> Result<Vec<TokenClass>> {
    let mut classes = match &file.token_type {
        None => vec![TokenClass::Normal; file.tokens.len()],
        Some(types) => classes_of(types, file)?,
    };
    // Whatever the file says they are.
    for &id in stops {
        classes[id as usize] = TokenClass::Control;
    }
    Ok(classes)
}

fn classes_of(types: &[i32], file: &GgufTokenizer<'_>) -> Result<Vec<TokenClass>> {
    same_count("token_type", types.len(), file)?;
    let class = |(id, &number): (usize, &i32)| {
        let class = match number {
            // 0 is undefined.
            0 | 1 => TokenClass::Normal,
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
fn split_merge(merge: &str) -> Option<(&str, &str)> {
    let first = merge.chars().next().map_or(0, char::len_utf8);
    let at = first + merge[first..].find(' ')?;
    Some((&merge[..at], &merge[at + 1..])).filter(|(_, right)| !right.is_empty())
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
