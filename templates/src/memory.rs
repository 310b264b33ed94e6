//! What lies where in a session's memory: KV cache, buffers, tokens, answers.

use super::frame::State;
use super::model::{ARENA_LEN, CACHE_LEN, CONTEXT, LOGITS, Memory, STATES, VOCAB_SIZE};
use super::prefix::Prefix;

/// The last logits that were computed: of up to [`LOGIT_ROWS`](super::model::LOGIT_ROWS) tokens,
/// if each's were wanted, else of one.
pub(crate) fn logits(memory: &mut Memory, row: usize) -> &mut [f32] {
    &mut memory[CACHE_LEN + LOGITS.of(row).start..][..VOCAB_SIZE]
}

/// Makes the memory, which may hold anything, that of a session without logits, tokens or answers.
pub(crate) fn clear(memory: &mut Memory) {
    memory[CACHE_LEN..].fill(0.0);
}

/// The tokens that were fed, one a position, and the memory of answers to give again. Words of
/// both hold integers as their bits, which no floating-point mode changes.
pub(crate) fn tokens(memory: &mut Memory) -> (&mut [f32], &mut [f32]) {
    memory[CACHE_LEN + ARENA_LEN..].split_at_mut(CONTEXT)
}

/// Makes the memory that of a session that was fed the prefix.
pub(crate) fn put_prefix(memory: &mut Memory, prefix: &Prefix<'_>) {
    for (place, &token) in tokens(memory).0.iter_mut().zip(prefix.tokens) {
        *place = f32::from_bits(token);
    }
    let mut words = prefix.cache.as_chunks().0.iter();
    let positions = prefix.tokens.len().next_multiple_of(8);
    let ranges = STATES.iter().flat_map(|state| state.beginning(positions));
    for range in ranges {
        for (place, &bytes) in memory[range].iter_mut().zip(&mut words) {
            *place = f32::from_le_bytes(bytes);
        }
    }
}

/// The places in the memory of a position's words: its token, and what tokens after the first `end`
/// see of it.
pub(crate) fn position_words(position: usize, end: usize) -> impl Iterator<Item = usize> {
    let seen = move |state: &&State<_>| state.cache.is_seen(position, end);
    let states = STATES.iter().filter(seen);
    let words = states.flat_map(move |state| state.words(position));
    core::iter::once(CACHE_LEN + ARENA_LEN + position).chain(words)
}
