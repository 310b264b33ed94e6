//! A tokenizer's tables as one blob, and what the generated constant needs.

use std::ops::Range;

use edgegen_templates::tokenizer as runtime;
use edgegen_templates::tokenizer::Class;

use super::{classes, nfc};
use crate::model::{PreTokenizer, Scheme, SpacePrefix, TokenClass, Tokenizer};

const NONE: u32 = u32::MAX;

/// A tokenizer's tables, packed. The same tokenizer gives the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenizerTables {
    blob: Vec<u8>,
    sections: [Range<usize>; 9],
    scheme: runtime::Scheme,
    vocab_size: u32,
    bos: Option<u32>,
    eos: Option<u32>,
    add_bos: bool,
    add_eos: bool,
    stop: Vec<u32>,
    late: bool,
    longest: u32,
}

/// The names of the sections, in the order of the blob.
const SECTIONS: [&str; 9] = [
    "piece_ends",
    "piece_bytes",
    "bytes",
    "alphabet",
    "words",
    "merges",
    "added",
    "classes",
    "nfc",
];

/// The value of a field of the run-time `Tokenizer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// A range of the blob.
    Section(Range<usize>),
    /// A Rust expression, with the names of the run-time module in scope.
    Expression(String),
}

impl TokenizerTables {
    /// Packs the tables of a tokenizer.
    pub(super) fn new(tokenizer: &Tokenizer) -> Self {
        let (ends, pieces) = pieces(tokenizer);
        let tables = [
            ends,
            pieces,
            words_to_bytes(bytes(tokenizer)),
            words_to_bytes(alphabet(tokenizer)),
            words_to_bytes(whole_words(tokenizer)),
            merges(tokenizer),
            words_to_bytes(added(tokenizer)),
            words_to_bytes(classes::table(asked_for(scheme(tokenizer)))),
            words_to_bytes(normalization(tokenizer)),
        ];
        let mut blob = Vec::new();
        let sections = tables.map(|table| {
            let start = blob.len();
            blob.extend_from_slice(&table);
            start..blob.len()
        });
        Self {
            blob,
            sections,
            scheme: scheme(tokenizer),
            vocab_size: tokenizer.tokens().len() as u32,
            bos: tokenizer.bos(),
            eos: tokenizer.eos(),
            add_bos: tokenizer.add_bos(),
            add_eos: tokenizer.add_eos(),
            stop: tokenizer.stop().to_vec(),
            late: tokenizer.added().iter().any(|added| added.late),
            longest: longest(tokenizer),
        }
    }

    /// All tables, one after another: `weights/tokenizer.bin`.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// The tokenizer that the generated crate contains.
    pub fn runtime(&self) -> runtime::Tokenizer<'_> {
        let [
            piece_ends,
            piece_bytes,
            bytes,
            alphabet,
            words,
            merges,
            added,
            classes,
            nfc,
        ] = self
            .sections
            .each_ref()
            .map(|range| &self.blob[range.clone()]);
        runtime::Tokenizer {
            scheme: self.scheme,
            vocab_size: self.vocab_size,
            piece_ends,
            piece_bytes,
            bytes,
            alphabet,
            words,
            merges,
            added,
            late: self.late,
            classes,
            nfc,
            bos: self.bos,
            eos: self.eos,
            add_bos: self.add_bos,
            add_eos: self.add_eos,
            stop: &self.stop,
            longest: self.longest,
        }
    }

    /// The tokens of a text alone, without BOS and EOS. Special tokens in it are recognised if
    /// `parse_special`.
    pub fn encode(&self, text: &str, parse_special: bool) -> Vec<u32> {
        let alone = runtime::Tokenizer {
            add_bos: false,
            add_eos: false,
            ..self.runtime()
        };
        let mut tokens = vec![0; alone.room(text.len())];
        let count = alone
            .encode(text, parse_special, &mut tokens)
            .expect("so many entries always suffice");
        tokens.truncate(count);
        tokens
    }

    /// How text becomes the first symbols, as an expression of Rust.
    pub fn scheme(&self) -> String {
        scheme_expression(self.scheme)
    }

    /// Whether texts are put into normalization form C first.
    pub fn is_normalized(&self) -> bool {
        !self.runtime().nfc.is_empty()
    }

    /// Whether added tokens are found in texts as the model takes them.
    pub fn is_late(&self) -> bool {
        self.late
    }

    /// All fields of the run-time `Tokenizer`, by name, in order.
    pub fn fields(&self) -> Vec<(&'static str, Field)> {
        // `Debug` of these types is Rust's own syntax.
        let expression = |text: String| Field::Expression(text);
        let sections = SECTIONS
            .into_iter()
            .zip(self.sections.iter().cloned().map(Field::Section));
        let mut fields = vec![
            ("scheme", expression(self.scheme())),
            ("vocab_size", expression(self.vocab_size.to_string())),
        ];
        fields.extend(sections);
        fields.extend([
            ("bos", expression(format!("{:?}", self.bos))),
            ("eos", expression(format!("{:?}", self.eos))),
            ("add_bos", expression(self.add_bos.to_string())),
            ("add_eos", expression(self.add_eos.to_string())),
            ("stop", expression(format!("&{:?}", self.stop))),
            ("late", expression(self.late.to_string())),
            ("longest", expression(self.longest.to_string())),
        ]);
        fields
    }
}

fn scheme_expression(scheme: runtime::Scheme) -> String {
    match scheme {
        runtime::Scheme::SentencePiece {
            prefix,
            escaped_space,
            words,
        } => format!(
            "Scheme::SentencePiece {{ prefix: SpacePrefix::{prefix:?}, escaped_space: {escaped_space}, words: {words} }}"
        ),
        byte_level => format!("Scheme::{byte_level:?}"),
    }
}

/// The most bytes of a text that become one token: those of the longest one, three times as many
/// where characters of three bytes can become one byte; any number where bytes or spaces vanish.
fn longest(tokenizer: &Tokenizer) -> u32 {
    let shrink = match tokenizer.scheme() {
        Scheme::ByteLevel(_) if byte_tokens(tokenizer).contains(&None) => return u32::MAX,
        Scheme::ByteLevel(scheme) => scheme.lowercase || scheme.nfc,
        Scheme::SentencePiece(scheme) => scheme.escaped_space,
    };
    if tokenizer
        .added()
        .iter()
        .any(|added| added.strip_left || added.strip_right)
    {
        return u32::MAX;
    }
    let bytes = tokenizer.tokens().iter().map(|token| token.bytes.len());
    let longest = bytes.max().unwrap_or(0).max(1);
    u32::try_from(longest * if shrink { 3 } else { 1 }).unwrap_or(u32::MAX)
}

fn scheme(tokenizer: &Tokenizer) -> runtime::Scheme {
    match tokenizer.scheme() {
        Scheme::ByteLevel(scheme) => match scheme.pre_tokenizer {
            PreTokenizer::Gpt2 | PreTokenizer::Smollm => runtime::Scheme::Gpt2 {
                lone_digits: scheme.pre_tokenizer == PreTokenizer::Smollm,
                lowercase: scheme.lowercase,
            },
            PreTokenizer::LlamaBpe => runtime::Scheme::Llama3 { max_digits: 3 },
            PreTokenizer::Qwen2 => runtime::Scheme::Llama3 { max_digits: 1 },
            PreTokenizer::Exaone4 => runtime::Scheme::Marked { lead: false },
            PreTokenizer::Qwen35 => runtime::Scheme::Marked { lead: true },
            PreTokenizer::Gpt4o => runtime::Scheme::Cased {
                max_digits: 3,
                contractions: true,
            },
            PreTokenizer::Tekken => runtime::Scheme::Cased {
                max_digits: 1,
                contractions: false,
            },
            PreTokenizer::Hunyuan => runtime::Scheme::Hunyuan,
        },
        Scheme::SentencePiece(scheme) => runtime::Scheme::SentencePiece {
            prefix: match scheme.space_prefix {
                SpacePrefix::Never => runtime::SpacePrefix::Never,
                SpacePrefix::Always => runtime::SpacePrefix::Always,
                SpacePrefix::Missing => runtime::SpacePrefix::Missing,
                SpacePrefix::First => runtime::SpacePrefix::First,
            },
            escaped_space: scheme.escaped_space,
            words: words_are_separate(tokenizer),
        },
    }
}

/// The tables of normalization form C, if the tokenizer asks for it.
fn normalization(tokenizer: &Tokenizer) -> Vec<u32> {
    match tokenizer.scheme() {
        Scheme::ByteLevel(scheme) if scheme.nfc => nfc::TABLE.clone(),
        _ => Vec::new(),
    }
}

/// The classes that a scheme looks up in the table.
fn asked_for(scheme: runtime::Scheme) -> &'static [Class] {
    match scheme {
        runtime::Scheme::Marked { .. } => &[Class::Mark],
        runtime::Scheme::Cased { .. } => &[Class::Mark, Class::Capital, Class::Small],
        runtime::Scheme::Hunyuan => &[Class::Mark, Class::Sign],
        _ => &[],
    }
}

/// Whether no merge result has a space after something else, so that words
/// cannot merge with each other.
fn words_are_separate(tokenizer: &Tokenizer) -> bool {
    tokenizer.merges().iter().all(|merge| {
        let bytes = &tokenizer.tokens()[merge.merged as usize].bytes;
        bytes
            .windows(2)
            .all(|pair| pair[1] != b' ' || pair[0] == b' ')
    })
}

/// Where pieces end, and the pieces: those of tokens, of characters without one, and other texts by
/// which added tokens are found.
fn pieces(tokenizer: &Tokenizer) -> (Vec<u8>, Vec<u8>) {
    let mut pieces = Vec::new();
    let mut ends = Vec::new();
    for token in tokenizer.tokens() {
        pieces.extend_from_slice(&token.bytes);
        ends.push(pieces.len() as u32);
    }
    if let Scheme::SentencePiece(scheme) = tokenizer.scheme() {
        let vocab_size = tokenizer.tokens().len() as u32;
        let mut extra: Vec<(u32, char)> = scheme
            .alphabet
            .iter()
            .filter(|(_, id)| *id >= vocab_size)
            .map(|&(c, id)| (id, c))
            .collect();
        extra.sort_unstable();
        for (_, c) in extra {
            pieces.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            ends.push(pieces.len() as u32);
        }
    }
    for text in tokenizer
        .added()
        .iter()
        .filter_map(|added| added.found_by.as_ref())
    {
        pieces.extend_from_slice(text.as_bytes());
        ends.push(pieces.len() as u32);
    }
    (words_to_bytes(ends), pieces)
}

/// The number of symbols: tokens, and characters without one.
fn symbols(tokenizer: &Tokenizer) -> u32 {
    let tokens = tokenizer.tokens().len() as u32;
    let last = match tokenizer.scheme() {
        Scheme::ByteLevel(_) => None,
        Scheme::SentencePiece(scheme) => scheme.alphabet.iter().map(|(_, id)| id + 1).max(),
    };
    last.map_or(tokens, |last| last.max(tokens))
}

/// The token of each byte: of byte tokens in SentencePiece, of one-byte texts
/// in byte-level BPE. Of several the first.
pub(crate) fn byte_tokens(tokenizer: &Tokenizer) -> [Option<u32>; 256] {
    let wanted = match tokenizer.scheme() {
        Scheme::ByteLevel(_) => TokenClass::Normal,
        Scheme::SentencePiece(_) => TokenClass::Byte,
    };
    let mut table = [None; 256];
    for (token, id) in tokenizer.tokens().iter().zip(0..) {
        if let [byte] = token.bytes[..]
            && token.class == wanted
        {
            table[usize::from(byte)].get_or_insert(id);
        }
    }
    table
}

fn bytes(tokenizer: &Tokenizer) -> Vec<u32> {
    let tokens = byte_tokens(tokenizer).into_iter();
    tokens.map(|token| token.unwrap_or(NONE)).collect()
}

fn alphabet(tokenizer: &Tokenizer) -> Vec<u32> {
    match tokenizer.scheme() {
        Scheme::ByteLevel(_) => Vec::new(),
        Scheme::SentencePiece(scheme) => scheme
            .alphabet
            .iter()
            .flat_map(|&(c, id)| [u32::from(c), id])
            .collect(),
    }
}

fn whole_words(tokenizer: &Tokenizer) -> Vec<u32> {
    let Scheme::ByteLevel(scheme) = tokenizer.scheme() else {
        return Vec::new();
    };
    if !scheme.ignore_merges {
        return Vec::new();
    }
    let tokens = tokenizer.tokens();
    let mut words: Vec<u32> = (0..tokens.len() as u32)
        .filter(|&id| tokens[id as usize].class == TokenClass::Normal)
        .collect();
    words.sort_by_key(|&id| &tokens[id as usize].bytes);
    words
}

/// The hash table of merges, four fifths full, in order of insertion by pair.
fn merges(tokenizer: &Tokenizer) -> Vec<u8> {
    let mut merges = tokenizer.merges().to_vec();
    merges.sort_by_key(|merge| (merge.left, merge.right));
    let slots = merges.len() + merges.len() / 4 + 1;
    let mut table = vec![[NONE; 4]; slots];
    for merge in merges {
        let hash = runtime::merge_hash(merge.left, merge.right);
        let mut slot = ((u64::from(hash) * slots as u64) >> 32) as usize;
        while table[slot][0] != NONE {
            slot = (slot + 1) % slots;
        }
        table[slot] = [merge.left, merge.right, merge.rank, merge.merged];
    }
    words_to_bytes(table.into_iter().flatten().collect())
}

fn added(tokenizer: &Tokenizer) -> Vec<u32> {
    let mut texts = symbols(tokenizer)..;
    let mut list: Vec<(&[u8], u32, u32)> = (tokenizer.added().iter())
        .map(|added| {
            let found_by = added.found_by.as_ref().and_then(|_| texts.next());
            let flags = u32::from(added.special)
                | u32::from(added.strip_left) << 1
                | u32::from(added.strip_right) << 2
                | u32::from(added.late) << 3
                | found_by.unwrap_or(0) << 4;
            (added.text(tokenizer.tokens()), added.id, flags)
        })
        .collect();
    list.sort_by_key(|&(text, ..)| (text[0], std::cmp::Reverse(text.len()), text));
    list.iter()
        .flat_map(|&(_, id, flags)| [id, flags])
        .collect()
}

fn words_to_bytes(words: Vec<u32>) -> Vec<u8> {
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}
