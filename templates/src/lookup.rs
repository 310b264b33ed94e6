//! Guesses of the next tokens: what followed the last ones when they were said before.
//!
//! Guesses are fed together with a token, which costs little more than the token alone where
//! memory is the limit, and the right ones are tokens for nothing (Saxena, "Prompt Lookup
//! Decoding", 2023). A batch gives the bits of single steps, so no guess changes a token of the
//! answer.

use core::ops::DerefMut;

use super::error::Error;
use super::model::{LOGIT_ROWS, Memory};
use super::session::Session;

/// Tokens in a row that must have been said before; with fewer, more guesses are wrong than pay.
const MATCH: usize = 3;

/// The guesses that were fed with the last token.
#[derive(Debug, Clone, Copy, Default)]
pub struct Guesses {
    /// The token that was fed, then the guesses.
    tokens: [u32; LOGIT_ROWS],
    count: usize,
    /// The last of them that turned out right.
    row: usize,
    accepted: usize,
}

impl Guesses {
    /// Feeds the token that follows, unless it was guessed.
    pub(crate) fn feed<M: DerefMut<Target = Memory>>(
        &mut self,
        session: &mut Session<M>,
        token: u32,
    ) -> Result<(), Error> {
        let next = self.row + 1;
        if next < self.count && self.tokens[next] == token {
            session.accept_guess();
            self.accepted += 1;
            self.row = next;
            return Ok(());
        }
        self.tokens[0] = token;
        self.row = 0;
        self.count = if guess(session, &mut self.tokens) {
            LOGIT_ROWS
        } else {
            1
        };
        session.feed_guesses(&self.tokens[..self.count])
    }

    /// The row of the logits after the last token.
    pub(crate) fn row(&self) -> usize {
        self.row
    }

    /// Guesses that were right, so far.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted
    }
}

/// Guesses what follows the first of `tokens`, and puts it after it; false if nothing comes to
/// mind.
fn guess<M: DerefMut<Target = Memory>>(
    session: &mut Session<M>,
    tokens: &mut [u32; LOGIT_ROWS],
) -> bool {
    if !session.takes_guesses() {
        return false;
    }
    let history = session.history();
    // The history, the token, and then the guesses themselves: texts repeat.
    let said = |at: usize, tokens: &[u32]| match history.get(at) {
        Some(token) => token.to_bits(),
        None => tokens[at - history.len()],
    };
    let Some(last) = (history.len() + 1).checked_sub(MATCH) else {
        return false;
    };
    let same =
        |start: &usize| (0..MATCH).all(|i| said(start + i, tokens) == said(last + i, tokens));
    let Some(start) = (0..last).rev().find(same) else {
        return false;
    };
    for (i, at) in (start + MATCH..).take(LOGIT_ROWS - 1).enumerate() {
        tokens[1 + i] = said(at, tokens);
    }
    true
}
