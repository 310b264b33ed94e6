//! An answer step by step is the generation, and a completion is both with figures.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::super::completion::{Completion, MEMORY_USED_MB, collect};
use super::super::error::Error;
use super::super::generation::{Finish, Step};
use super::super::model::{CONTEXT, FLASH_BYTES};
use super::super::options::Options;
use super::super::piece::Piece;
use super::super::session::RAM_BYTES;
use super::super::tokenizer::Utf8Stream;
use super::{OnHeap, baked, encode, filling, greedy, shared};

#[test]
fn steps_feed_the_prompt_by_batches_and_give_the_generation() {
    for (tokens, batch) in [(11, 4), (12, 4), (13, 4), (5, 1), (13, 16)] {
        let prompt = filling(tokens);
        let ids = encode(&prompt);
        let count = ids.len();
        let mut session = OnHeap::new();
        session.set_batch(batch);
        let mut answer = session.begin(&prompt, &greedy(45)).expect("it fits");
        let cached = baked(&ids);
        assert_eq!((answer.prompt_tokens(), answer.cached_tokens()), (count, cached));
        assert_eq!(session.position(), cached);
        let (mut lefts, mut pieces) = (Vec::new(), Vec::new());
        while let Some(step) = answer.step(&mut session) {
            match step {
                Step::Prompt { left } => {
                    assert!(pieces.is_empty());
                    assert_eq!(session.position(), count - left);
                    lefts.push(left);
                }
                Step::Piece(piece) => pieces.push((piece.token(), piece.to_string())),
            }
        }
        let mut expected = vec![count - cached];
        while let Some(&left @ 1..) = expected.last() {
            expected.push(left.saturating_sub(batch));
        }
        assert_eq!(lefts, expected[1..], "{count} {cached} {batch}");
        assert!(answer.step(&mut session).is_none());

        let mut other = OnHeap::new();
        other.set_batch(batch);
        let mut generation = other.generate(&prompt, &greedy(45)).expect("it fits");
        let given: Vec<_> = generation
            .by_ref()
            .map(|piece| (piece.token(), piece.to_string()))
            .collect();
        assert_eq!(given, pieces);
        assert_eq!(generation.finish(), answer.finish());
        assert_eq!(generation.tokens_generated(), answer.tokens_generated());
        assert_eq!(generation.guessed_tokens(), answer.guessed_tokens());
        assert_eq!((generation.prompt_tokens(), generation.cached_tokens()), (count, cached));
    }
}

#[test]
fn a_shared_beginning_is_not_fed_again() {
    let first = "switch off the lamp in the kitchen";
    let second = "switch off the lamp in the hall";
    let (a, b) = (encode(first), encode(second));
    let mut session = OnHeap::new();
    let cached = |session: &mut OnHeap, prompt: &str| {
        let generation = session.generate(prompt, &greedy(50));
        generation.expect("it fits").cached_tokens()
    };
    assert_eq!(cached(&mut session, first), baked(&a));
    assert_eq!(cached(&mut session, second), shared(&a, &b));
    // All but the last token, whose logits are wanted.
    assert_eq!(cached(&mut session, second), b.len() - 1);
    // What is forgotten is no part of it.
    session.truncate(2);
    assert_eq!(cached(&mut session, second), baked(&b).max(2));
}

#[test]
fn a_prompt_fits_if_the_context_holds_its_tokens() {
    let full = filling(CONTEXT);
    assert_eq!(encode(&full).len(), CONTEXT);
    let mut session = OnHeap::new();
    for (prompt, error) in [
        (full.clone() + " a", Error::PromptTooLong { context: CONTEXT }),
        (full.repeat(40), Error::PromptTooLong { context: CONTEXT }),
    ] {
        assert_eq!(session.generate(&prompt, &greedy(50)).err(), Some(error));
        assert_eq!(session.complete(&prompt, &greedy(50)), Err(error));
    }
    // A long word needs more memory while it is encoded than its tokens take.
    for letters in [CONTEXT / 2, CONTEXT - 20] {
        let word = "q".repeat(letters);
        let answer = session.begin(&word, &greedy(50));
        match encode(&word).len() {
            tokens if tokens + 50 <= CONTEXT => {
                assert_eq!(answer.expect("it fits").prompt_tokens(), tokens);
            }
            _ => assert!(!matches!(answer, Err(Error::PromptTooLong { .. }))),
        }
    }
    let answer = session.begin(&full, &greedy(50));
    assert!(matches!(answer, Ok(_) | Err(Error::AnswerTooLong { room: 1, .. })));
}

#[test]
fn options_that_mean_nothing_are_refused() {
    let valid = greedy(50);
    let mut invalid: Vec<Options> = [-1.0, -1e-45, f32::NAN, f32::INFINITY, f32::NEG_INFINITY]
        .map(|temperature| Options { temperature, ..valid })
        .to_vec();
    invalid.extend([0.0, -0.0, -1.0, 1.000_000_1, f32::NAN, f32::INFINITY].map(|top_p| Options { top_p, ..valid }));
    let mut session = OnHeap::new();
    for options in invalid {
        let refused = |error: Option<Error>| matches!(error, Some(Error::InvalidOption(_)));
        assert!(refused(session.generate("a", &options).err()), "{options:?}");
        assert!(refused(session.generate_tokens(&[1], &options).err()), "{options:?}");
        assert!(refused(session.chat(None, "a", &options).err()), "{options:?}");
        assert_eq!(session.position(), 0);
    }
    for (temperature, top_p) in [(0.0, 1e-45), (-0.0, 1.0), (1e-45, 0.5), (f32::MAX, 1e-45), (f32::MAX, 1.0)] {
        for top_k in [0, 1, usize::MAX] {
            let options = Options { temperature, top_p, top_k, seed: u64::MAX, ..valid };
            let ended = session.complete("switch off", &options).expect("valid options");
            assert!(!ended.tokens.is_empty());
        }
    }
}

#[test]
fn a_completion_has_the_figures_of_its_generation() {
    let mut session = OnHeap::new();
    session.complete("switch off the lamp", &greedy(60)).expect("it fits");
    let start = Instant::now().checked_sub(Duration::from_secs(5)).expect("a machine that ran for 5 s");
    let generation = session.generate("switch off the fan", &greedy(60)).expect("it fits");
    let cached = generation.cached_tokens();
    let mut shown = String::new();
    let completion = collect(start, generation, |piece| {
        shown += piece;
        ControlFlow::Continue(())
    });
    let mut other = OnHeap::new();
    let mut expected = other.generate("switch off the fan", &greedy(60)).expect("it fits");
    let pieces: Vec<Piece> = expected.by_ref().collect();
    let text: String = pieces.iter().map(|piece| piece.as_str()).collect();
    assert_eq!((&completion.text, &shown), (&text, &text));
    let tokens: Vec<u32> = pieces.iter().filter_map(Piece::token).collect();
    assert_eq!(completion.tokens, tokens);
    assert_eq!(completion.tokens_generated(), tokens.len());
    assert_eq!(completion.prompt_tokens, encode("switch off the fan").len());
    assert!(cached > 0);
    assert_eq!(completion.cached_tokens, cached);
    assert_eq!(completion.guessed_tokens, expected.guessed_tokens());
    assert_eq!(Some(completion.finish), expected.finish());
    let ms = 5000.0..=5000.0 + start.elapsed().as_secs_f64() * 1e3 - 5000.0 + 1e-6;
    assert!(ms.contains(&completion.prefill_ms) && ms.contains(&completion.latency_ms));
    assert!(completion.prefill_ms <= completion.latency_ms);
    let mb = (FLASH_BYTES + RAM_BYTES) as f64 / 1e6;
    assert_eq!((completion.memory_used_mb, MEMORY_USED_MB), (mb, mb));
}

#[test]
fn who_shows_a_completion_can_end_it() {
    let mut session = OnHeap::new();
    let generation = session.generate("switch off the lamp", &greedy(60)).expect("it fits");
    let mut shown = 0;
    let completion = collect(Instant::now(), generation, |_| {
        shown += 1;
        if shown == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((shown, completion.tokens.len()), (3, 3));
    assert_eq!(completion.finish, Finish::Stop);
}

#[test]
fn speed_is_tokens_by_the_time_after_the_prompt() {
    let mut completion = OnHeap::new().complete("switch off", &greedy(40)).expect("it fits");
    completion.tokens = vec![1; 30];
    let speed = |prefill_ms, latency_ms| {
        Completion { prefill_ms, latency_ms, ..completion.clone() }.tokens_per_second()
    };
    assert_eq!(speed(500.0, 2000.0), 20.0);
    assert_eq!(speed(0.0, 250.0), 120.0);
    assert_eq!(speed(100.0, 100.0), 0.0);
}

#[test]
fn a_piece_holds_the_longest_text_of_a_token() {
    // Three bytes are held back, and each byte of the longest token becomes U+FFFD.
    let bytes = [0xff; super::super::model::MAX_PIECE];
    let mut stream = Utf8Stream::new();
    assert!(stream.push(&[0xf0, 0x9f, 0x98]).is_empty());
    let piece = Piece::new(Some(7), stream.push(&bytes));
    assert_eq!(piece.as_str(), "\u{fffd}".repeat(1 + bytes.len()));
    assert_eq!(&*piece, piece.as_str());
    assert_eq!(piece.to_string(), piece.as_str());
    assert_eq!(piece.token(), Some(7));
    let rest = Piece::new(None, Utf8Stream::new().push(b"ab"));
    assert_eq!((rest.token(), rest.as_str(), format!("{rest:?}")), (None, "ab", "Piece(None, \"ab\")".into()));
}
