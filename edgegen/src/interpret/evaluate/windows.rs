//! A text as windows of tokens, and the score over them.

use std::f64::consts::LN_2;

use crate::error::{Error, Result};
use crate::program::Program;

/// How well a program predicts a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    nats: f64,
    tokens: usize,
    bytes: usize,
}

impl Score {
    /// Predicted tokens.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Perplexity over the predicted tokens.
    pub fn perplexity(&self) -> f64 {
        libm::exp(self.nats / self.tokens as f64)
    }

    /// Bits for each byte of the predicted tokens.
    pub fn bits_per_byte(&self) -> f64 {
        self.nats / LN_2 / self.bytes as f64
    }

    /// The perplexity that these bits per byte are for the tokens of another score.
    pub(super) fn perplexity_in_tokens_of(&self, other: &Self) -> f64 {
        if (self.tokens, self.bytes) == (other.tokens, other.bytes) {
            return self.perplexity();
        }
        let bytes_per_token = other.bytes as f64 / other.tokens as f64;
        libm::exp(self.nats / self.bytes as f64 * bytes_per_token)
    }
}

/// The tokens of a text, to be run in windows.
pub(super) struct Windows {
    bos: Option<u32>,
    tokens: Vec<u32>,
    /// Tokens of the text in a window.
    step: usize,
    /// Bytes of the predicted tokens.
    bytes: usize,
}

impl Windows {
    /// Windows of `window` tokens: BOS and `window - 1` tokens of the text where the model uses
    /// BOS, else `window` tokens, of which the first is not predicted.
    pub(super) fn new(program: &Program, text: &str, window: usize) -> Result<Self> {
        let context = program.shapes().context;
        if !(2..=context).contains(&window) {
            return Err(Error::option(
                "window",
                format!("a window of {window} tokens; the context is {context}"),
            )
            .remedy(format!("give 2 to {context}")));
        }
        let tokenizer = program.tokenizer().runtime();
        let bos = tokenizer.bos.filter(|_| tokenizer.add_bos);
        let mut windows = Self {
            bos,
            tokens: program.tokenizer().encode(text, false),
            step: window - usize::from(bos.is_some()),
            bytes: 0,
        };
        if windows.predicted() == 0 {
            return Err(Error::new(match windows.tokens[..] {
                [] => "the text is empty",
                _ => "there is nothing to predict in a text of one token",
            })
            .remedy("give a longer text; some thousand words make a good measure"));
        }
        let mut previous = None;
        for (index, &token) in windows.tokens.iter().enumerate() {
            if windows.predicts(index) {
                windows.bytes += tokenizer.text_after(previous, token).len();
            }
            previous = Some(token);
        }
        Ok(windows)
    }

    /// Windows.
    pub(super) fn len(&self) -> usize {
        self.tokens.len().div_ceil(self.step)
    }

    /// The tokens of each window.
    pub(super) fn list(&self) -> Vec<Vec<u32>> {
        let with_bos = |chunk: &[u32]| self.bos.into_iter().chain(chunk.iter().copied()).collect();
        self.tokens.chunks(self.step).map(with_bos).collect()
    }

    /// Tokens that are predicted.
    pub(super) fn predicted(&self) -> usize {
        (0..self.tokens.len())
            .filter(|&index| self.predicts(index))
            .count()
    }

    /// Whether the token of the text has a token before it in its window.
    fn predicts(&self, index: usize) -> bool {
        self.bos.is_some() || !index.is_multiple_of(self.step)
    }

    /// The score of the windows' nats, in the order of the text.
    pub(super) fn score(&self, nats: impl Iterator<Item = f64>) -> Result<Score> {
        let nats: f64 = nats.sum();
        if !nats.is_finite() {
            return Err(Error::overflow());
        }
        Ok(Score {
            nats,
            tokens: self.predicted(),
            bytes: self.bytes,
        })
    }
}
