//! The beginning of a prompt, which need not be computed where it is known.

use core::ops::DerefMut;

use super::memory;
use super::model::Memory;
use super::session::Session;
use super::tables::PREFIX;

/// The beginning of every chat, computed at build time.
#[derive(Debug, Clone, Copy)]
pub struct Prefix<'t> {
    /// Its tokens; none, if the crate has no such beginning.
    pub tokens: &'t [u32],
    /// Little-endian words: the KV cache of the tokens, in whole eights of positions.
    pub cache: &'t [u8],
}

impl<M: DerefMut<Target = Memory>> Session<M> {
    /// Goes back to the longest beginning that the first `count` tokens of the scratch share with
    /// what was fed or with the crate's own [`Prefix`], and gives its length. The bits are those
    /// of feeding it anew, since a token's do not depend on its batch.
    pub(crate) fn reuse(&mut self, count: usize) -> usize {
        let computed = self.computed();
        let tokens = &self.scratch.tokens[..count];
        let (history, _) = memory::tokens(&mut self.memory);
        let fed = history[..computed].iter();
        let fed = shared(tokens, fed.map(|token| token.to_bits()));
        let baked = shared(tokens, PREFIX.tokens.iter().copied());
        if baked > fed {
            memory::put_prefix(&mut self.memory, &PREFIX);
            self.go_on_after(PREFIX.tokens.len());
        }
        self.go_back_to(fed.max(baked))
    }
}

/// The length of the common beginning.
fn shared(tokens: &[u32], others: impl Iterator<Item = u32>) -> usize {
    let pairs = tokens.iter().zip(others);
    pairs.take_while(|(token, other)| **token == *other).count()
}
