//! Saved states: nothing but what was saved is taken over.

use super::super::error::Error;
use super::super::kernels::BitHash;
use super::super::frame::State;
use super::super::model::{CONTEXT, STATES, VOCAB_SIZE};
use super::super::generation::Finish;
use super::super::options::Options;
use super::{OnHeap, POSITION_WORDS, assert_valid, filling, greedy, history, schema};

const HEADER: usize = 32;

fn saved(tokens: &[u32]) -> Vec<u8> {
    let mut session = OnHeap::new();
    if !tokens.is_empty() {
        session.feed(tokens).expect("it fits");
    }
    save(&mut session)
}

/// The state with a word of its content changed and its hash made to fit.
fn forged(mut state: Vec<u8>, change: impl Fn(usize, f32) -> f32) -> Vec<u8> {
    let end = state.len() - 8;
    let mut hash = BitHash::new();
    for (at, bytes) in state[HEADER..end].as_chunks_mut().0.iter_mut().enumerate() {
        let value = change(at, f32::from_le_bytes(*bytes));
        hash.update(&[value]);
        *bytes = value.to_le_bytes();
    }
    state[end..].copy_from_slice(&hash.finish().to_le_bytes());
    state
}

/// The logits that follow, as bits.
fn next(session: &mut OnHeap) -> Vec<u32> {
    let logits = session.feed(&[4]).expect("it fits");
    logits.iter().map(|logit| logit.to_bits()).collect()
}

/// Asserts that a state is refused by a session that was fed, which then is as before.
#[track_caller]
fn assert_refused(state: &[u8]) {
    let mut session = OnHeap::new();
    session.feed(&[9, 8, 7]).expect("it fits");
    assert!(matches!(session.restore(state), Err(Error::InvalidState(_))));
    assert_eq!(session.position(), 3);
    let mut other = OnHeap::new();
    other.feed(&[9, 8, 7]).expect("it fits");
    assert_eq!(next(&mut session), next(&mut other));
}

#[test]
fn a_state_is_the_session() {
    for count in [0, 1, 5, CONTEXT] {
        let tokens: Vec<u32> = (0..count as u32).map(|at| at * 7 % 300).collect();
        let state = saved(&tokens);
        assert_eq!(state.len(), HEADER + 4 * words(count) + 8);
        let mut session = OnHeap::new();
        session.feed(&[9, 8, 7]).expect("it fits");
        assert_eq!(session.restore(&state), Ok(()));
        assert_eq!(session.position(), count);
        assert!(save(&mut session) == state);
        if count < CONTEXT {
            let mut other = OnHeap::new();
            if count > 0 {
                other.feed(&tokens).expect("it fits");
            }
            assert_eq!(next(&mut session), next(&mut other));
        }
    }
}

#[test]
fn a_buffer_that_is_too_small_stays_as_it_is() {
    let mut session = OnHeap::new();
    session.feed(&[1, 2]).expect("it fits");
    let needed = session.saved_bytes();
    for len in [0, HEADER, needed - 1] {
        let mut bytes = vec![0x5a; len];
        assert_eq!(session.save(&mut bytes), Err(Error::BufferTooSmall { needed }));
        assert!(bytes.iter().all(|&byte| byte == 0x5a));
    }
    let mut bytes = vec![0x5a; needed + 3];
    assert_eq!(session.save(&mut bytes), Ok(needed));
    assert_eq!(bytes[needed..], [0x5a; 3]);
}

#[test]
fn every_byte_counts() {
    let state = saved(&[1, 2]);
    for at in 0..state.len() {
        // Of the content every byte of some words.
        if at < HEADER + 64 || at >= state.len() - 24 {
            for bit in 0..8 {
                let mut other = state.clone();
                other[at] ^= 1 << bit;
                let mut session = OnHeap::new();
                assert!(matches!(session.restore(&other), Err(Error::InvalidState(_))), "byte {at}");
            }
        }
    }
    for len in [0, HEADER - 1, HEADER, HEADER + 7, state.len() - 4, state.len() - 1] {
        assert_refused(&state[..len]);
    }
    assert_refused(&[&state[..], &[0; 4]].concat());
    let mut long = saved(&vec![1; CONTEXT]);
    long.extend(vec![0; 4 * POSITION_WORDS]);
    long[24..32].copy_from_slice(&(CONTEXT as u64 + 1).to_le_bytes());
    assert_refused(&long);
    long[24..32].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_refused(&long);
}

#[test]
fn restoring_forgets_what_was_owed() {
    let mut session = OnHeap::new();
    session.feed(&[1, 2]).expect("it fits");
    let state = save(&mut session);
    for _ in 0..2 {
        session.complete("switch off the lamp", &greedy(50)).expect("it fits");
    }
    assert_eq!(session.restore(&state), Ok(()));
    assert_eq!(session.position(), 2);
    assert_eq!(next(&mut session), next(&mut restored(&state)));
}

/// Whatever ended it: its last token was fed or was not.
#[test]
fn a_recalled_answer_leaves_the_session_as_the_computed_one_did() {
    let mut endings = Vec::new();
    for prompt in [
        "switch off the lamp",
        "The",
        "Once upon a time",
        &filling(CONTEXT - 30),
    ] {
        for (max_tokens, temperature) in [(35, 0.0), (usize::MAX, 0.0), (usize::MAX, 2.0)] {
            for seed in 0..4 {
                let options = Options {
                    temperature,
                    seed,
                    top_k: 0,
                    top_p: 1.0,
                    ..greedy(max_tokens)
                };
                let mut session = OnHeap::new();
                let first = session.complete(prompt, &options);
                let Ok(first) = first else { continue };
                let state = save(&mut session);
                let again = session.complete(prompt, &options).expect("it fitted");
                assert_eq!(again.tokens, first.tokens);
                assert_eq!(again.finish, first.finish);
                assert_eq!(session.position(), position_in(&state));
                assert!(save(&mut session) == state, "{prompt:?} {options:?}");
                let fed = session.position() == first.prompt_tokens + first.tokens.len();
                endings.push((first.finish, fed));
            }
        }
    }
    if schema().is_none() {
        // A token that stops comes after the last one was fed; a limit before.
        for ending in [
            (Finish::Stop, true),
            (Finish::MaxTokens, false),
            (Finish::ContextFull, false),
        ] {
            assert!(endings.contains(&ending), "{ending:?}");
        }
    }
}

#[test]
fn truncating_forgets_what_was_owed() {
    let mut session = OnHeap::new();
    let options = greedy(50);
    let answer = session.complete("switch off the lamp", &options);
    let all = answer.map(|_| session.position()).expect("it fits");
    let history = history(&mut session);
    for position in 0..all + 2 {
        let mut other = OnHeap::new();
        for _ in 0..2 {
            other.complete("switch off the lamp", &options).expect("it fits");
        }
        other.truncate(position);
        let left = position.min(all);
        assert_eq!(other.position(), left);
        let expected = saved(&history[..left]);
        assert!(save(&mut other) == expected, "truncated to {position}");
    }
}

fn save(session: &mut OnHeap) -> Vec<u8> {
    let mut bytes = vec![0; session.saved_bytes()];
    assert_eq!(session.save(&mut bytes), Ok(bytes.len()));
    bytes
}

fn position_in(state: &[u8]) -> usize {
    let position = u64::from_le_bytes(state[24..HEADER].try_into().expect("eight bytes"));
    assert_eq!(state.len(), HEADER + 4 * words(position as usize) + 8);
    position as usize
}

/// Words of a state after so many tokens: they, and what later ones see of them.
fn words(count: usize) -> usize {
    let of = |state: &State<_>| {
        let seen = state.cache.window.map_or(count, |window| count.min(window - 1));
        seen * state.cache.position_words()
    };
    count + STATES.iter().map(of).sum::<usize>()
}

fn restored(state: &[u8]) -> OnHeap {
    let mut session = OnHeap::new();
    session.restore(state).expect("a sound state");
    session
}

#[test]
fn what_is_no_token_is_refused() {
    let state = saved(&[1, 2, 3]);
    for token in [VOCAB_SIZE as u32, 1 << 31, u32::MAX].map(f32::from_bits) {
        for position in 0..3 {
            let at = position * POSITION_WORDS;
            assert_refused(&forged(state.clone(), |word, value| if word == at { token } else { value }));
        }
    }
    let last = forged(state, |word, value| if word == 0 { f32::from_bits(VOCAB_SIZE as u32 - 1) } else { value });
    assert_eq!(OnHeap::new().restore(&last), Ok(()));
}

/// A hash that fits is no proof of who made the state, and finite numbers can be as large as they
/// like.
#[test]
fn a_forged_state_breaks_no_grammar() {
    for value in [3.4e38, -3.4e38, 1e30, 0.0] {
        let state = forged(saved(&[1, 2, 3, 4]), |at, word| {
            if at.is_multiple_of(POSITION_WORDS) { word } else { value }
        });
        let mut session = restored(&state);
        let mut generation = session.generate_tokens(&[5], &greedy(usize::MAX)).expect("it fits");
        let text: String = generation.by_ref().map(|piece| piece.to_string()).collect();
        assert!(generation.finish().is_some());
        assert_valid(&text);
    }
}
