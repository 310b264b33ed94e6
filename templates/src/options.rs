//! How a generation chooses its tokens.

use super::error::Error;
use super::kernels::in_default_mode;

/// Settings of a generation. The default is greedy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Tokens at most; the context is a limit too.
    pub max_tokens: usize,
    /// 0 takes the most probable token; 1 leaves the model's probabilities as they are.
    pub temperature: f32,
    /// Only the `top_k` most probable tokens are sampled; 0 is all.
    pub top_k: usize,
    /// Only the most probable tokens that have this probability together are sampled; 1 is all.
    pub top_p: f32,
    /// Equal seeds give equal texts, on every machine.
    pub seed: u64,
}

impl Options {
    /// Greedy, to the end of the answer or of the context.
    pub const fn new() -> Self {
        Self {
            max_tokens: usize::MAX,
            temperature: 0.0,
            top_k: 40,
            top_p: 0.95,
            seed: 0,
        }
    }

    /// Refuses settings that mean nothing.
    pub(crate) fn check(&self) -> Result<(), Error> {
        // A thread that takes subnormal numbers for zero would judge them otherwise.
        in_default_mode(|| self.check_in_mode())
    }

    fn check_in_mode(&self) -> Result<(), Error> {
        if !(self.temperature >= 0.0 && self.temperature.is_finite()) {
            return Err(Error::InvalidOption(
                "temperature must be a number from 0 on",
            ));
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return Err(Error::InvalidOption("top_p must be above 0 and at most 1"));
        }
        Ok(())
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}
