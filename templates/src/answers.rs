//! Answers that were given before, to be given again.
//!
//! A request that is equal to an earlier one has an equal answer, which need not be computed.
//! The memory holds entries, the latest used first: its length, the prompt's length, how the
//! answer ended, the options, the tokens of the prompt, and those of the answer. All are integers,
//! the bits of words. What falls off the end is forgotten.

use core::ops::DerefMut;

use super::generation::Finish;
use super::memory;
use super::model::Memory;
use super::options::Options;
use super::session::Session;

const OPTIONS: usize = 16;
const HEADER: usize = 3 + OPTIONS;

/// An answer that is given again; its entry is the first.
#[derive(Debug, Clone, Copy)]
pub struct Recalled {
    /// Where its tokens start.
    start: usize,
    len: usize,
    finish: Finish,
    /// Whether its last token was fed before it ended.
    last_fed: bool,
}

impl Recalled {
    /// The answer's next token after `given` tokens, or why it ended. `unfed` is the last token,
    /// if it would be fed now.
    pub(crate) fn token<M: DerefMut<Target = Memory>>(
        &self,
        session: &mut Session<M>,
        given: usize,
        unfed: Option<u32>,
    ) -> Result<u32, Finish> {
        if given < self.len || self.last_fed {
            unfed.into_iter().for_each(|token| session.owe(token));
        }
        if given == self.len {
            return Err(self.finish);
        }
        let (_, answers) = memory::tokens(&mut session.memory);
        Ok(answers[self.start + given].to_bits())
    }
}

impl<M: DerefMut<Target = Memory>> Session<M> {
    /// The answer to the first `prompt` tokens of the scratch with these options, if it was given
    /// before.
    pub(crate) fn recall(&mut self, prompt: usize, options: &Options) -> Option<Recalled> {
        let (_, answers) = memory::tokens(&mut self.memory);
        let end = find(answers, &self.scratch.tokens[..prompt], &key(options))?;
        let ending = number(answers[2]);
        let fed = self.reuse(prompt);
        for at in fed..prompt {
            self.owe(self.scratch.tokens[at]);
        }
        let start = HEADER + prompt;
        Some(Recalled {
            start,
            len: end - start,
            finish: [Finish::Stop, Finish::MaxTokens, Finish::ContextFull][ending / 2],
            last_fed: ending % 2 == 1,
        })
    }

    /// Keeps an answer: what was fed after the first `prompt` tokens, and the token that is yet
    /// to be fed.
    pub(crate) fn remember(
        &mut self,
        prompt: usize,
        unfed: Option<u32>,
        options: &Options,
        finish: Finish,
    ) {
        let fed = self.position();
        let (history, answers) = memory::tokens(&mut self.memory);
        let len = HEADER + fed + usize::from(unfed.is_some());
        let Some(kept) = answers.len().checked_sub(len) else {
            return;
        };
        answers.copy_within(..kept, len);
        let (header, tokens) = answers[..len].split_at_mut(HEADER);
        let ending = 2 * finish as usize + usize::from(unfed.is_none());
        header[..3]
            .copy_from_slice(&[len, prompt, ending].map(|number| f32::from_bits(number as u32)));
        header[3..].copy_from_slice(&key(options));
        tokens[..fed].copy_from_slice(&history[..fed]);
        if let (Some(place), Some(token)) = (tokens.get_mut(fed), unfed) {
            *place = f32::from_bits(token);
        }
    }
}

/// Moves the entry of a prompt to the front, and gives its end.
fn find(answers: &mut [f32], prompt: &[u32], key: &[f32; OPTIONS]) -> Option<usize> {
    let mut start = 0;
    loop {
        let len = number(*answers.get(start)?);
        let entry = answers.get(start..start + len)?;
        let (header, tokens) = entry.split_at_checked(HEADER)?;
        let mut pairs = tokens.iter().zip(prompt);
        if number(header[1]) == prompt.len()
            && header[3..]
                .iter()
                .zip(key)
                .all(|(kept, piece)| kept.to_bits() == piece.to_bits())
            && pairs.all(|(token, &other)| token.to_bits() == other)
        {
            answers[..start + len].rotate_right(len);
            return Some(len);
        }
        start += len;
    }
}

/// A number that is kept.
fn number(kept: f32) -> usize {
    kept.to_bits() as usize
}

/// The options in pieces of 16 bits: none is a NaN, of which some CPUs change bits as they move it.
fn key(options: &Options) -> [f32; OPTIONS] {
    let bits = |value: f32| u64::from(value.to_bits());
    let words = [
        options.max_tokens as u64,
        options.top_k as u64,
        bits(options.temperature) << 32 | bits(options.top_p),
        options.seed,
    ];
    core::array::from_fn(|i| f32::from_bits((words[i / 4] >> (16 * (i % 4)) & 0xffff) as u32))
}
