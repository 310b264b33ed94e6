//! llama2.c's `tokenizer.bin`: an `i32`, the longest piece in bytes; then for
//! each token an `f32` score, an `i32` length and the piece. Little-endian.
//! Spaces are spaces, ids 0 to 2 are unknown, BOS and EOS, 3 to 258 are bytes.

use super::sentence_piece::{self, Piece};
use crate::error::{Error, Place, Result};
use crate::model::{
    MAX_TOKENS, Scheme, SentencePiece, SpacePrefix, Token, TokenClass, Tokenizer, TokenizerParts,
};

const BOS: u32 = 1;
const EOS: u32 = 2;

/// Builds the tokenizer of `vocab_size` tokens, a number that is in the
/// checkpoint and not in this file. As in llama2.c's `encode`, text begins
/// with BOS and a space, and special tokens in the text are text.
///
/// # Errors
/// If the file is truncated or longer, or a token is not as described above.
pub fn from_llama2c(bytes: &[u8], vocab_size: usize) -> Result<Tokenizer> {
    if vocab_size > MAX_TOKENS {
        return Err(Error::new(format!(
            "a vocabulary of {vocab_size} tokens; at most {MAX_TOKENS} are possible"
        )));
    }
    if vocab_size < 259 {
        return Err(Error::new(format!(
            "a vocabulary of {vocab_size} tokens; llama2.c's have at least 259"
        )));
    }
    let mut reader = Reader { bytes, at: 0 };
    reader.take::<4>()?;
    let mut pieces = Vec::with_capacity(vocab_size);
    for id in 0..vocab_size {
        let score = f32::from_le_bytes(reader.take()?);
        let text = reader.text(id)?;
        let class = match id {
            0 => TokenClass::Unknown,
            1 | 2 => TokenClass::Control,
            3..=258 => TokenClass::Byte,
            _ => TokenClass::Normal,
        };
        if class == TokenClass::Byte && sentence_piece::byte_token(text) != Some((id - 3) as u8) {
            return Err(Error::new(format!("token {id} is {text:?}"))
                .remedy("ids 3 to 258 must be <0x00> to <0xFF>"));
        }
        pieces.push(Piece { text, score, class });
    }
    if reader.at != bytes.len() {
        return Err(Error::new(format!(
            "{} bytes after the last of {vocab_size} tokens",
            bytes.len() - reader.at
        ))
        .remedy("is this the tokenizer of this checkpoint?"));
    }
    let (merges, alphabet) = sentence_piece::scored_merges(&pieces, false)?;
    let tokens: Vec<Token> = pieces
        .iter()
        .map(|piece| Token {
            bytes: sentence_piece::decode(piece.text, piece.class, false),
            class: piece.class,
        })
        .collect();
    Tokenizer::new(TokenizerParts {
        scheme: Scheme::SentencePiece(SentencePiece {
            space_prefix: SpacePrefix::Always,
            escaped_space: false,
            alphabet,
        }),
        tokens,
        merges,
        added: Vec::new(),
        bos: Some(BOS),
        eos: Some(EOS),
        add_bos: true,
        add_eos: false,
        stop: vec![BOS, EOS],
    })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let bytes = self.slice(N)?;
        let mut array = [0; N];
        array.copy_from_slice(bytes);
        Ok(array)
    }

    fn text(&mut self, id: usize) -> Result<&'a str> {
        let at = self.at;
        let len = i32::from_le_bytes(self.take()?);
        let len = usize::try_from(len)
            .map_err(|_| Error::new(format!("token {id} has {len} bytes")).at(Place::Offset(at)))?;
        std::str::from_utf8(self.slice(len)?)
            .map_err(|_| Error::new(format!("token {id} is not UTF-8")).at(Place::Offset(at)))
    }

    fn slice(&mut self, len: usize) -> Result<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        let slice = rest.get(..len).ok_or_else(|| {
            Error::new(format!(
                "the file ends {} bytes early",
                len.saturating_sub(rest.len())
            ))
            .at(Place::Offset(self.at))
            .remedy("is this the tokenizer of this checkpoint?")
        })?;
        self.at += len;
        Ok(slice)
    }
}
