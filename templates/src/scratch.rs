//! Memory for a prompt on its way to tokens.

use super::model::CONTEXT;
#[cfg(feature = "std")]
use super::tables::TOKENIZER;

/// Text and tokens of a prompt. With `std` it grows; without, it is part of the session, and a
/// prompt that it cannot hold is refused.
#[cfg(feature = "std")]
#[derive(Debug, Default)]
pub struct Scratch {
    /// A rendered chat.
    pub text: std::vec::Vec<u8>,
    /// Tokens, and the tokenizer's own scratch.
    pub tokens: std::vec::Vec<u32>,
}

/// Text and tokens of a prompt: four entries and eight bytes for each token of the context.
#[cfg(not(feature = "std"))]
#[derive(Debug)]
pub struct Scratch {
    /// A rendered chat.
    pub text: [u8; 8 * CONTEXT],
    /// Tokens, and the tokenizer's own scratch.
    pub tokens: [u32; 4 * CONTEXT],
}

#[cfg(feature = "std")]
impl Scratch {
    /// No memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes room for a chat of this many bytes.
    pub fn hold_text(&mut self, bytes: usize) {
        self.text.resize(bytes, 0);
    }

    /// Makes room for the tokens of a text of this many bytes, with some to spare for long words.
    pub fn hold_tokens(&mut self, bytes: usize) {
        self.tokens.resize(TOKENIZER.room(bytes).max(CONTEXT), 0);
    }
}

#[cfg(not(feature = "std"))]
impl Scratch {
    /// Zeros.
    pub fn new() -> Self {
        Self {
            text: [0; 8 * CONTEXT],
            tokens: [0; 4 * CONTEXT],
        }
    }

    /// There is what there is.
    pub fn hold_text(&mut self, _bytes: usize) {}

    /// There is what there is.
    pub fn hold_tokens(&mut self, _bytes: usize) {}
}
