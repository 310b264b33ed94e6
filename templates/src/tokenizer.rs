//! Text to token ids and back, over tables that edgegen built.
//!
//! No allocation: the caller's output buffer is also the scratch.

mod bpe;
mod cased;
mod class;
mod hunyuan;
mod known;
mod nfc;
mod ranks;
mod split;
mod stream;
mod tables;
mod unicode;

pub use stream::{Text, Utf8Stream};

#[doc(hidden)]
pub use class::Class;
#[doc(hidden)]
pub use tables::merge_hash;

use core::iter::Take;

use bpe::Output;
use nfc::{Nfc, Tables};
use split::Characters;

/// A tokenizer: constants, and tables of little-endian `u32` where not said
/// otherwise. What edgegen builds is consistent; nothing is checked here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tokenizer<'t> {
    /// How text becomes the first symbols.
    pub scheme: Scheme,
    /// Number of tokens; larger symbols are characters without a token.
    pub vocab_size: u32,
    /// Where each symbol's bytes end in `piece_bytes`.
    pub piece_ends: &'t [u8],
    /// The bytes of all symbols, one after another (bytes).
    pub piece_bytes: &'t [u8],
    /// The token of each of the 256 bytes; `u32::MAX` where there is none.
    pub bytes: &'t [u8],
    /// Pairs (character, symbol), ascending.
    pub alphabet: &'t [u8],
    /// Tokens that a word is at once, whatever the merges say, ordered by their
    /// bytes; empty if the model has no such rule.
    pub words: &'t [u8],
    /// Hash table of (left, right, rank, merged); left is `u32::MAX` where empty.
    pub merges: &'t [u8],
    /// Pairs (token, flags), by the first byte of the text that it is found by, then longest first.
    pub added: &'t [u8],
    /// Whether some of these are found in the text as the model takes it: normalized, and with the
    /// space before it.
    pub late: bool,
    /// Where runs of characters of one class begin, ascending, with the class in the lowest three
    /// bits; empty where the scheme asks for no classes.
    pub classes: &'t [u8],
    /// How characters are taken apart and put together (Unicode's normalization form C); empty if
    /// the model takes texts as they are.
    pub nfc: &'t [u8],
    /// Beginning of text.
    pub bos: Option<u32>,
    /// End of text.
    pub eos: Option<u32>,
    /// Whether `encode` begins with `bos`.
    pub add_bos: bool,
    /// Whether `encode` ends with `eos`.
    pub add_eos: bool,
    /// Tokens that end a generation (ids, ascending).
    pub stop: &'t [u32],
    /// The most bytes of a text that become one token; `u32::MAX` where any number can.
    pub longest: u32,
}

/// How text becomes the first symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Words of GPT-2's regular expression, then bytes.
    Gpt2 {
        /// Every digit is a word.
        lone_digits: bool,
        /// Letters become small first.
        lowercase: bool,
    },
    /// Words of Llama 3's regular expression, then bytes.
    Llama3 {
        /// Most digits in a word.
        max_digits: usize,
    },
    /// Words of Llama 3's regular expression in which marks belong to letters, then bytes.
    Marked {
        /// A word may begin with a mark.
        lead: bool,
    },
    /// Words of GPT-4o's regular expression, then bytes.
    Cased {
        /// Most digits in a word.
        max_digits: usize,
        /// `'s` and others belong to the word before them.
        contractions: bool,
    },
    /// Words of Hunyuan's regular expressions, then bytes.
    Hunyuan,
    /// Characters.
    SentencePiece {
        /// Where a space is put before the text.
        prefix: SpacePrefix,
        /// U+2581 in the text means a space.
        escaped_space: bool,
        /// No merge crosses from a non-space to a space, so words are separate.
        words: bool,
    },
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

/// The output buffer is too small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeError;

impl core::fmt::Display for EncodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the text has more tokens than the buffer has room for")
    }
}

impl core::error::Error for EncodeError {}

impl Tokenizer<'_> {
    /// Encodes `text` into `out` and returns the number of ids, with BOS and
    /// EOS where the model uses them. Special tokens in the text (such as
    /// `<|im_end|>`) are recognised if `parse_special`, else they are text.
    ///
    /// `out` is also the scratch: [`room`](Self::room) always suffices. It must hold all ids and,
    /// beside those before a word, two entries for each byte of the word as the model sees it: its
    /// small letters can have half as many bytes again, and its normalization form up to three
    /// times as many.
    ///
    /// # Errors
    /// If `out` is too small.
    pub fn encode(
        &self,
        text: &str,
        parse_special: bool,
        out: &mut [u32],
    ) -> Result<usize, EncodeError> {
        let mut out = Output::new(out);
        if let Some(bos) = self.bos.filter(|_| self.add_bos) {
            out.push(bos)?;
        }
        self.encode_text(text, parse_special, &mut out)?;
        if let Some(eos) = self.eos.filter(|_| self.add_eos) {
            out.push(eos)?;
        }
        Ok(out.len())
    }

    /// So many entries of a buffer always suffice to encode a text of so many bytes, those included
    /// that make long words fast.
    pub const fn room(&self, bytes: usize) -> usize {
        let bytes = if self.nfc.is_empty() {
            bytes
        } else {
            2 * bytes
        };
        3 * bytes + bytes / 4 + 4
    }

    /// Encodes a rendered chat: as [`encode`](Self::encode) with special tokens
    /// recognised, but nothing is added, as the chat template says it all.
    ///
    /// # Errors
    /// If `out` is too small.
    pub fn encode_chat(&self, text: &str, out: &mut [u32]) -> Result<usize, EncodeError> {
        let mut out = Output::new(out);
        self.encode_text(text, true, &mut out)?;
        Ok(out.len())
    }

    /// The fewest tokens that a text of so many bytes has.
    pub fn least_tokens(&self, bytes: usize) -> usize {
        bytes.div_ceil(self.longest as usize)
    }

    /// The bytes of a token; empty if there is no such token.
    pub fn piece(&self, id: u32) -> &[u8] {
        if id < self.vocab_size {
            self.symbol_bytes(id)
        } else {
            &[]
        }
    }

    /// The bytes that a token adds to a text: its piece, without the BOS and
    /// the space that encoding put before the text. `previous` is the token
    /// before it, `None` at the beginning.
    pub fn text_after(&self, previous: Option<u32>, id: u32) -> &[u8] {
        let adds_bos = self.bos.filter(|_| self.add_bos);
        if previous.is_none() && adds_bos == Some(id) {
            return &[];
        }
        let piece = self.piece(id);
        let first = previous.is_none() || previous == adds_bos;
        match known::SCHEME.unwrap_or(self.scheme) {
            Scheme::SentencePiece { prefix, .. } if first && prefix != SpacePrefix::Never => {
                piece.strip_prefix(b" ").unwrap_or(piece)
            }
            _ => piece,
        }
    }

    /// Whether a token ends a generation.
    pub fn is_stop(&self, id: u32) -> bool {
        self.stop.contains(&id)
    }

    /// Cuts the text at added tokens.
    fn encode_text(
        &self,
        text: &str,
        parse_special: bool,
        out: &mut Output<'_>,
    ) -> Result<(), EncodeError> {
        let (mut start, mut at) = (0, 0);
        while at < text.len() {
            let bytes = text.as_bytes()[at..].iter().copied();
            let Some(added) = self.added_at(bytes, false, parse_special) else {
                at += 1;
                continue;
            };
            // White space that was swallowed is still looked through for tokens.
            let mut plain = text.get(start..at).unwrap_or_default();
            if added.strip_left() {
                plain = plain.trim_end_matches(unicode::is_space);
            }
            self.encode_plain(plain, start == 0, parse_special, out)?;
            out.push(added.id)?;
            at += self.added_text(added).len();
            start = at;
            if added.strip_right() {
                let rest = &text[at..];
                start += rest.len() - rest.trim_start_matches(unicode::is_space).len();
            }
        }
        self.encode_plain(&text[start..], start == 0, parse_special, out)
    }

    /// Encodes text without tokens that are found in it as it is written; `first` if the text begins
    /// with it.
    fn encode_plain(
        &self,
        text: &str,
        first: bool,
        parse_special: bool,
        out: &mut Output<'_>,
    ) -> Result<(), EncodeError> {
        let normalized = known::NFC.unwrap_or(!self.nfc.is_empty());
        match !normalized || nfc::is_composed(text) {
            true => self.encode_composed(text.chars(), first, parse_special, out),
            false => {
                let text = Nfc::new(text, Tables(self.nfc));
                self.encode_composed(text, first, parse_special, out)
            }
        }
    }

    /// The same of text in normalization form C, if the model asks for that.
    fn encode_composed<T: Characters>(
        &self,
        text: T,
        first: bool,
        parse_special: bool,
        out: &mut Output<'_>,
    ) -> Result<(), EncodeError> {
        if !known::LATE.unwrap_or(self.late) {
            return self.encode_normal(text, first, out);
        }
        match known::SCHEME.unwrap_or(self.scheme) {
            Scheme::SentencePiece {
                prefix,
                escaped_space,
                ..
            } => {
                let before = prefix == SpacePrefix::Always && text.first().is_some();
                let text = text.map(move |c| unescaped(c, escaped_space));
                let text = before.then_some(' ').into_iter().chain(text);
                // The space is no white space any more.
                let is_space = |c| c != ' ' && unicode::is_space(c);
                self.cut_late(text, is_space, parse_special, out)
            }
            _ => self.cut_late(text, unicode::is_space, parse_special, out),
        }
    }

    /// Cuts text as the model takes it at added tokens that are found in it so.
    fn cut_late<T: Characters>(
        &self,
        text: T,
        is_space: impl Fn(char) -> bool,
        parse_special: bool,
        out: &mut Output<'_>,
    ) -> Result<(), EncodeError> {
        let (mut start, mut at) = (text.clone(), text);
        // The characters from the start to where we are, or as many that were swallowed after that.
        let (mut count, mut swallowed) = (0, 0);
        while at.first().is_some() {
            let bytes = at.clone().flat_map(tables::utf8);
            let Some(added) = self.added_at(bytes, true, parse_special) else {
                at.next();
                match swallowed {
                    0 => count += 1,
                    _ => swallowed -= 1,
                }
                continue;
            };
            let mut kept = count;
            if added.strip_left() {
                let texts = start.clone().take(count).enumerate();
                let last = texts.filter(|&(_, c)| !is_space(c)).last();
                kept = last.map_or(0, |(last, _)| last + 1);
            }
            self.encode_normal(start.take(kept), false, out)?;
            out.push(added.id)?;
            let text = self.added_text(added);
            at = at.after(text.iter().filter(|&&byte| byte & 0xc0 != 0x80).count());
            swallowed = match added.strip_right() {
                true => at.run(&is_space),
                false => 0,
            };
            (start, count) = (at.after(swallowed), 0);
        }
        self.encode_normal(start, false, out)
    }

    /// Encodes text without added tokens, in the form that the model takes; the space before it is
    /// there already, if added tokens are found so.
    fn encode_normal<T: Characters>(
        &self,
        text: T,
        first: bool,
        out: &mut Output<'_>,
    ) -> Result<(), EncodeError> {
        let class = |c| self.class(c);
        match known::SCHEME.unwrap_or(self.scheme) {
            Scheme::Gpt2 {
                lone_digits,
                lowercase,
            } => cut(
                text,
                |rest| split::gpt2(rest, lone_digits, lowercase),
                |word| match lowercase {
                    // Character by character, as Hugging Face's normalizer does.
                    true => self.encode_word(word.flat_map(char::to_lowercase), out),
                    false => self.encode_word(word, out),
                },
            ),
            Scheme::Llama3 { max_digits } => cut(
                text,
                |rest| split::llama3(rest, max_digits),
                |word| self.encode_word(word, out),
            ),
            Scheme::Marked { lead } => cut(
                text,
                |rest| split::marked(rest, lead, class),
                |word| self.encode_word(word, out),
            ),
            Scheme::Cased {
                max_digits,
                contractions,
            } => cut(
                text,
                |rest| cased::cased(rest, max_digits, contractions, class),
                |word| self.encode_word(word, out),
            ),
            Scheme::Hunyuan => cut(
                text,
                |rest| hunyuan::hunyuan(rest, class),
                |word| self.encode_word(word, out),
            ),
            Scheme::SentencePiece {
                prefix,
                escaped_space,
                words,
            } => {
                let is_space = |c| unescaped(c, escaped_space) == ' ';
                let mut space = match prefix {
                    _ if known::LATE.unwrap_or(self.late) => false,
                    SpacePrefix::Never => false,
                    SpacePrefix::Always => true,
                    SpacePrefix::Missing => !text.begins(is_space),
                    SpacePrefix::First => first && !text.begins(is_space),
                };
                let end = |rest: T| match words {
                    true => split::spaces_then_word(&rest, is_space),
                    false => usize::MAX,
                };
                cut(text, end, |word| {
                    let chars = word.map(|c| unescaped(c, escaped_space));
                    let prefix = core::mem::take(&mut space).then_some(' ');
                    self.encode_chars(prefix.into_iter().chain(chars), out)
                })
            }
        }
    }
}

/// The space for U+2581, where that means one.
fn unescaped(c: char, escaped_space: bool) -> char {
    match c {
        '\u{2581}' if escaped_space => ' ',
        c => c,
    }
}

/// Encodes the words of a text, each of so many characters as the first has of what is left.
fn cut<T: Characters>(
    text: T,
    first: impl Fn(T) -> usize,
    mut encode: impl FnMut(Take<T>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let mut rest = text;
    while rest.first().is_some() {
        let count = first(rest.clone());
        encode(rest.clone().take(count))?;
        rest = rest.after(count);
    }
    Ok(())
}
