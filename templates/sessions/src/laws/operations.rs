//! Any sequence of operations on a session gives what a session without memory gives.

use proptest::prelude::*;

use super::super::error::Error;
use super::super::generation::{Finish, Generation};
use super::super::model::{BATCH, CONTEXT, MAX_THREADS, Memory, VOCAB_SIZE};
use super::super::options::Options;
use super::naive::{Given, Naive};
use super::{OnHeap, assert_valid, history, options, prompt};

#[derive(Debug, Clone)]
enum Operation {
    Generate(String, Options, usize),
    Chat(Option<&'static str>, String, Options, usize),
    GenerateTokens(Vec<u32>, Options, usize),
    /// The last generation again.
    Again(usize),
    Truncate(usize),
    Save,
    Restore,
    Reset,
    Batch(usize),
    Threads(usize),
}

/// Pieces to take of a generation: most often all.
fn pieces() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(usize::MAX), 1 => 0..12usize]
}

fn operation() -> impl Strategy<Value = Operation> {
    let system = prop::sample::select(vec![None, Some("Be brief."), Some("Be kind.")]);
    let tokens = prop_oneof![
        6 => prop::collection::vec(0..VOCAB_SIZE as u32, 1..6),
        1 => prop::collection::vec(0..VOCAB_SIZE as u32 + 2, 0..CONTEXT + 2),
    ];
    prop_oneof![
        6 => (prompt(), options(), pieces()).prop_map(|(p, o, n)| Operation::Generate(p, o, n)),
        3 => (system, prompt(), options(), pieces()).prop_map(|(s, u, o, n)| Operation::Chat(s, u, o, n)),
        4 => (tokens, options(), pieces()).prop_map(|(t, o, n)| Operation::GenerateTokens(t, o, n)),
        6 => pieces().prop_map(Operation::Again),
        2 => (0..CONTEXT + 2).prop_map(Operation::Truncate),
        1 => Just(Operation::Save),
        1 => Just(Operation::Restore),
        1 => Just(Operation::Reset),
        1 => (0..BATCH + 2).prop_map(Operation::Batch),
        1 => (0..MAX_THREADS + 2).prop_map(Operation::Threads),
    ]
}

/// Takes pieces of a generation; its figures must be those of what it gave.
fn take(generation: Result<Generation<'_, Box<Memory>>, Error>, pieces: usize) -> Result<Given, Error> {
    let mut generation = generation?;
    let (mut given, mut text) = (Given::default(), String::new());
    while given.tokens.len() < pieces {
        let Some(piece) = generation.next() else {
            break;
        };
        text += &piece;
        given.tokens.extend(piece.token());
    }
    assert_eq!(generation.tokens_generated(), given.tokens.len());
    assert!(generation.guessed_tokens() <= given.tokens.len());
    assert!(generation.cached_tokens() <= generation.prompt_tokens());
    given.end = generation.finish().map(|finish| (finish, text));
    Ok(given)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn operations_give_what_a_session_without_memory_gives(
        operations in prop::collection::vec(operation(), 1..16),
    ) {
        let (mut session, mut naive) = (OnHeap::new(), Naive::new());
        let (mut saved, mut last) = (None, None);
        for operation in &operations {
            let operation = match (operation, &last) {
                (Operation::Again(_), None) => continue,
                (Operation::Again(pieces), Some(last)) => match Clone::clone(last) {
                    Operation::Generate(prompt, options, _) => Operation::Generate(prompt, options, *pieces),
                    Operation::Chat(system, user, options, _) => Operation::Chat(system, user, options, *pieces),
                    other => other,
                },
                (operation, _) => operation.clone(),
            };
            let answers = match &operation {
                Operation::Generate(prompt, options, pieces) => Some((
                    take(session.generate(prompt, options), *pieces),
                    naive.generate(prompt, options, *pieces),
                )),
                Operation::Chat(system, user, options, pieces) => Some((
                    take(session.chat(*system, user, options), *pieces),
                    naive.chat(*system, user, options, *pieces),
                )),
                Operation::GenerateTokens(tokens, options, pieces) => Some((
                    take(session.generate_tokens(tokens, options), *pieces),
                    naive.generate_tokens(tokens, options, *pieces),
                )),
                Operation::Truncate(position) => {
                    session.truncate(*position);
                    naive.fed.truncate(*position);
                    None
                }
                Operation::Save => {
                    let mut bytes = vec![0; session.saved_bytes()];
                    prop_assert_eq!(session.save(&mut bytes), Ok(bytes.len()));
                    saved = Some((bytes, naive.fed.clone()));
                    None
                }
                Operation::Restore => {
                    if let Some((bytes, fed)) = &saved
                        && session.restore(bytes).is_ok()
                    {
                        naive.fed.clone_from(fed);
                    }
                    None
                }
                Operation::Reset => {
                    session.reset();
                    naive.fed.clear();
                    None
                }
                Operation::Batch(tokens) => {
                    session.set_batch(*tokens);
                    None
                }
                Operation::Threads(threads) => {
                    session.set_threads(*threads);
                    None
                }
                Operation::Again(_) => unreachable!("it became another"),
            };
            if let Some((given, expected)) = answers {
                prop_assert_eq!(&given, &expected, "{:?}", operation);
                if let Ok(Given { end: Some((finish, text)), .. }) = given {
                    assert_valid(&text);
                    prop_assert!(finish != Finish::ContextFull || naive.fed.len() == CONTEXT);
                }
                last = Some(operation);
            }
            prop_assert_eq!(session.position(), naive.fed.len());
            let history = history(&mut session);
            prop_assert_eq!(&history, &naive.fed);
        }
    }
}
