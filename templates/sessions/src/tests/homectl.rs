//! The model with a schema and a KV cache of floats.

use crate::homectl::error::Error;
use crate::homectl::generation::Finish;
use crate::homectl::grammar::State;
use crate::homectl::kernels::BitHash;
use crate::homectl::laws::POSITION_WORDS;
use crate::homectl::model::CONTEXT;
use crate::homectl::options::Options;
use crate::homectl::session::Session;
use crate::homectl::tables::GRAMMAR;

/// The room is counted behind the whole answer that was recalled, not behind what of it was
/// computed.
#[test]
fn there_is_no_room_for_an_answer_behind_a_recalled_one() {
    let needed = GRAMMAR
        .expect("homectl has a schema")
        .distance(State::default());
    let mut refused = 0;
    for n in 90..CONTEXT {
        let prompt = "a ".repeat(n);
        let mut once = Session::new();
        let mut twice = Session::new();
        let options = Options::new();
        let Ok(first) = once.complete(&prompt, &options) else {
            continue;
        };
        for _ in 0..2 {
            let again = twice
                .complete(&prompt, &options)
                .expect("it was answered before");
            assert_eq!((&again.text, again.finish), (&first.text, first.finish));
        }
        assert_eq!(once.position(), twice.position());
        let room = CONTEXT + 1 - once.position().min(CONTEXT) - 1;
        let expected = once
            .generate_tokens(&[5], &options)
            .map(|generation| generation.map(|p| p.to_string()).collect::<String>());
        let found = twice
            .generate_tokens(&[5], &options)
            .map(|generation| generation.map(|p| p.to_string()).collect::<String>());
        assert_eq!(found, expected);
        if room < needed {
            assert_eq!(found, Err(Error::AnswerTooLong { needed, room }));
            refused += 1;
        }
    }
    assert!(refused > 0);
}

#[test]
fn a_number_that_is_not_finite_is_refused() {
    let mut session = Session::new();
    session.feed(&[1, 2, 3]).expect("it fits");
    let mut state = vec![0; session.saved_bytes()];
    session.save(&mut state).expect("it fits");
    for at in (0..3 * POSITION_WORDS).filter(|at| at % POSITION_WORDS > 0) {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut forged = state.clone();
            forged[32 + 4 * at..][..4].copy_from_slice(&value.to_le_bytes());
            seal(&mut forged);
            assert_eq!(
                session.restore(&forged),
                Err(Error::InvalidState("it holds what is no finite number"))
            );
        }
    }
    assert_eq!(session.position(), 3);
}

/// Makes the hash fit.
fn seal(state: &mut [u8]) {
    let end = state.len() - 8;
    let mut hash = BitHash::new();
    for &bytes in state[32..end].as_chunks().0 {
        hash.update(&[f32::from_le_bytes(bytes)]);
    }
    state[end..].copy_from_slice(&hash.finish().to_le_bytes());
}

#[test]
fn a_model_without_a_chat_template_says_so() {
    let mut session = Session::new();
    let refused = session.chat(None, "hello", &Options::new());
    assert_eq!(refused.map(|_| ()), Err(Error::NoChatTemplate));
}

#[test]
fn a_whole_answer_ends_by_the_schema_or_by_the_limit() {
    let mut session = Session::new();
    let whole = session
        .complete("switch off the lamp in the kitchen", &Options::new())
        .expect("it fits");
    assert_eq!(
        whole.text,
        r#"{"do":"off","what":"lamp","where":"kitchen"}"#
    );
    assert_eq!(whole.finish, Finish::Stop);
}
