//! GPT-2's byte-level BPE: every byte has a printable character.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::model::Merge;

/// The byte that a character stands for: printable Latin-1 stands for itself,
/// the other 68 bytes are U+0100 and up (`bytes_to_unicode` in GPT-2's encoder.py).
pub(super) fn byte_of(c: char) -> Option<u8> {
    let itself = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    match u8::try_from(u32::from(c)) {
        Ok(byte) => itself(byte).then_some(byte),
        Err(_) => {
            let index = (c as usize).checked_sub(0x100)?;
            (0..=255).filter(|&byte| !itself(byte)).nth(index)
        }
    }
}

/// What a token decodes to; a text with characters outside the alphabet is itself.
pub(super) fn decode(text: &str) -> Vec<u8> {
    text.chars()
        .map(byte_of)
        .collect::<Option<Vec<u8>>>()
        .unwrap_or_else(|| text.as_bytes().to_vec())
}

/// Merges by their order in a list: the first has rank 0. One whose parts or result are no tokens is
/// an error.
pub(super) fn ranked_merges<'a>(
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ids: &HashMap<&str, u32>,
) -> impl Iterator<Item = Result<Merge>> {
    let id = |text: &str, index: u32| {
        ids.get(text).copied().ok_or_else(|| {
            Error::new(format!(
                "merge {index} needs the token {text:?}, which is not in the vocabulary"
            ))
        })
    };
    let mut joined = String::new();
    let ranked = pairs.into_iter().zip(0..);
    ranked.map(move |((left, right), rank)| {
        joined.clear();
        joined.push_str(left);
        joined.push_str(right);
        Ok(Merge {
            left: id(left, rank)?,
            right: id(right, rank)?,
            rank,
            merged: id(&joined, rank)?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::byte_of;

    #[test]
    fn alphabet_is_gpt2s() {
        assert_eq!(byte_of('!'), Some(b'!'));
        assert_eq!(byte_of('Ġ'), Some(b' '));
        assert_eq!(byte_of('Ċ'), Some(b'\n'));
        assert_eq!(byte_of('Ā'), Some(0));
        assert_eq!(byte_of('ł'), Some(0xa0));
        assert_eq!(byte_of('Ń'), Some(0xad));
        assert_eq!(byte_of('ń'), None);
        assert_eq!(byte_of(' '), None);
        let bytes: std::collections::HashSet<u8> = ('\0'..='\u{200}').filter_map(byte_of).collect();
        assert_eq!(bytes.len(), 256);
    }
}
