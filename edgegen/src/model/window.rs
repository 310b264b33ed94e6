//! Attention to the last tokens alone.

use crate::error::{Error, Result};

use super::Rope;

/// A window of attention (Beltagy et al. 2020, arXiv:2004.05150).
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Tokens that a token sees: itself and those before it.
    pub size: usize,
    /// The layers that have it, ascending; in others a token sees all before it.
    pub layers: Vec<usize>,
    /// RoPE in these layers, where it is not the others'.
    pub rope: Option<Rope>,
}

impl Window {
    /// Whether a layer has it.
    pub(crate) fn is_in(&self, layer: usize) -> bool {
        self.layers.binary_search(&layer).is_ok()
    }

    pub(super) fn check(&self, head_dim: usize) -> Result<()> {
        if self.size == 0 {
            return Err(Error::new("a token would not see itself")
                .at("sliding_window")
                .remedy("correct the value in the model's configuration"));
        }
        let rope = self.rope.as_ref();
        rope.map_or(Ok(()), |rope| rope.check(head_dim))
    }
}
