//! Text from a prompt, a piece at a time.

use core::ops::DerefMut;

use super::answers::Recalled;
use super::error::Error;
use super::grammar::State;
use super::lookup::Guesses;
use super::model::{CONTEXT, Memory};
use super::options::Options;
use super::piece::Piece;
use super::sampler::Sampler;
use super::session::Session;
use super::tables::{CHAT, GRAMMAR, TOKENIZER};
use super::tokenizer::Utf8Stream;

/// Why a generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model ended its answer, or the schema says that it is whole.
    Stop,
    /// The greatest number of tokens is reached.
    MaxTokens,
    /// The context is full.
    ContextFull,
}

/// A generation that goes on with each piece that is taken from it.
#[derive(Debug)]
pub struct Generation<'s, M> {
    session: &'s mut Session<M>,
    answer: Answer,
}

/// A generation without its session, for callers that cannot borrow it between steps.
#[derive(Debug)]
pub struct Answer {
    sampler: Sampler,
    stream: Utf8Stream,
    /// Where in its grammar the answer is.
    state: State,
    previous: u32,
    /// Whether `previous` is yet to be fed.
    pending: bool,
    guesses: Guesses,
    /// The answer, if the same was asked for before.
    recalled: Option<Recalled>,
    prompt_tokens: usize,
    /// Tokens of the prompt that need not be fed.
    cached_tokens: usize,
    /// Tokens of the prompt that are yet to be fed, the last ones of those in the scratch.
    unfed: usize,
    generated: usize,
    options: Options,
    /// The session's turn that the answer is of.
    turn: usize,
    /// Whether the answer is to the session's text from its start.
    anew: bool,
    finish: Option<Finish>,
}

/// What a step of an [`Answer`] did.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// Some of the prompt was fed.
    Prompt {
        /// Tokens that are yet to be fed.
        left: usize,
    },
    /// Text was generated.
    Piece(Piece),
}

impl<M: DerefMut<Target = Memory>> Session<M> {
    /// Starts anew with a prompt and generates what follows. Special tokens in
    /// the prompt are recognised. A beginning that the prompt shares with what was fed before
    /// is not computed again, nor is an answer that was given before; the text is the same.
    ///
    /// If the crate has a JSON Schema, an answer that has ended obeys it, whatever the logits are:
    /// even where weights are so large that f32 overflows to infinity and NaN.
    ///
    /// # Errors
    ///
    /// When the prompt is empty or too long, or an option means nothing.
    pub fn generate(
        &mut self,
        prompt: &str,
        options: &Options,
    ) -> Result<Generation<'_, M>, Error> {
        let answer = self.begin(prompt, options)?;
        Ok(self.run_to_text(answer))
    }

    /// As [`generate`](Self::generate), but nothing is fed yet: each [`Answer::step`] feeds a
    /// batch of the prompt, or generates a piece.
    ///
    /// # Errors
    ///
    /// As [`generate`](Self::generate).
    pub fn begin(&mut self, prompt: &str, options: &Options) -> Result<Answer, Error> {
        options.check()?;
        check_length(prompt.len())?;
        self.scratch.hold_tokens(prompt.len());
        let encoded = TOKENIZER.encode(prompt, true, &mut self.scratch.tokens);
        self.start(encoded.ok(), options)
    }

    /// Starts anew with the chat template around a system message and a user's message, and
    /// generates the answer. Without a system message, the one counts that the crate was compiled
    /// with, if any. Shared beginnings are not computed again, as in
    /// [`generate`](Self::generate).
    ///
    /// # Errors
    ///
    /// As [`generate`](Self::generate), or when the model has no chat template
    /// or no place for a system message.
    pub fn chat(
        &mut self,
        system: Option<&str>,
        user: &str,
        options: &Options,
    ) -> Result<Generation<'_, M>, Error> {
        let answer = self.begin_chat(system, user, options)?;
        Ok(self.run_to_text(answer))
    }

    /// [`chat`](Self::chat) as [`begin`](Self::begin) is [`generate`](Self::generate).
    ///
    /// # Errors
    ///
    /// As [`chat`](Self::chat).
    pub fn begin_chat(
        &mut self,
        system: Option<&str>,
        user: &str,
        options: &Options,
    ) -> Result<Answer, Error> {
        options.check()?;
        let template = CHAT.as_ref().ok_or(Error::NoChatTemplate)?;
        let len = template
            .len(system, user)
            .map_err(|_| Error::NoSystemMessage)?;
        check_length(len)?;
        self.scratch.hold_text(len);
        self.scratch.hold_tokens(len);
        let text = template
            .render(system, user, &mut self.scratch.text)
            .map_err(|_| Error::PromptTooLong { context: CONTEXT })?;
        let encoded = TOKENIZER.encode_chat(text, &mut self.scratch.tokens);
        self.start(encoded.ok(), options)
    }

    /// Feeds tokens after what was fed before, and generates what follows.
    ///
    /// # Errors
    ///
    /// As [`feed`](Session::feed), or when an option means nothing.
    pub fn generate_tokens(
        &mut self,
        tokens: &[u32],
        options: &Options,
    ) -> Result<Generation<'_, M>, Error> {
        options.check()?;
        let &last = tokens.last().ok_or(Error::EmptyPrompt)?;
        check_room(self.position() + tokens.len(), options)?;
        self.feed(tokens)?;
        let answer = Answer::new(self.turn(), (tokens.len(), last), options);
        Ok(Generation {
            session: self,
            answer,
        })
    }

    /// Starts anew with the first tokens of the scratch; `None` if they did not fit there.
    fn start(&mut self, tokens: Option<usize>, options: &Options) -> Result<Answer, Error> {
        let count = tokens
            .filter(|&count| count <= CONTEXT)
            .ok_or(Error::PromptTooLong { context: CONTEXT })?;
        let last = count.checked_sub(1).ok_or(Error::EmptyPrompt)?;
        let last = self.scratch.tokens[last];
        check_room(count, options)?;
        let recalled = self.recall(count, options);
        let cached_tokens = match recalled {
            Some(_) => count,
            // The last token is fed in any case: the answer begins with its logits.
            None => self.reuse(count - 1),
        };
        Ok(Answer {
            recalled,
            cached_tokens,
            unfed: count - cached_tokens,
            anew: true,
            ..Answer::new(self.next_turn(), (count, last), options)
        })
    }

    fn run_to_text(&mut self, mut answer: Answer) -> Generation<'_, M> {
        while answer.unfed > 0 {
            answer.feed(self);
        }
        Generation {
            session: self,
            answer,
        }
    }
}

/// Tokens that an answer may still have after `fed` tokens; its last is not fed.
fn room(fed: usize, max_tokens: usize) -> usize {
    max_tokens.min((CONTEXT + 1).saturating_sub(fed))
}

/// Refuses a text that has more tokens than the context holds, whatever they are: before the work of
/// encoding it.
fn check_length(bytes: usize) -> Result<(), Error> {
    match TOKENIZER.least_tokens(bytes) <= CONTEXT {
        true => Ok(()),
        false => Err(Error::PromptTooLong { context: CONTEXT }),
    }
}

/// Refuses limits that the shortest answer after `fed` tokens would exceed.
fn check_room(fed: usize, options: &Options) -> Result<(), Error> {
    let Some(grammar) = &GRAMMAR else {
        return Ok(());
    };
    let needed = grammar.distance(State::default());
    let room = room(fed, options.max_tokens);
    if needed > room {
        return Err(Error::AnswerTooLong { needed, room });
    }
    Ok(())
}

impl Answer {
    /// After a prompt whose last token is `previous`.
    fn new(turn: usize, (prompt_tokens, previous): (usize, u32), options: &Options) -> Self {
        Self {
            sampler: Sampler::new(options),
            stream: Utf8Stream::new(),
            state: State::default(),
            previous,
            pending: false,
            guesses: Guesses::default(),
            recalled: None,
            prompt_tokens,
            cached_tokens: 0,
            unfed: 0,
            generated: 0,
            options: *options,
            turn,
            anew: false,
            finish: None,
        }
    }

    /// Tokens of the prompt.
    pub fn prompt_tokens(&self) -> usize {
        self.prompt_tokens
    }

    /// Those of them that were not computed again, since the session or the crate had them.
    pub fn cached_tokens(&self) -> usize {
        self.cached_tokens
    }

    /// Tokens generated so far; the one that ended the answer does not count.
    pub fn tokens_generated(&self) -> usize {
        self.generated
    }

    /// Tokens generated so far that were guessed and computed together with the one before.
    pub fn guessed_tokens(&self) -> usize {
        self.guesses.accepted()
    }

    /// Why the generation ended, if it did.
    pub fn finish(&self) -> Option<Finish> {
        self.finish
    }

    /// Goes on by one batch of the prompt or one piece; `None` when the generation has ended, or
    /// `session`, which is the one that began it, was given something else since.
    pub fn step<M: DerefMut<Target = Memory>>(&mut self, session: &mut Session<M>) -> Option<Step> {
        if session.turn() != self.turn {
            return None;
        }
        if self.unfed > 0 {
            self.feed(session);
            return Some(Step::Prompt { left: self.unfed });
        }
        if self.finish.is_some() {
            return None;
        }
        let piece = match self.token(session) {
            Ok(token) => {
                let bytes = TOKENIZER.text_after(Some(self.previous), token);
                let piece = Piece::new(Some(token), self.stream.push(bytes));
                self.generated += 1;
                self.previous = token;
                self.pending = true;
                piece
            }
            Err(finish) => {
                self.finish = Some(finish);
                self.keep(session, finish);
                let rest = self.stream.finish();
                if rest.is_empty() {
                    return None;
                }
                Piece::new(None, rest)
            }
        };
        Some(Step::Piece(piece))
    }

    /// Feeds a batch of the prompt.
    fn feed<M: DerefMut<Target = Memory>>(&mut self, session: &mut Session<M>) {
        let start = self.prompt_tokens - self.unfed;
        self.unfed = match session.feed_scratch(start..self.prompt_tokens) {
            Ok(fed) => self.unfed - fed,
            Err(_) => {
                self.finish = Some(Finish::ContextFull);
                0
            }
        };
    }

    /// Keeps the whole answer, for when it is asked for again.
    fn keep<M: DerefMut<Target = Memory>>(&self, session: &mut Session<M>, finish: Finish) {
        if self.anew && self.recalled.is_none() {
            let unfed = self.pending.then_some(self.previous);
            session.remember(self.prompt_tokens, unfed, &self.options, finish);
        }
    }

    /// The next token, or why there is none.
    fn token<M: DerefMut<Target = Memory>>(
        &mut self,
        session: &mut Session<M>,
    ) -> Result<u32, Finish> {
        if let Some(recalled) = self.recalled {
            let unfed = self.pending.then_some(self.previous);
            let token = recalled.token(session, self.generated, unfed)?;
            self.pending = false;
            return Ok(token);
        }
        if GRAMMAR.is_some_and(|grammar| grammar.is_end(self.state)) {
            return Err(Finish::Stop);
        }
        if self.generated >= self.options.max_tokens {
            return Err(Finish::MaxTokens);
        }
        if self.pending {
            // The token came from the logits, so a full context is all that can be wrong.
            let fed = self.guesses.feed(session, self.previous);
            fed.map_err(|_| Finish::ContextFull)?;
            self.pending = false;
        }
        let room = room(session.position(), self.options.max_tokens - self.generated);
        let state = self.state;
        let logits = session.logits(self.guesses.row());
        let token = self.sampler.choose(logits, |values, fill| {
            if let Some(grammar) = &GRAMMAR {
                grammar.keep(state, room, &TOKENIZER, values, fill);
            }
        });
        if TOKENIZER.is_stop(token) {
            return Err(Finish::Stop);
        }
        if let Some(grammar) = &GRAMMAR {
            // Where nothing may follow, the session was fed meanwhile and has no room.
            let next = grammar.after(state, TOKENIZER.piece(token));
            self.state = next.ok_or(Finish::ContextFull)?;
        }
        Ok(token)
    }
}

impl<M> Generation<'_, M> {
    /// Tokens of the prompt.
    pub fn prompt_tokens(&self) -> usize {
        self.answer.prompt_tokens()
    }

    /// Those of them that were not computed again, since the session or the crate had them.
    pub fn cached_tokens(&self) -> usize {
        self.answer.cached_tokens()
    }

    /// Tokens generated so far; the one that ended the answer does not count.
    pub fn tokens_generated(&self) -> usize {
        self.answer.tokens_generated()
    }

    /// Tokens generated so far that were guessed and computed together with the one before.
    pub fn guessed_tokens(&self) -> usize {
        self.answer.guessed_tokens()
    }

    /// Why the generation ended, if it did.
    pub fn finish(&self) -> Option<Finish> {
        self.answer.finish()
    }
}

impl<M: DerefMut<Target = Memory>> Iterator for Generation<'_, M> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        match self.answer.step(self.session)? {
            Step::Piece(piece) => Some(piece),
            // The prompt was fed at the start.
            Step::Prompt { .. } => None,
        }
    }
}
