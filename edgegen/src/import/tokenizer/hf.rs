//! Hugging Face's `tokenizer.json`, and what `tokenizer_config.json` and `generation_config.json` say
//! of tokens.

use std::collections::{BTreeMap, HashMap};

use serde_json::error::Category;
use unicode_normalization_alignments::UnicodeNormalization;

use super::byte_level;
pub use super::hf_file::Config;
use super::hf_file::{
    Added, ChatConfig, Generation, Ids, KindOfFile, MergeText, Model, Name, Normalizer, Pattern,
    PostProcessor, PreTokenizer as Pre, TemplatePiece, Templates, TokenizerFile,
};
use super::pre;
use super::sentence_piece::{self, ESCAPED_SPACE};
use crate::error::{Error, Result};
use crate::import::json;
use crate::model::{
    AddedToken, ByteLevel, MAX_TOKENS, Merge, PreTokenizer, Scheme, SentencePiece, SpacePrefix,
    Token, TokenClass, Tokenizer, TokenizerParts,
};

const TOKENIZER: &str = "tokenizer.json";

/// Builds the tokenizer from the contents of `tokenizer.json`, and of `tokenizer_config.json` if there
/// is one. `stop` are ids that end a generation, beside EOS and control tokens of known names.
///
/// # Errors
/// Names the component that is unknown, malformed or inconsistent.
pub fn from_hf(
    tokenizer_json: &[u8],
    tokenizer_config_json: Option<&[u8]>,
    stop: &[u32],
) -> Result<Tokenizer> {
    let config = tokenizer_config_json.map_or_else(|| Ok(Config::default()), Config::read);
    read(tokenizer_json, &config?, stop)
}

/// As [`from_hf`], of a configuration that was read.
pub(in crate::import) fn read(
    tokenizer_json: &[u8],
    config: &Config,
    stop: &[u32],
) -> Result<Tokenizer> {
    let mut file: TokenizerFile = json::read(tokenizer_json).map_err(|error| {
        let unknown = json::read(tokenizer_json)
            .ok()
            .and_then(|file: KindOfFile| {
                let kind = file.model.kind?;
                (kind != BPE).then(|| unknown_type(&kind))
            });
        let what_to_do = match error.classify() {
            Category::Data => {
                "supported are byte-level BPE and SentencePiece-like BPE with byte fallback"
            }
            _ => OTHERWISE,
        };
        unknown.unwrap_or_else(|| cannot_be_read(TOKENIZER, &error).remedy(what_to_do))
    })?;
    settle_added(&mut file);
    assemble(&file, config, stop)
        .and_then(Tokenizer::new)
        .map_err(|error| error.at(TOKENIZER))
}

impl Config {
    /// Reads `tokenizer_config.json`.
    ///
    /// # Errors
    /// When it is no JSON, or a token in it is none.
    pub fn read(tokenizer_config_json: &[u8]) -> Result<Self> {
        small("tokenizer_config.json", tokenizer_config_json)
    }
}

/// The ids that end a generation by `generation_config.json`.
///
/// # Errors
/// When it is no JSON, or they are not ids.
pub fn stop_ids(generation_config_json: &[u8]) -> Result<Vec<u32>> {
    let generation: Generation = small("generation_config.json", generation_config_json)?;
    Ok(generation.eos_token_id.map_or_else(Vec::new, Ids::into_vec))
}

const OTHERWISE: &str = "correct the file or fetch it again";

fn small<T: serde::de::DeserializeOwned>(name: &str, text: &[u8]) -> Result<T> {
    json::read_small(text).map_err(|error| cannot_be_read(name, &error).remedy(OTHERWISE))
}

fn cannot_be_read(name: &str, error: &serde_json::Error) -> Error {
    Error::new(format!("cannot be read: {error}")).at(name)
}

/// As `tokenizers` adds them (added_vocabulary.rs): none without a text, and a text that the
/// vocabulary has under the id that it has there.
fn settle_added(file: &mut TokenizerFile) {
    file.added_tokens.retain(|token| !token.content.is_empty());
    for token in &mut file.added_tokens {
        if let Some(&id) = file.model.vocab.get(&token.content) {
            token.id = id;
        }
    }
}

fn assemble(file: &TokenizerFile, config: &Config, stop: &[u32]) -> Result<TokenizerParts> {
    check_model(&file.model)?;
    let texts = texts(file)?;
    let ids: HashMap<&str, u32> = file
        .model
        .vocab
        .iter()
        .map(|(text, &id)| (text.as_str(), id))
        .collect();
    let merges = merges(&file.model, &ids)?;
    let scheme = scheme(file)?;
    let classes = classes(file, texts.len(), &scheme, &texts);
    let tokens: Vec<Token> = texts
        .iter()
        .zip(&classes)
        .map(|(&text, &class)| Token {
            bytes: match &scheme {
                Scheme::ByteLevel(_) if class == TokenClass::Normal => byte_level::decode(text),
                Scheme::ByteLevel(_) => text.as_bytes().to_vec(),
                Scheme::SentencePiece(_) => sentence_piece::decode(text, class, true),
            },
            class,
        })
        .collect();
    let scheme = match scheme {
        Scheme::SentencePiece(scheme) => Scheme::SentencePiece(SentencePiece {
            alphabet: alphabet(&ids, &classes),
            ..scheme
        }),
        byte_level => {
            check_bytes(&tokens, file.model.unk_token.as_deref())?;
            byte_level
        }
    };

    let id_of = |text: &str| {
        let added = file.added_tokens.iter().find(|token| token.content == text);
        added
            .map(|token| token.id)
            .or_else(|| ids.get(text).copied())
            .ok_or_else(|| {
                Error::new(format!(
                    "the special token {text:?} is not in the vocabulary"
                ))
            })
    };
    let named = |name: &Option<Name>| name.as_ref().map(|name| id_of(name.text())).transpose();
    let (before, after) = added_around(file.post_processor.as_ref())?;
    let mut bos = named(&config.bos_token)?;
    let mut eos = named(&config.eos_token)?;
    let put = |special: Special<'_>| match (id_of(special.name)?, special.ids) {
        (id, Some(ids)) if ids != [id] => Err(Error::unsupported(format!(
            "the post-processor puts the ids {ids:?} for {:?}, which has the id {id}",
            special.name
        ))
        .remedy("correct `special_tokens` of the post-processor, or fetch the file again")),
        (id, _) => Ok(id),
    };
    if let Some(special) = before {
        bos = Some(put(special)?);
    }
    if let Some(special) = after {
        eos = Some(put(special)?);
    }
    // Only Llama's class rewrites the post-processor by these settings.
    let rewrites = config
        .tokenizer_class
        .as_deref()
        .is_some_and(|class| class.starts_with("LlamaTokenizer"));
    let adds = |setting: Option<bool>, special: Option<Special<'_>>| {
        setting.filter(|_| rewrites).unwrap_or(special.is_some())
    };
    Ok(TokenizerParts {
        added: added(file, &scheme, &tokens)?,
        scheme,
        merges,
        bos,
        eos,
        add_bos: adds(config.add_bos_token, before),
        add_eos: adds(config.add_eos_token, after),
        stop: super::ends(stop.iter().copied().chain(eos), &tokens),
        tokens,
    })
}

fn check_model(model: &Model) -> Result<()> {
    if let Some(kind) = model.kind.as_deref().filter(|&kind| kind != BPE) {
        return Err(unknown_type(kind));
    }
    if model.dropout.is_some_and(|dropout| dropout != 0.0) {
        return Err(other_model("merges are dropped at random".into()));
    }
    let affixes = [&model.continuing_subword_prefix, &model.end_of_word_suffix];
    if affixes.into_iter().flatten().any(|affix| !affix.is_empty()) {
        return Err(other_model("subwords have prefixes or suffixes".into()));
    }
    Ok(())
}

/// The type of the models that are read.
const BPE: &str = "BPE";

fn unknown_type(kind: &str) -> Error {
    other_model(format!("the tokenizer type {kind:?} is not supported"))
}

fn other_model(what: String) -> Error {
    Error::unsupported(what)
        .at("tokenizer.json model")
        .remedy("supported is BPE, byte-level or with byte fallback")
}

/// The text of every id; an id without one has the empty text.
fn texts(file: &TokenizerFile) -> Result<Vec<&str>> {
    let entries = || {
        let vocab = file
            .model
            .vocab
            .iter()
            .map(|(text, &id)| (text.as_str(), id));
        vocab.chain(
            file.added_tokens
                .iter()
                .map(|token| (token.content.as_str(), token.id)),
        )
    };
    let count = entries().map(|(_, id)| id as usize + 1).max().unwrap_or(0);
    if count > MAX_TOKENS {
        return Err(Error::new(format!(
            "the token id {}; at most {MAX_TOKENS} tokens are possible",
            count - 1
        )));
    }
    let mut texts = vec![""; count];
    for (text, id) in entries() {
        let slot = &mut texts[id as usize];
        if !slot.is_empty() && *slot != text {
            // The order of a hash map must not show in the message.
            let (a, b) = if *slot < text {
                (*slot, text)
            } else {
                (text, *slot)
            };
            return Err(Error::new(format!("the id {id} is both {a:?} and {b:?}")));
        }
        *slot = text;
    }
    Ok(texts)
}

fn merges(model: &Model, ids: &HashMap<&str, u32>) -> Result<Vec<Merge>> {
    let pairs = model.merges.iter().map(|merge| match merge {
        MergeText::Pair(left, right) => Ok((left.as_str(), right.as_str())),
        MergeText::Joined(text) => text
            .split_once(' ')
            .filter(|(_, right)| !right.contains(' '))
            .ok_or_else(|| Error::new(format!("the merge {text:?} is not two tokens"))),
    });
    let merges = byte_level::ranked_merges(pairs.collect::<Result<Vec<_>>>()?, ids);
    // Of a pair that is there twice the last counts.
    let merges = merges.map(|merge| merge.map(|merge| ((merge.left, merge.right), merge)));
    let merges: BTreeMap<(u32, u32), Merge> = merges.collect::<Result<_>>()?;
    Ok(merges.into_values().collect())
}

/// Recognises the exact combinations of normalizer and pre-tokenizer.
fn scheme(file: &TokenizerFile) -> Result<Scheme> {
    let normalizers: Vec<&Normalizer> = match &file.normalizer {
        None => Vec::new(),
        Some(Normalizer::Sequence { normalizers }) => normalizers.iter().collect(),
        Some(other) => vec![other],
    };
    let pre_tokenizers: Vec<&Pre> = match &file.pre_tokenizer {
        None => Vec::new(),
        Some(Pre::Sequence { pretokenizers }) => pretokenizers.iter().collect(),
        Some(other) => vec![other],
    };
    if file.model.byte_fallback {
        return Ok(Scheme::SentencePiece(SentencePiece {
            space_prefix: space_prefix(&normalizers, &pre_tokenizers)?,
            escaped_space: true,
            alphabet: Vec::new(),
        }));
    }
    let pre_tokenizer = pre_tokenizer(&pre_tokenizers)?;
    let ignore_merges = file.model.ignore_merges;
    let gpt2 = matches!(pre_tokenizer, PreTokenizer::Gpt2 | PreTokenizer::Smollm);
    let (nfc, lowercase) = match normalizers[..] {
        [] => (false, false),
        [Normalizer::Nfc] => (true, false),
        [Normalizer::Lowercase] if gpt2 && !ignore_merges => (false, true),
        _ => {
            return Err(Error::unsupported(
                "a normalizer that byte-level BPE is not known to have",
            )
            .remedy("supported are none, NFC, and Lowercase with gpt2 or smollm"));
        }
    };
    Ok(Scheme::ByteLevel(ByteLevel {
        pre_tokenizer,
        ignore_merges,
        nfc,
        lowercase,
    }))
}

fn pre_tokenizer(pre_tokenizers: &[&Pre]) -> Result<PreTokenizer> {
    let is_bytes = |pre: &Pre, regex: bool| matches!(pre, Pre::ByteLevel { add_prefix_space: false, use_regex } if *use_regex == regex);
    match pre_tokenizers {
        [bytes] if is_bytes(bytes, true) => Ok(PreTokenizer::Gpt2),
        [
            Pre::Digits {
                individual_digits: true,
            },
            bytes,
        ] if is_bytes(bytes, true) => Ok(PreTokenizer::Smollm),
        [splits @ .., bytes] if !splits.is_empty() && is_bytes(bytes, false) => by_splits(splits),
        _ => Err(unknown_pre("this combination")),
    }
}

fn by_splits(splits: &[&Pre]) -> Result<PreTokenizer> {
    let expressions = splits.iter().map(|split| match split {
        Pre::Split {
            pattern: Pattern::Regex(regex),
            behavior,
            invert,
        } if keeps_all(behavior, *invert, splits.len()) => Ok(regex.as_str()),
        _ => Err(unknown_pre("this combination")),
    });
    let expressions = expressions.collect::<Result<Vec<&str>>>()?;
    pre::by_expressions(&expressions).ok_or_else(|| {
        let plural = if expressions.len() > 1 { "s" } else { "" };
        unknown_pre(&format!(
            "the regular expression{plural} {}",
            quoted(&expressions)
        ))
    })
}

/// Whether the matches are words and nothing is lost: all text matches an expression that is alone.
fn keeps_all(behavior: &str, invert: bool, splits: usize) -> bool {
    match behavior {
        "Isolated" => true,
        "Removed" => invert && splits == 1,
        _ => false,
    }
}

fn quoted(texts: &[&str]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
    quoted.join(", ")
}

fn unknown_pre(what: &str) -> Error {
    pre::unknown(what, "tokenizer.json pre_tokenizer")
}

fn space_prefix(normalizers: &[&Normalizer], pre_tokenizers: &[&Pre]) -> Result<SpacePrefix> {
    let escaped = ESCAPED_SPACE.to_string();
    let replaces = |normalizer: &Normalizer| {
        matches!(normalizer, Normalizer::Replace { pattern, content }
            if *pattern == Pattern::String(" ".into()) && *content == escaped)
    };
    // After the replacement there is no space left, so this splits nothing.
    let splits_nothing = |pre: &Pre| matches!(pre, Pre::Split { pattern, .. } if *pattern == Pattern::String(" ".into()));
    match (normalizers, pre_tokenizers) {
        ([Normalizer::Prepend { prepend }, replace], [])
            if *prepend == escaped && replaces(replace) =>
        {
            Ok(SpacePrefix::Always)
        }
        ([replace], []) if replaces(replace) => Ok(SpacePrefix::Never),
        ([replace], [pre]) if replaces(replace) && splits_nothing(pre) => Ok(SpacePrefix::Never),
        (
            [],
            [
                Pre::Metaspace {
                    replacement,
                    prepend_scheme,
                    add_prefix_space,
                    split: false,
                },
            ],
        ) if *replacement == escaped => match (prepend_scheme.as_str(), add_prefix_space) {
            ("never", _) | (_, Some(false)) => Ok(SpacePrefix::Never),
            ("always", _) => Ok(SpacePrefix::Missing),
            ("first", _) => Ok(SpacePrefix::First),
            (other, _) => Err(Error::unsupported(format!(
                "the prepend scheme {other:?} is not known"
            ))),
        },
        _ => Err(Error::unsupported(
            "this combination of normalizer and pre-tokenizer is not known for SentencePiece",
        )
        .remedy(
            "supported are Prepend and Replace, Replace alone, and Metaspace without splitting",
        )),
    }
}

fn classes(file: &TokenizerFile, count: usize, scheme: &Scheme, texts: &[&str]) -> Vec<TokenClass> {
    let mut classes = vec![TokenClass::Normal; count];
    for (class, text) in classes.iter_mut().zip(texts) {
        if text.is_empty() {
            *class = TokenClass::Unused;
        } else if matches!(scheme, Scheme::SentencePiece(_)) && is_byte(text, &file.model) {
            *class = TokenClass::Byte;
        }
    }
    for token in file
        .added_tokens
        .iter()
        .filter(|token| decodes_as_written(token, scheme))
    {
        let unknown = file.model.unk_token.as_ref() == Some(&token.content);
        classes[token.id as usize] = match token.special {
            true if unknown && matches!(scheme, Scheme::SentencePiece(_)) => TokenClass::Unknown,
            true => TokenClass::Control,
            false => TokenClass::UserDefined,
        };
    }
    classes
}

/// Whether a text stands for a byte. Gemma's tab does, which has the place of `<0x09>`.
fn is_byte(text: &str, model: &Model) -> bool {
    let itself = |byte: u8| !model.vocab.contains_key(&format!("<0x{byte:02X}>"));
    sentence_piece::byte_token(text).is_some() || matches!(text.as_bytes(), &[byte] if itself(byte))
}

/// The characters that are tokens. Byte tokens are reached otherwise.
fn alphabet(ids: &HashMap<&str, u32>, classes: &[TokenClass]) -> Vec<(char, u32)> {
    let mut alphabet = BTreeMap::new();
    for (&text, &id) in ids {
        let mut chars = text.chars();
        if let (Some(c), None) = (chars.next(), chars.next())
            && c != ' '
            && classes[id as usize] != TokenClass::Byte
        {
            alphabet.insert(c, id);
        }
    }
    sentence_piece::unescape(alphabet, true)
}

/// Bytes without a token vanish, but only where there is no unknown token.
fn check_bytes(tokens: &[Token], unknown: Option<&str>) -> Result<()> {
    let mut has = [false; 256];
    for token in tokens
        .iter()
        .filter(|token| token.class == TokenClass::Normal)
    {
        if let [byte] = token.bytes[..] {
            has[usize::from(byte)] = true;
        }
    }
    match unknown {
        Some(unknown) if has.contains(&false) => Err(Error::unsupported(format!(
            "some bytes have no token and would become {unknown:?}"
        ))
        .remedy("byte-level BPE with an unknown token needs all 256 bytes")),
        _ => Ok(()),
    }
}

/// Whether a token decodes to the text that it has in the file. Gemma's rows of spaces do not: they
/// are written as U+2581.
fn decodes_as_written(token: &Added, scheme: &Scheme) -> bool {
    let rewritten = matches!(scheme, Scheme::SentencePiece(_)) && !token.special;
    !(rewritten && token.content.contains(ESCAPED_SPACE))
}

/// As `tokenizers` (added_vocabulary.rs): tokens that are not normalized are found in the text as it
/// is written, the others in what is left when that is normalized, by what normalizing makes of
/// them.
fn added(file: &TokenizerFile, scheme: &Scheme, tokens: &[Token]) -> Result<Vec<AddedToken>> {
    let normalized = |token: &Added| {
        let text = token.content.as_str();
        match scheme {
            Scheme::ByteLevel(scheme) if scheme.nfc => Some(text.nfc().map(|(c, _)| c).collect()),
            Scheme::SentencePiece(scheme) if file.normalizer.is_some() => {
                let before = match scheme.space_prefix {
                    SpacePrefix::Always => " ",
                    _ => "",
                };
                Some(before.to_owned() + &text.replace(ESCAPED_SPACE, " "))
            }
            _ => None,
        }
    };
    let convert = |token: &Added| {
        let refuse = |why: &str| {
            Err(
                Error::unsupported(format!("the added token {:?} {why}", token.content))
                    .at("tokenizer.json added_tokens")
                    .remedy("use a tokenizer without it, or without this property of it"),
            )
        };
        if token.single_word {
            return refuse("is found only as a single word, which is not supported");
        }
        let lowercase = matches!(scheme, Scheme::ByteLevel(scheme) if scheme.lowercase);
        if token.normalized && lowercase {
            return refuse("is found in small letters, which is not supported");
        }
        let late = Some(token).filter(|token| token.normalized);
        let late: Option<String> = late.and_then(normalized);
        let is_late = late.is_some();
        let text = late.unwrap_or_else(|| token.content.clone());
        let own = &tokens[token.id as usize].bytes;
        Ok(AddedToken {
            id: token.id,
            found_by: Some(text).filter(|text| text.as_bytes() != own),
            late: is_late,
            special: token.special,
            strip_left: token.lstrip,
            strip_right: token.rstrip,
        })
    };
    file.added_tokens.iter().map(convert).collect()
}

/// A special token as the post-processor knows it.
#[derive(Clone, Copy, PartialEq)]
struct Special<'a> {
    name: &'a str,
    /// What it becomes, if that is said.
    ids: Option<&'a [u32]>,
}

/// What is before a text, and what after it.
type Around<'a> = (Option<Special<'a>>, Option<Special<'a>>);

/// The special tokens that the post-processor puts before and after the text.
fn added_around(post: Option<&PostProcessor>) -> Result<Around<'_>> {
    let (single, special_tokens) = match post {
        None | Some(PostProcessor::ByteLevel {}) => return Ok((None, None)),
        Some(PostProcessor::TemplateProcessing {
            single,
            special_tokens,
        }) => (single, special_tokens),
        Some(PostProcessor::Sequence { processors }) => {
            let mut around = (None, None);
            for processor in processors {
                match (added_around(Some(processor))?, around) {
                    (next, (None, None)) => around = next,
                    ((None, None), _) => {}
                    _ => return Err(unknown_post()),
                }
            }
            return Ok(around);
        }
    };
    let special = |name| {
        let ids = special_tokens.get(name).map(|token| &token.ids[..]);
        Some(Special { name, ids })
    };
    match &single[..] {
        [TemplatePiece::Sequence {}] => Ok((None, None)),
        [
            TemplatePiece::SpecialToken { id },
            TemplatePiece::Sequence {},
        ] => Ok((special(id), None)),
        [
            TemplatePiece::Sequence {},
            TemplatePiece::SpecialToken { id },
        ] => Ok((None, special(id))),
        [
            TemplatePiece::SpecialToken { id: before },
            TemplatePiece::Sequence {},
            TemplatePiece::SpecialToken { id: after },
        ] => Ok((special(before), special(after))),
        _ => Err(unknown_post()),
    }
}

fn unknown_post() -> Error {
    Error::unsupported("the post-processor adds more than one token before or after the text")
        .at("tokenizer.json post_processor")
        .remedy("supported are at most one token before the text and one after it")
}

/// The chat template in `tokenizer_config.json`: a text, or of a list the one
/// called `default`.
///
/// # Errors
/// If the file is not JSON of the known form.
pub fn chat_template(tokenizer_config_json: &[u8]) -> Result<Option<String>> {
    let config: ChatConfig = small("tokenizer_config.json", tokenizer_config_json)?;
    Ok(match config.chat_template {
        Some(Templates::One(text)) => Some(text),
        Some(Templates::Many(list)) => list
            .into_iter()
            .find(|named| named.name == "default")
            .map(|named| named.template),
        None => None,
    })
}
