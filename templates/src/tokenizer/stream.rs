//! Pieces of bytes to text, whole characters at a time.

use core::fmt;

/// Joins the characters that pieces cut. What it gives is, over all pieces,
/// what `String::from_utf8_lossy` gives for their concatenation: U+FFFD for what can be no
/// character, and characters after it as they are. SentencePiece does so too, but has one U+FFFD
/// for each byte of a character that is cut short; Hugging Face's tokenizers have one for each byte
/// token beside one that is invalid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Utf8Stream {
    /// A character's first bytes, at most three, then zeros.
    pending: [u8; 3],
    len: usize,
}

/// The text that one piece completes; see [`Text::for_each`] and `Display`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'p> {
    /// The character that began in an earlier piece.
    head: Option<char>,
    body: &'p [u8],
}

impl Utf8Stream {
    /// A stream at its beginning.
    pub const fn new() -> Self {
        Self {
            pending: [0; 3],
            len: 0,
        }
    }

    /// Adds a piece and returns the text that is complete now.
    pub fn push<'p>(&mut self, piece: &'p [u8]) -> Text<'p> {
        let (head, rest) = self.complete(piece);
        let tail = incomplete_tail(rest);
        if tail > 0 {
            self.pending[..tail].copy_from_slice(&rest[rest.len() - tail..]);
            self.len = tail;
        }
        Text {
            head,
            body: &rest[..rest.len() - tail],
        }
    }

    /// Ends the stream: U+FFFD if a character is incomplete.
    pub fn finish(&mut self) -> Text<'static> {
        let cut = core::mem::take(&mut self.len) > 0;
        Text {
            head: cut.then_some(char::REPLACEMENT_CHARACTER),
            body: &[],
        }
    }

    /// Completes the pending character; returns it and the bytes after it.
    fn complete<'p>(&mut self, piece: &'p [u8]) -> (Option<char>, &'p [u8]) {
        if self.len == 0 {
            return (None, piece);
        }
        let mut bytes = [0; 4];
        bytes[..self.len].copy_from_slice(&self.pending[..self.len]);
        for (used, &byte) in piece.iter().enumerate() {
            bytes[self.len] = byte;
            match core::str::from_utf8(&bytes[..self.len + 1]) {
                Ok(text) => {
                    self.len = 0;
                    return (text.chars().next(), &piece[used + 1..]);
                }
                Err(error) if error.error_len().is_some() => {
                    self.len = 0;
                    return (Some(char::REPLACEMENT_CHARACTER), &piece[used..]);
                }
                Err(_) => {
                    self.pending[self.len] = byte;
                    self.len += 1;
                }
            }
        }
        (None, &[])
    }
}

impl Text<'_> {
    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.head.is_none() && self.body.is_empty()
    }

    /// Gives the text in order, in as many parts as it takes.
    pub fn for_each(&self, mut part: impl FnMut(&str)) {
        if let Some(head) = self.head {
            part(head.encode_utf8(&mut [0; 4]));
        }
        for chunk in self.body.utf8_chunks() {
            if !chunk.valid().is_empty() {
                part(chunk.valid());
            }
            if !chunk.invalid().is_empty() {
                part("\u{fffd}");
            }
        }
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut result = Ok(());
        self.for_each(|part| result = result.and_then(|()| f.write_str(part)));
        result
    }
}

/// How many bytes at the end are the beginning of a character.
fn incomplete_tail(bytes: &[u8]) -> usize {
    (1..=bytes.len().min(3))
        .find(|&len| {
            let tail = &bytes[bytes.len() - len..];
            matches!(core::str::from_utf8(tail), Err(error) if error.valid_up_to() == 0 && error.error_len().is_none())
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::{String, ToString};
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::Utf8Stream;

    /// Every way to cut four bytes of which none, some or all are characters.
    #[test]
    fn a_cut_anywhere_changes_nothing() {
        let bytes = [
            0x00, b'a', 0x80, 0xbf, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xff, 0x9f, 0x90, 0xa0,
        ];
        for at in 0..bytes.len().pow(4) {
            let digit = |n: u32| bytes[at / bytes.len().pow(n) % bytes.len()];
            let text = [digit(0), digit(1), digit(2), digit(3)];
            let whole = String::from_utf8_lossy(&text);
            for cuts in 0..8 {
                let mut stream = Utf8Stream::new();
                let mut found = String::new();
                let mut start = 0;
                for end in 1..=4 {
                    if end == 4 || cuts >> (end - 1) & 1 == 1 {
                        let part = stream.push(&text[start..end]);
                        let said = part.to_string();
                        assert_eq!(part.is_empty(), said.is_empty());
                        found += &said;
                        start = end;
                    }
                }
                let rest = stream.finish();
                found += &rest.to_string();
                assert_eq!(rest.is_empty(), rest.to_string().is_empty());
                assert_eq!(found, whole, "{text:x?} cut {cuts:b}");
                assert!(stream.finish().is_empty());
            }
        }
    }

    proptest! {
        #[test]
        fn stream_equals_whole(
            text in any::<String>(),
            noise in prop::collection::vec(any::<u8>(), 0..12),
            cuts in prop::collection::vec(0_usize..6, 0..64),
        ) {
            let mut bytes: Vec<u8> = text.into_bytes();
            bytes.splice(bytes.len() / 2..bytes.len() / 2, noise);
            let mut stream = Utf8Stream::new();
            let mut found = String::new();
            let mut rest = &bytes[..];
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                found += &stream.push(piece).to_string();
                rest = after;
            }
            found += &stream.push(rest).to_string();
            found += &stream.finish().to_string();
            prop_assert_eq!(found, String::from_utf8_lossy(&bytes));
        }
    }
}
