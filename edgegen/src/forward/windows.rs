//! Windows of a text's tokens.

use crate::error::{Error, Result};
use crate::memory;
use crate::model::{Architecture, Model};

/// Tokens of a window: each begins with an empty KV cache.
const WINDOW: usize = 256;

/// Tokens to look at, in whole windows.
#[derive(Debug, Clone)]
pub(crate) struct Windows {
    /// Tokens of a window.
    pub(super) size: usize,
    /// Those of all windows, one after the other.
    pub(super) tokens: Vec<u32>,
}

/// Values that a layer keeps of a token, all of them at once: the residual stream, its norm, and the
/// wider of attention and feed-forward network.
fn layer_floats(architecture: &Architecture) -> usize {
    let a = architecture;
    let queries = a.num_attention_heads * a.head_dim;
    let keys = a.num_key_value_heads * a.head_dim;
    2 * a.hidden_size + (2 * queries + 2 * keys).max(3 * a.intermediate_size)
}

impl Windows {
    /// At most so many windows, spread over the text, each with BOS where the model uses it.
    ///
    /// # Errors
    ///
    /// When the text has too few tokens for one window, or this machine has not the memory for the
    /// network's way through them.
    pub(crate) fn of(model: &Model, text: &str, most: usize) -> Result<Self> {
        let architecture = model.architecture();
        let size = WINDOW.min(architecture.max_position_embeddings);
        let tables = model.tokenizer().tables();
        let runtime = tables.runtime();
        let bos = runtime.bos.filter(|_| runtime.add_bos);
        // Paragraph by paragraph: joined, they could have other tokens.
        let tokens: Vec<u32> = text
            .split_inclusive("\n\n")
            .flat_map(|paragraph| tables.encode(paragraph, false))
            .collect();
        let step = size - usize::from(bos.is_some());
        let windows: Vec<&[u32]> = tokens.chunks_exact(step.max(1)).collect();
        if windows.is_empty() {
            return Err(Error::option(
                "calibration",
                format!(
                    "the calibration text has {} tokens, one window of {size} is the least",
                    tokens.len()
                ),
            )
            .remedy("give a longer text of the kind that the model will see, 20 KB or more"));
        }
        let taken = most.min(windows.len());
        memory::check(
            "the network's way through the calibration text takes",
            taken * size * layer_floats(architecture) * size_of::<f32>(),
        )?;
        let chosen = (0..taken).map(|i| windows[i * windows.len() / taken]);
        let tokens = chosen.flat_map(|window| bos.into_iter().chain(window.iter().copied()));
        Ok(Self {
            size,
            tokens: tokens.collect(),
        })
    }

    /// The first windows, at most so many.
    pub(crate) fn first(&self, most: usize) -> Self {
        let tokens = self.tokens.len().min(most * self.size);
        Self {
            size: self.size,
            tokens: self.tokens[..tokens].to_vec(),
        }
    }

    /// The tokens of all windows.
    pub(crate) fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// Tokens of a window.
    pub(crate) fn size(&self) -> usize {
        self.size
    }
}
