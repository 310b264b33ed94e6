//! The tokenizer as plain data, whatever file it came from.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use crate::error::{Error, Result};

use super::tables::TokenizerTables;

/// Most tokens that a vocabulary may have.
pub const MAX_TOKENS: usize = 1 << 20;
/// Most merges that a tokenizer may have.
pub const MAX_MERGES: usize = 1 << 22;
/// Longest token, in bytes.
pub const MAX_TOKEN_BYTES: usize = 4096;
/// Most bytes that all tokens together may have.
const MAX_BYTES: usize = 64 << 20;
/// Most tokens that are recognised in the text as a whole.
const MAX_ADDED: usize = 1 << 16;

/// A checked tokenizer: byte pair encoding over bytes or over characters.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    parts: TokenizerParts,
    tables: Arc<OnceLock<TokenizerTables>>,
}

/// What [`Tokenizer::new`] checks. Ids are indices of `tokens`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenizerParts {
    /// How text becomes the first symbols.
    pub scheme: Scheme,
    /// The vocabulary.
    pub tokens: Vec<Token>,
    /// Which pairs of symbols merge, in any order.
    pub merges: Vec<Merge>,
    /// Tokens that are found in the text before anything else.
    pub added: Vec<AddedToken>,
    /// Beginning of text.
    pub bos: Option<u32>,
    /// End of text.
    pub eos: Option<u32>,
    /// Whether encoding begins with `bos`.
    pub add_bos: bool,
    /// Whether encoding ends with `eos`.
    pub add_eos: bool,
    /// Ids that end a generation.
    pub stop: Vec<u32>,
}

/// A token: the bytes that it decodes to, and its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it decodes to. Of a control token, its name.
    pub bytes: Vec<u8>,
    /// Its kind.
    pub class: TokenClass,
}

/// GGUF's kinds of token (`tokenizer.ggml.token_type`, 1 to 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenClass {
    /// Text.
    Normal,
    /// Stands for what the vocabulary cannot say.
    Unknown,
    /// Structure, not text: recognised only where special tokens are asked for.
    Control,
    /// Text that is recognised as a whole everywhere.
    UserDefined,
    /// Has an id and no use.
    Unused,
    /// One byte, for characters without a token.
    Byte,
}

/// How text becomes the first symbols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheme {
    /// GPT-2's: words of a regular expression, then bytes.
    ByteLevel(ByteLevel),
    /// SentencePiece's: characters, with bytes for those without a token.
    SentencePiece(SentencePiece),
}

/// Byte-level BPE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByteLevel {
    /// How text is cut into words.
    pub pre_tokenizer: PreTokenizer,
    /// A word that is a token is that token, whatever the merges say.
    pub ignore_merges: bool,
    /// The text is brought into Unicode's normalization form C first.
    pub nfc: bool,
    /// Letters become small first; only with the words of GPT-2.
    pub lowercase: bool,
}

/// How text is cut into words before BPE, by the name llama.cpp gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreTokenizer {
    /// GPT-2.
    Gpt2,
    /// GPT-2, with every digit alone first.
    Smollm,
    /// Llama 3: up to three digits.
    LlamaBpe,
    /// Qwen 2: as Llama 3, with every digit alone.
    Qwen2,
    /// Qwen 3.5: as Qwen 2, and a mark is a letter.
    Qwen35,
    /// EXAONE 4: as Qwen 2, and a letter has the marks that follow it.
    Exaone4,
    /// GPT-4o: words end where a capital letter follows a small one; up to three digits.
    Gpt4o,
    /// Mistral's Tekken: as GPT-4o, with every digit alone and contractions apart.
    Tekken,
    /// Hunyuan and DeepSeek 3: digits, Chinese and Japanese, then the rest.
    Hunyuan,
}

impl PreTokenizer {
    /// llama.cpp's name of it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gpt2 => "gpt-2",
            Self::Smollm => "smollm",
            Self::LlamaBpe => "llama-bpe",
            Self::Qwen2 => "qwen2",
            Self::Qwen35 => "qwen35",
            Self::Exaone4 => "exaone4",
            Self::Gpt4o => "gpt-4o",
            Self::Tekken => "tekken",
            Self::Hunyuan => "hunyuan-dense",
        }
    }

    /// Words for byte-level BPE with it.
    pub(crate) fn kind(self) -> String {
        format!("byte-level BPE ({})", self.name())
    }
}

/// BPE over characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentencePiece {
    /// Where a space is put before the text.
    pub space_prefix: SpacePrefix,
    /// U+2581 in the text means a space.
    pub escaped_space: bool,
    /// The symbol of each character, sorted by character. Ids from
    /// `tokens.len()` on, dense, are characters that have no token and yet
    /// take part in merges; when one is left over it becomes byte tokens.
    pub alphabet: Vec<(char, u32)>,
}

impl SentencePiece {
    /// The symbol of a character, if it has one.
    pub fn symbol(&self, c: char) -> Option<u32> {
        let index = self.alphabet.binary_search_by_key(&c, |&(c, _)| c).ok()?;
        Some(self.alphabet[index].1)
    }
}

/// Where SentencePiece puts a space before the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpacePrefix {
    /// Nowhere.
    Never,
    /// Before the text and after each added token.
    Always,
    /// As `Always`, unless there is a space.
    Missing,
    /// Before the text, unless there is a space or an added token.
    First,
}

/// Two neighbouring symbols that become one; the lowest rank goes first, and
/// of equal ranks the leftmost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merge {
    /// The left symbol.
    pub left: u32,
    /// The right symbol.
    pub right: u32,
    /// Priority; 0 is first.
    pub rank: u32,
    /// The symbol that they become.
    pub merged: u32,
}

/// A token that is found in the text as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedToken {
    /// Its id.
    pub id: u32,
    /// What it is found by, if that is not what it decodes to.
    pub found_by: Option<String>,
    /// Found in what is left of the text when others are found, as the model takes it: in Unicode's
    /// normalization form C, or with SentencePiece's spaces. Needs a scheme that has these.
    pub late: bool,
    /// Found only where special tokens are asked for.
    pub special: bool,
    /// Swallows white space on its left.
    pub strip_left: bool,
    /// Swallows white space on its right.
    pub strip_right: bool,
}

impl AddedToken {
    /// What it is found by.
    pub fn text<'a>(&'a self, tokens: &'a [Token]) -> &'a [u8] {
        match &self.found_by {
            Some(text) => text.as_bytes(),
            None => &tokens[self.id as usize].bytes,
        }
    }
}

impl PartialEq for Tokenizer {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

impl Eq for Tokenizer {}

impl Tokenizer {
    /// Checks the parts: every id exists, every merge is the concatenation of
    /// its halves (so merges cannot form a cycle) and no pair merges twice.
    ///
    /// # Errors
    /// Names the first part that is wrong.
    pub fn new(mut parts: TokenizerParts) -> Result<Self> {
        check_tokens(&parts.tokens)?;
        let symbols = match &parts.scheme {
            Scheme::ByteLevel(_) => parts.tokens.len(),
            Scheme::SentencePiece(scheme) => check_sentence_piece(scheme, &parts.tokens)?,
        };
        check_merges(&parts, symbols)?;
        check_added(&parts)?;
        let ids = [parts.bos, parts.eos].into_iter().flatten();
        if let Some(id) = ids
            .chain(parts.stop.iter().copied())
            .find(|&id| id as usize >= parts.tokens.len())
        {
            return Err(Error::new(format!(
                "special token {id} is outside the vocabulary of {}",
                parts.tokens.len()
            )));
        }
        if (parts.add_bos && parts.bos.is_none()) || (parts.add_eos && parts.eos.is_none()) {
            return Err(Error::new(
                "the tokenizer adds a BOS or EOS token that is not defined",
            ));
        }
        parts.stop.sort_unstable();
        parts.stop.dedup();
        Ok(Self {
            parts,
            tables: Arc::default(),
        })
    }

    /// What encodes and decodes with it: made when it is first asked for.
    pub fn tables(&self) -> &TokenizerTables {
        self.tables.get_or_init(|| TokenizerTables::new(self))
    }

    /// How text becomes the first symbols.
    pub fn scheme(&self) -> &Scheme {
        &self.parts.scheme
    }

    /// The vocabulary; may be shorter than the model's, which is then padded.
    pub fn tokens(&self) -> &[Token] {
        &self.parts.tokens
    }

    /// Which pairs of symbols merge.
    pub fn merges(&self) -> &[Merge] {
        &self.parts.merges
    }

    /// Tokens that are found in the text before anything else.
    pub fn added(&self) -> &[AddedToken] {
        &self.parts.added
    }

    /// Beginning of text.
    pub fn bos(&self) -> Option<u32> {
        self.parts.bos
    }

    /// End of text.
    pub fn eos(&self) -> Option<u32> {
        self.parts.eos
    }

    /// Whether encoding begins with [`bos`](Self::bos).
    pub fn add_bos(&self) -> bool {
        self.parts.add_bos
    }

    /// Whether encoding ends with [`eos`](Self::eos).
    pub fn add_eos(&self) -> bool {
        self.parts.add_eos
    }

    /// Ids that end a generation, ascending.
    pub fn stop(&self) -> &[u32] {
        &self.parts.stop
    }

    /// The name of a token: its bytes as text, where they are text.
    pub fn text(&self, id: u32) -> Option<&str> {
        std::str::from_utf8(&self.parts.tokens.get(id as usize)?.bytes).ok()
    }

    /// Words for the kind: `byte-level BPE (smollm)`, `SentencePiece BPE`.
    pub fn kind(&self) -> String {
        match &self.parts.scheme {
            Scheme::ByteLevel(scheme) => scheme.pre_tokenizer.kind(),
            Scheme::SentencePiece(_) => "SentencePiece BPE".to_owned(),
        }
    }
}

fn check_tokens(tokens: &[Token]) -> Result<()> {
    if tokens.is_empty() || tokens.len() > MAX_TOKENS {
        return Err(Error::new(format!(
            "a vocabulary of {} tokens; it must have 1 to {MAX_TOKENS}",
            tokens.len()
        )));
    }
    if let Some(id) = tokens.iter().position(|t| t.bytes.len() > MAX_TOKEN_BYTES) {
        return Err(Error::new(format!(
            "token {id} has {} bytes; at most {MAX_TOKEN_BYTES} are possible",
            tokens[id].bytes.len()
        )));
    }
    if tokens.iter().map(|t| t.bytes.len()).sum::<usize>() > MAX_BYTES {
        return Err(Error::new(format!(
            "the tokens have more than {MAX_BYTES} bytes together"
        )));
    }
    if let Some(id) = tokens
        .iter()
        .position(|t| t.class == TokenClass::Byte && t.bytes.len() != 1)
    {
        return Err(Error::new(format!("byte token {id} is not one byte")));
    }
    Ok(())
}

/// Returns the number of symbols: tokens, then characters without a token.
fn check_sentence_piece(scheme: &SentencePiece, tokens: &[Token]) -> Result<usize> {
    let bytes: HashSet<u8> = tokens
        .iter()
        .filter(|t| t.class == TokenClass::Byte)
        .map(|t| t.bytes[0])
        .collect();
    if bytes.len() != 256 {
        return Err(Error::new(format!(
            "a SentencePiece vocabulary with {} of the 256 byte tokens <0x00> to <0xFF>",
            bytes.len()
        ))
        .remedy("only SentencePiece models with byte fallback are supported"));
    }
    if !scheme.alphabet.is_sorted_by(|a, b| a.0 < b.0) {
        return Err(Error::new("the alphabet is not sorted"));
    }
    let extra: Vec<u32> = scheme
        .alphabet
        .iter()
        .map(|&(_, id)| id)
        .filter(|&id| id as usize >= tokens.len())
        .collect();
    let symbols = tokens.len() + extra.len();
    let distinct: HashSet<u32> = extra.iter().copied().collect();
    if distinct.len() != extra.len() || extra.iter().any(|&id| id as usize >= symbols) {
        return Err(Error::new("the alphabet's ids are not dense"));
    }
    Ok(symbols)
}

fn check_merges(parts: &TokenizerParts, symbols: usize) -> Result<()> {
    if parts.merges.len() > MAX_MERGES {
        return Err(Error::new(format!(
            "{} merges; at most {MAX_MERGES} are possible",
            parts.merges.len()
        )));
    }
    let mut extra = vec![String::new(); symbols - parts.tokens.len()];
    if let Scheme::SentencePiece(scheme) = &parts.scheme {
        for &(char, id) in &scheme.alphabet {
            if let Some(index) = (id as usize).checked_sub(parts.tokens.len()) {
                extra[index] = char.to_string();
            }
        }
    }
    let bytes = |id: u32| -> Option<&[u8]> {
        let id = id as usize;
        match parts.tokens.get(id) {
            Some(token) => Some(&token.bytes),
            None => extra.get(id - parts.tokens.len()).map(String::as_bytes),
        }
    };
    let mut pairs = HashSet::with_capacity(parts.merges.len());
    for (index, merge) in parts.merges.iter().enumerate() {
        let (Some(left), Some(right), Some(merged)) =
            (bytes(merge.left), bytes(merge.right), bytes(merge.merged))
        else {
            return Err(Error::new(format!(
                "merge {index} names a token outside the vocabulary"
            )));
        };
        let joined = merged.strip_prefix(left) == Some(right);
        if left.is_empty() || right.is_empty() || !joined || merge.rank == u32::MAX {
            return Err(Error::new(format!(
                "merge {index} joins tokens {} and {} to {}, which is not their concatenation",
                merge.left, merge.right, merge.merged
            )));
        }
        if !pairs.insert((merge.left, merge.right)) {
            return Err(Error::new(format!(
                "merge {index} repeats the pair of tokens {} and {}",
                merge.left, merge.right
            )));
        }
    }
    Ok(())
}

fn check_added(parts: &TokenizerParts) -> Result<()> {
    if parts.added.len() > MAX_ADDED {
        return Err(Error::new(format!(
            "{} added tokens; at most {MAX_ADDED} are possible",
            parts.added.len()
        )));
    }
    let mut seen = HashSet::new();
    for added in &parts.added {
        let text = parts
            .tokens
            .get(added.id as usize)
            .and_then(|_| std::str::from_utf8(added.text(&parts.tokens)).ok());
        if text.is_none_or(str::is_empty) {
            return Err(Error::new(format!(
                "added token {} has no text to be found by",
                added.id
            )));
        }
        if !seen.insert((text, added.late)) {
            return Err(Error::new(format!(
                "added token {} repeats a text",
                added.id
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tokenizer of so many tokens, merges and added tokens, of which none is right.
    fn refused(tokens: usize, merges: usize, added: usize) -> String {
        refused_of(1, tokens, merges, added)
    }

    /// The same, of tokens of so many bytes.
    fn refused_of(bytes: usize, tokens: usize, merges: usize, added: usize) -> String {
        let token = Token {
            bytes: vec![b'a'; bytes],
            class: TokenClass::Normal,
        };
        let merge = Merge {
            left: 0,
            right: 0,
            rank: 0,
            merged: 0,
        };
        let extra = AddedToken {
            id: 0,
            found_by: None,
            late: false,
            special: false,
            strip_left: false,
            strip_right: false,
        };
        let parts = TokenizerParts {
            scheme: Scheme::ByteLevel(ByteLevel {
                pre_tokenizer: PreTokenizer::Gpt2,
                ignore_merges: false,
                nfc: false,
                lowercase: false,
            }),
            tokens: vec![token; tokens],
            merges: vec![merge; merges],
            added: vec![extra; added],
            bos: None,
            eos: None,
            add_bos: false,
            add_eos: false,
            // So that what has no other fault has this one.
            stop: vec![u32::MAX],
        };
        Tokenizer::new(parts).unwrap_err().to_string()
    }

    #[test]
    fn as_many_as_are_allowed_are_looked_at() {
        for (most, one_more, looked_at) in [
            (
                refused(MAX_TOKENS, 0, 0),
                refused(MAX_TOKENS + 1, 0, 0),
                "special token",
            ),
            (
                refused(1, MAX_MERGES, 0),
                refused(1, MAX_MERGES + 1, 0),
                "not their concatenation",
            ),
            (
                refused(1, 0, MAX_ADDED),
                refused(1, 0, MAX_ADDED + 1),
                "repeats a text",
            ),
        ] {
            assert!(most.contains(looked_at), "{most}");
            let refusal = ["it must have 1 to", "at most"];
            assert!(
                refusal.iter().any(|words| one_more.contains(words)),
                "{one_more}"
            );
        }
    }

    #[test]
    fn a_token_is_as_long_as_it_may_be_and_no_longer() {
        let longest = refused_of(MAX_TOKEN_BYTES, 1, 0, 0);
        assert!(longest.contains("special token"), "{longest}");
        for more in [1, 2, MAX_TOKEN_BYTES] {
            let longer = refused_of(MAX_TOKEN_BYTES + more, 1, 0, 0);
            assert!(longer.contains("token 0 has"), "{longer}");
        }
    }
}
