//! The beginning of every chat with the model's own system message, computed at build time.

use super::{ROW_PADDING, Shapes};

/// Tokens, and the KV cache after them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prefix {
    tokens: Vec<u32>,
    blob: Vec<u8>,
}

impl Prefix {
    /// Tokens whose KV cache is yet to be [computed](crate::interpret::bake).
    pub(crate) fn new(tokens: &[u32]) -> Self {
        Self {
            tokens: tokens.to_vec(),
            blob: Vec::new(),
        }
    }

    /// Takes the words of the KV cache over, in whole eights of positions.
    pub(crate) fn set_cache(&mut self, words: &[f32]) {
        self.blob = words.iter().copied().flat_map(f32::to_le_bytes).collect();
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The tokens.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// The KV cache: `weights/prefix.bin`.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// Bytes of flash that a prefix of so many tokens takes.
    pub fn bytes(tokens: usize, shapes: &Shapes) -> usize {
        let positions = tokens.next_multiple_of(ROW_PADDING);
        4 * (tokens + shapes.beginning_len(positions))
    }
}
