//! The model with a chat template, a system message, a KV cache of integers and two tokens that stop.

use crate::llama::error::Error;
use crate::llama::generation::{Finish, Step};
use crate::llama::kernels::BitHash;
use crate::llama::laws::POSITION_WORDS;
use crate::llama::model::CONTEXT;
use crate::llama::options::Options;
use crate::llama::session::Session;
use crate::llama::tables::{CHAT, PREFIX, TOKENIZER};

#[test]
fn each_of_the_stop_tokens_stops() {
    assert_eq!(TOKENIZER.stop, [510, 511]);
    for &stop in TOKENIZER.stop {
        assert!(TOKENIZER.is_stop(stop));
        let mut session = Session::new();
        let mut answer = session.begin("The", &Options::new()).expect("it fits");
        while let Some(Step::Prompt { left }) = answer.step(&mut session) {
            if left == 0 {
                session.logits(0)[stop as usize] = 1e9;
            }
        }
        assert_eq!(
            (answer.finish(), answer.tokens_generated()),
            (Some(Finish::Stop), 0)
        );
    }
    for id in 0..510 {
        assert!(!TOKENIZER.is_stop(id));
    }
}

#[test]
fn the_beginning_of_a_chat_is_in_the_crate() {
    let template = CHAT.as_ref().expect("it has a template");
    let render = |system| {
        let text: String = template
            .parts(system, "hello")
            .expect("a system message")
            .collect();
        let mut ids = vec![0; 400];
        let count = TOKENIZER
            .encode_chat(&text, &mut ids)
            .expect("room to spare");
        ids.truncate(count);
        ids
    };
    let shared = |tokens: &[u32], others: &[u32]| {
        tokens
            .iter()
            .zip(others)
            .take_while(|(a, b)| a == b)
            .count()
    };
    let own = render(None);
    assert_eq!(own, render(Some("Be brief.")));
    // But for the last one, which the user's first word takes in.
    let baked = shared(&own, PREFIX.tokens);
    assert!(baked >= PREFIX.tokens.len() - 1 && baked > 10);

    let options = Options {
        max_tokens: 4,
        ..Options::new()
    };
    let mut session = Session::new();
    let chat = |session: &mut Session<_>, system| {
        let mut generation = session.chat(system, "hello", &options).expect("it fits");
        let text: String = generation.by_ref().map(|piece| piece.to_string()).collect();
        (text, generation.prompt_tokens(), generation.cached_tokens())
    };
    let (text, prompt, cached) = chat(&mut session, None);
    assert_eq!((prompt, cached), (own.len(), baked));
    // What was fed is no longer the prefix, and the prefix is better than what was fed.
    session.reset();
    session.feed(&own[..2]).expect("it fits");
    assert_eq!(chat(&mut session, None), (text.clone(), prompt, baked));
    // What was fed is better than the prefix.
    session.reset();
    session.feed(&own[..own.len() - 1]).expect("it fits");
    assert_eq!(
        chat(&mut session, None),
        (text.clone(), prompt, own.len() - 1)
    );
    // Another system message has less of it.
    session.reset();
    let other = render(Some("Be kind."));
    let beginning = shared(&other, PREFIX.tokens);
    assert!(beginning > 0 && beginning < baked);
    let (_, prompt, cached) = chat(&mut session, Some("Be kind."));
    assert_eq!((prompt, cached), (other.len(), beginning));
    // The bits are those of feeding it.
    let mut fed = Session::new();
    fed.feed(&own).expect("it fits");
    session.reset();
    chat(&mut session, None);
    session.truncate(own.len());
    let save = |session: &mut Session<_>| {
        let mut bytes = vec![0; session.saved_bytes()];
        session.save(&mut bytes).expect("it fits");
        bytes
    };
    assert_eq!(save(&mut session), save(&mut fed));
}

/// A word of the cache is four integers, and any bits; the scale of each head is a number.
#[test]
fn a_scale_that_is_not_finite_is_refused() {
    const HEAD_WORDS: usize = 20 / 4 + 1;
    let mut session = Session::new();
    session.feed(&[1, 2, 3]).expect("it fits");
    let mut state = vec![0; session.saved_bytes()];
    session.save(&mut state).expect("it fits");
    for at in (0..3 * POSITION_WORDS).filter(|at| at % POSITION_WORDS > 0) {
        let scale = (at % POSITION_WORDS).is_multiple_of(HEAD_WORDS);
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut forged = state.clone();
            forged[32 + 4 * at..][..4].copy_from_slice(&value.to_le_bytes());
            let end = forged.len() - 8;
            let mut hash = BitHash::new();
            for &bytes in forged[32..end].as_chunks().0 {
                hash.update(&[f32::from_le_bytes(bytes)]);
            }
            forged[end..].copy_from_slice(&hash.finish().to_le_bytes());
            let refused = Err(Error::InvalidState("it holds what is no finite number"));
            assert_eq!(
                session.restore(&forged),
                if scale { refused } else { Ok(()) }
            );
        }
    }
}

#[test]
fn a_chat_that_is_too_long_is_refused() {
    let mut session = Session::new();
    let refused = session.chat(Some("x"), &"hello ".repeat(CONTEXT), &Options::new());
    assert_eq!(
        refused.map(|_| ()),
        Err(Error::PromptTooLong { context: CONTEXT })
    );
}
