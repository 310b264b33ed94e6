//! A session without memory: it feeds all that it was ever told, token by token, before each
//! answer, and knows no cache, batch, guess or recalled answer.

use super::super::error::Error;
use super::super::generation::Finish;
use super::super::grammar::State;
use super::super::model::CONTEXT;
use super::super::options::Options;
use super::super::sampler::Sampler;
use super::super::tables::{CHAT, GRAMMAR, TOKENIZER};
use super::{OnHeap, encode, is_token};

/// What a generation gave.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Given {
    /// The tokens.
    pub tokens: Vec<u32>,
    /// Why it ended, if it did, with its text.
    pub end: Option<(Finish, String)>,
}

pub struct Naive {
    session: OnHeap,
    /// What was fed.
    pub fed: Vec<u32>,
}

impl Naive {
    pub fn new() -> Self {
        let mut session = OnHeap::new();
        session.set_batch(1);
        session.set_threads(1);
        Self {
            session,
            fed: Vec::new(),
        }
    }

    pub fn generate(&mut self, prompt: &str, options: &Options, pieces: usize) -> Result<Given, Error> {
        self.start(encode(prompt), options, pieces)
    }

    pub fn chat(
        &mut self,
        system: Option<&str>,
        user: &str,
        options: &Options,
        pieces: usize,
    ) -> Result<Given, Error> {
        check(options)?;
        let template = CHAT.as_ref().ok_or(Error::NoChatTemplate)?;
        let parts = template.parts(system, user).map_err(|_| Error::NoSystemMessage)?;
        let text: String = parts.collect();
        let mut ids = vec![0; 8 * text.len() + 64];
        let count = TOKENIZER.encode_chat(&text, &mut ids).expect("room to spare");
        ids.truncate(count);
        self.start(ids, options, pieces)
    }

    fn start(&mut self, ids: Vec<u32>, options: &Options, pieces: usize) -> Result<Given, Error> {
        check(options)?;
        if ids.len() > CONTEXT {
            return Err(Error::PromptTooLong { context: CONTEXT });
        }
        if ids.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        check_room(ids.len(), options)?;
        self.fed = ids;
        Ok(self.answer(options, pieces))
    }

    pub fn generate_tokens(&mut self, ids: &[u32], options: &Options, pieces: usize) -> Result<Given, Error> {
        check(options)?;
        if ids.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        check_room(self.fed.len() + ids.len(), options)?;
        if self.fed.len() + ids.len() > CONTEXT {
            return Err(Error::ContextFull { context: CONTEXT });
        }
        if let Some(&id) = ids.iter().find(|&&id| !is_token(id)) {
            return Err(Error::InvalidToken(id));
        }
        self.fed.extend(ids);
        Ok(self.answer(options, pieces))
    }

    fn answer(&mut self, options: &Options, pieces: usize) -> Given {
        self.session.truncate(0);
        for &id in &self.fed {
            self.session.feed(&[id]).expect("it fits");
        }
        let mut sampler = Sampler::new(options);
        let (mut given, mut bytes) = (Given::default(), Vec::new());
        let mut state = State::default();
        let mut previous = *self.fed.last().expect("a prompt");
        // The piece that ends an answer can have text of its own, so that it takes one more.
        'steps: while given.tokens.len() < pieces {
            let finish = 'ended: {
                if GRAMMAR.is_some_and(|grammar| grammar.is_end(state)) {
                    break 'ended Finish::Stop;
                }
                if given.tokens.len() == options.max_tokens {
                    break 'ended Finish::MaxTokens;
                }
                if let Some(&last) = given.tokens.last() {
                    if self.fed.len() == CONTEXT {
                        break 'ended Finish::ContextFull;
                    }
                    self.session.feed(&[last]).expect("it fits");
                    self.fed.push(last);
                }
                let room = (options.max_tokens - given.tokens.len()).min(CONTEXT + 1 - self.fed.len());
                let mut logits = self.session.logits(0).to_vec();
                let token = sampler.choose(&mut logits, |values, fill| {
                    if let Some(grammar) = &GRAMMAR {
                        grammar.keep(state, room, &TOKENIZER, values, fill);
                    }
                });
                if TOKENIZER.stop.contains(&token) {
                    break 'ended Finish::Stop;
                }
                if let Some(grammar) = &GRAMMAR {
                    state = grammar.after(state, TOKENIZER.piece(token)).expect("an allowed token");
                }
                bytes.extend_from_slice(TOKENIZER.text_after(Some(previous), token));
                previous = token;
                given.tokens.push(token);
                continue 'steps;
            };
            given.end = Some((finish, String::from_utf8_lossy(&bytes).into_owned()));
            break;
        }
        given
    }
}

fn check(options: &Options) -> Result<(), Error> {
    // The options of these tests mean something.
    assert!(options.temperature >= 0.0 && options.temperature.is_finite());
    assert!(options.top_p > 0.0 && options.top_p <= 1.0);
    Ok(())
}

fn check_room(fed: usize, options: &Options) -> Result<(), Error> {
    let needed = GRAMMAR.map_or(0, |grammar| grammar.distance(State::default()));
    let room = options.max_tokens.min((CONTEXT + 1).saturating_sub(fed));
    if needed > room {
        return Err(Error::AnswerTooLong { needed, room });
    }
    Ok(())
}
