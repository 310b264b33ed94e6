//! `tokenizer.json` and its companions as serde reads them. A component of a
//! kind that is not listed here is refused.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct TokenizerFile {
    #[serde(default)]
    pub(super) added_tokens: Vec<Added>,
    pub(super) normalizer: Option<Normalizer>,
    pub(super) pre_tokenizer: Option<PreTokenizer>,
    pub(super) post_processor: Option<PostProcessor>,
    pub(super) model: Model,
}

#[derive(Deserialize)]
pub(super) struct Added {
    pub(super) id: u32,
    pub(super) content: String,
    #[serde(default)]
    pub(super) single_word: bool,
    #[serde(default)]
    pub(super) lstrip: bool,
    #[serde(default)]
    pub(super) rstrip: bool,
    #[serde(default)]
    pub(super) normalized: bool,
    #[serde(default)]
    pub(super) special: bool,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
pub(super) enum Normalizer {
    Sequence {
        normalizers: Vec<Normalizer>,
    },
    Prepend {
        prepend: String,
    },
    Replace {
        pattern: Pattern,
        content: String,
    },
    #[serde(rename = "NFC")]
    Nfc,
    Lowercase,
}

#[derive(Deserialize, PartialEq)]
pub(super) enum Pattern {
    String(String),
    Regex(String),
}

#[derive(Deserialize)]
#[serde(tag = "type")]
pub(super) enum PreTokenizer {
    Sequence {
        pretokenizers: Vec<PreTokenizer>,
    },
    ByteLevel {
        add_prefix_space: bool,
        #[serde(default = "yes")]
        use_regex: bool,
    },
    Digits {
        individual_digits: bool,
    },
    Split {
        pattern: Pattern,
        behavior: String,
        #[serde(default)]
        invert: bool,
    },
    Metaspace {
        replacement: String,
        #[serde(default = "always")]
        prepend_scheme: String,
        add_prefix_space: Option<bool>,
        #[serde(default = "yes")]
        split: bool,
    },
}

#[derive(Deserialize)]
#[serde(tag = "type")]
pub(super) enum PostProcessor {
    Sequence {
        processors: Vec<PostProcessor>,
    },
    ByteLevel {},
    TemplateProcessing {
        single: Vec<TemplatePiece>,
        /// By name.
        #[serde(default)]
        special_tokens: HashMap<String, SpecialToken>,
    },
}

#[derive(Deserialize)]
pub(super) struct SpecialToken {
    pub(super) ids: Vec<u32>,
}

#[derive(Deserialize)]
pub(super) enum TemplatePiece {
    SpecialToken { id: String },
    Sequence {},
}

#[derive(Deserialize)]
pub(super) struct Model {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) dropout: Option<f32>,
    pub(super) unk_token: Option<String>,
    pub(super) continuing_subword_prefix: Option<String>,
    pub(super) end_of_word_suffix: Option<String>,
    #[serde(default)]
    pub(super) byte_fallback: bool,
    #[serde(default)]
    pub(super) ignore_merges: bool,
    pub(super) vocab: HashMap<String, u32>,
    pub(super) merges: Vec<MergeText>,
}

/// `tokenizer.json`, as far as it says what the model is.
#[derive(Deserialize)]
pub(super) struct KindOfFile {
    pub(super) model: Kind,
}

#[derive(Deserialize)]
pub(super) struct Kind {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a merge must be two texts, or one with a space")]
pub(super) enum MergeText {
    Pair(String, String),
    Joined(String),
}

/// `tokenizer_config.json`, as far as it matters.
#[derive(Deserialize, Default)]
pub struct Config {
    pub(super) tokenizer_class: Option<String>,
    pub(super) bos_token: Option<Name>,
    pub(super) eos_token: Option<Name>,
    pub(super) add_bos_token: Option<bool>,
    pub(super) add_eos_token: Option<bool>,
    /// Whether a text behind an added token gets a space before it.
    pub(super) legacy: Option<bool>,
    /// Added tokens by their ids, which are texts here.
    #[serde(default)]
    pub(super) added_tokens_decoder: BTreeMap<String, AddedByConfig>,
}

/// An added token, as `tokenizer_config.json` has it.
#[derive(Deserialize)]
pub(super) struct AddedByConfig {
    pub(super) content: String,
    #[serde(default)]
    pub(super) lstrip: bool,
    #[serde(default)]
    pub(super) rstrip: bool,
    #[serde(default)]
    pub(super) special: bool,
}

/// A token's name, bare or with its properties.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a token must be a text, or an object with a text `content`"
)]
pub(super) enum Name {
    Bare(String),
    Full { content: String },
}

impl Name {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Bare(text) | Self::Full { content: text } => text,
        }
    }
}

/// `generation_config.json`, as far as it matters.
#[derive(Deserialize, Default)]
pub(super) struct Generation {
    pub(super) eos_token_id: Option<Ids>,
}

/// One id or several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "ids must be one token id or a list of them")]
pub(in crate::import) enum Ids {
    One(i64),
    Many(Vec<i64>),
}

impl Ids {
    /// Those that can be ids: some files have -1 for none.
    pub(in crate::import) fn into_vec(self) -> Vec<u32> {
        let ids = match self {
            Self::One(id) => vec![id],
            Self::Many(ids) => ids,
        };
        ids.into_iter()
            .filter_map(|id| u32::try_from(id).ok())
            .collect()
    }
}

fn yes() -> bool {
    true
}

fn always() -> String {
    "always".into()
}

/// The chat template in `tokenizer_config.json`.
#[derive(Deserialize)]
pub(super) struct ChatConfig {
    pub(super) chat_template: Option<Templates>,
}

/// One template or several with names.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "`chat_template` must be a text, or a list of objects with texts `name` and `template`"
)]
pub(super) enum Templates {
    One(String),
    Many(Vec<NamedTemplate>),
}

#[derive(Deserialize)]
pub(super) struct NamedTemplate {
    pub(super) name: String,
    pub(super) template: String,
}
