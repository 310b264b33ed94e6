//! A whole answer with its figures.

use core::ops::{ControlFlow, DerefMut};
use std::string::String;
use std::time::Instant;
use std::vec::Vec;

use super::error::Error;
use super::generation::{Finish, Generation};
use super::kernels::in_default_mode;
use super::model::{FLASH_BYTES, Memory};
use super::options::Options;
use super::session::{RAM_BYTES, Session};

/// Memory that a session uses: weights, tables, KV cache and activations, in MB (10^6 bytes).
pub const MEMORY_USED_MB: f64 = (FLASH_BYTES + RAM_BYTES) as f64 / 1e6;

/// A generated text and what it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// The text, without the prompt.
    pub text: String,
    /// The tokens generated.
    pub tokens: Vec<u32>,
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Those of them that were not computed again.
    pub cached_tokens: usize,
    /// Tokens generated that were guessed and computed together with the one before.
    pub guessed_tokens: usize,
    /// Why it ended.
    pub finish: Finish,
    /// Time from the call to the first logits, in ms.
    pub prefill_ms: f64,
    /// Time of the whole call, in ms.
    pub latency_ms: f64,
    /// Memory in use, in MB (10^6 bytes).
    pub memory_used_mb: f64,
}

impl Completion {
    /// Tokens generated.
    pub fn tokens_generated(&self) -> usize {
        self.tokens.len()
    }

    /// Tokens generated a second, the prompt's time excluded.
    pub fn tokens_per_second(&self) -> f64 {
        in_default_mode(|| {
            let seconds = (self.latency_ms - self.prefill_ms) / 1e3;
            if seconds > 0.0 {
                self.tokens.len() as f64 / seconds
            } else {
                0.0
            }
        })
    }
}

impl<M: DerefMut<Target = Memory>> Session<M> {
    /// Generates a whole answer: [`generate`](Session::generate), with the figures.
    ///
    /// # Errors
    ///
    /// As [`generate`](Session::generate).
    pub fn complete(&mut self, prompt: &str, options: &Options) -> Result<Completion, Error> {
        let start = Instant::now();
        Ok(collect(start, self.generate(prompt, options)?, |_| {
            ControlFlow::Continue(())
        }))
    }
}

/// Runs a generation that was asked for at `start` to its end, or until `show` breaks, and shows
/// each piece of text.
pub fn collect<M: DerefMut<Target = Memory>>(
    start: Instant,
    mut generation: Generation<'_, M>,
    mut show: impl FnMut(&str) -> ControlFlow<()>,
) -> Completion {
    let ms = |start: Instant| in_default_mode(|| start.elapsed().as_secs_f64() * 1e3);
    let prefill_ms = ms(start);
    let (mut text, mut tokens) = (String::new(), Vec::new());
    for piece in &mut generation {
        let flow = show(&piece);
        text.push_str(&piece);
        tokens.extend(piece.token());
        if flow.is_break() {
            break;
        }
    }
    Completion {
        text,
        tokens,
        prompt_tokens: generation.prompt_tokens(),
        cached_tokens: generation.cached_tokens(),
        guessed_tokens: generation.guessed_tokens(),
        finish: generation.finish().unwrap_or(Finish::Stop),
        prefill_ms,
        latency_ms: ms(start),
        memory_used_mb: MEMORY_USED_MB,
    }
}
