//! Text of a generation.

use core::fmt;
use core::ops::Deref;

use super::model::MAX_PIECE;
use super::tokenizer::Text;

/// The text of one token, up to where it is valid UTF-8: a character whose
/// bytes are spread over tokens comes with the last of them.
#[derive(Clone, Copy)]
pub struct Piece {
    token: Option<u32>,
    len: usize,
    bytes: [u8; PIECE_BYTES],
}

/// A byte can become U+FFFD, which has three; up to three were held back.
const PIECE_BYTES: usize = 3 * (MAX_PIECE + 3);

impl Piece {
    /// The text that a token adds.
    pub(crate) fn new(token: Option<u32>, text: Text<'_>) -> Self {
        let mut piece = Self {
            token,
            len: 0,
            bytes: [0; PIECE_BYTES],
        };
        text.for_each(|part| {
            piece.bytes[piece.len..][..part.len()].copy_from_slice(part.as_bytes());
            piece.len += part.len();
        });
        piece
    }

    /// The token, or `None` for what was held back when the generation ended.
    pub fn token(&self) -> Option<u32> {
        self.token
    }

    /// The text; may be empty.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl Deref for Piece {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Piece({:?}, {:?})", self.token, self.as_str())
    }
}
