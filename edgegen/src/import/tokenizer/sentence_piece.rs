//! SentencePiece's BPE, written as pairs of symbols that merge.

use std::collections::{BTreeMap, HashMap};

use crate::error::{Error, Result};
use crate::model::{Merge, TokenClass};

/// SentencePiece's visible space.
pub(super) const ESCAPED_SPACE: char = '\u{2581}';

/// Characters and their symbols, ascending.
pub(super) type Alphabet = Vec<(char, u32)>;

/// A piece as the file has it.
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) score: f32,
    pub(super) class: TokenClass,
}

/// The byte of `<0x0A>`.
pub(super) fn byte_token(text: &str) -> Option<u8> {
    let hex = text.strip_prefix("<0x")?.strip_suffix('>')?;
    let digits = hex.len() == 2 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    digits.then(|| u8::from_str_radix(hex, 16).ok())?
}

/// What a piece decodes to.
pub(super) fn decode(text: &str, class: TokenClass, escaped_space: bool) -> Vec<u8> {
    match (class, byte_token(text)) {
        (TokenClass::Byte, Some(byte)) => vec![byte],
        (TokenClass::Normal | TokenClass::Unused, _) if escaped_space => {
            text.replace(ESCAPED_SPACE, " ").into_bytes()
        }
        _ => text.as_bytes().to_vec(),
    }
}

/// The merges that scores imply: two neighbours merge if their concatenation
/// is a piece, the best score first. Returns the merges and the alphabet, in
/// which characters that occur only inside pieces have ids of their own.
///
/// With `escaped_space`, pieces are in SentencePiece's notation, where a
/// space is U+2581 and a piece with a real space cannot be reached.
pub(super) fn scored_merges(
    pieces: &[Piece<'_>],
    escaped_space: bool,
) -> Result<(Vec<Merge>, Alphabet)> {
    if let Some(id) = pieces.iter().position(|piece| !piece.score.is_finite()) {
        return Err(Error::new(format!(
            "token {id} has a score that is not a finite number"
        )));
    }
    check_lengths(pieces)?;
    let reachable = |piece: &Piece<'_>| {
        piece.class != TokenClass::Byte && !(escaped_space && piece.text.contains(' '))
    };
    let ids: HashMap<&str, u32> = pieces
        .iter()
        .zip(0..)
        .filter(|(piece, _)| reachable(piece))
        .map(|(piece, id)| (piece.text, id))
        .collect();
    let found = |text: &str| ids.get(text).copied();

    let mut alphabet: BTreeMap<char, u32> = BTreeMap::new();
    let mut next = pieces.len() as u32;
    for piece in pieces.iter().filter(|piece| reachable(piece)) {
        for (at, c) in piece.text.char_indices() {
            alphabet.entry(c).or_insert_with(|| {
                found(&piece.text[at..at + c.len_utf8()]).unwrap_or_else(|| {
                    next += 1;
                    next - 1
                })
            });
        }
    }

    let mut scores: Vec<f32> = pieces.iter().map(|piece| piece.score).collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    scores.dedup();
    let rank = |score: f32| scores.partition_point(|&other| other > score) as u32;

    let symbol = |text: &str| {
        found(text).or_else(|| {
            let mut chars = text.chars();
            let c = chars.next()?;
            chars.next().is_none().then(|| alphabet.get(&c).copied())?
        })
    };
    let mut merges = Vec::new();
    for (piece, id) in pieces.iter().zip(0..) {
        if found(piece.text) != Some(id) {
            continue;
        }
        for (at, _) in piece.text.char_indices().skip(1) {
            let (left, right) = piece.text.split_at(at);
            if let (Some(left), Some(right)) = (symbol(left), symbol(right)) {
                merges.push(Merge {
                    left,
                    right,
                    rank: rank(piece.score),
                    merged: id,
                });
            }
        }
        if merges.len() > crate::model::MAX_MERGES {
            return Err(Error::new("the pieces imply too many merges"));
        }
    }
    Ok((merges, unescape(alphabet, escaped_space)))
}

/// Every piece is split everywhere, which costs the square of its length.
fn check_lengths(pieces: &[Piece<'_>]) -> Result<()> {
    const MOST: usize = 1 << 30;
    let cost = pieces.iter().try_fold(0usize, |sum, piece| {
        let length = piece.text.len();
        sum.checked_add(length.checked_mul(length)?)
    });
    match cost {
        Some(cost) if cost <= MOST => Ok(()),
        _ => Err(Error::new("the pieces of the vocabulary are too long")
            .remedy("the file is damaged; fetch it again")),
    }
}

/// The alphabet with the space where the notation has U+2581.
pub(super) fn unescape(mut alphabet: BTreeMap<char, u32>, escaped: bool) -> Alphabet {
    if escaped && let Some(id) = alphabet.remove(&ESCAPED_SPACE) {
        alphabet.insert(' ', id);
    }
    alphabet.into_iter().collect()
}
