//! Nothing breaks a grammar: neither logits nor what is in the KV cache.

use proptest::prelude::*;

use super::super::generation::Step;
use super::super::grammar::State;
use super::super::memory;
use super::super::model::{CONTEXT, LOGIT_ROWS, VOCAB_SIZE};
use super::super::options::Options;
use super::super::sampler::Sampler;
use super::super::tables::{GRAMMAR, TOKENIZER};
use super::{OnHeap, POSITION_WORDS, assert_valid, greedy, options};

/// Any bits, the worst among them.
fn logit() -> impl Strategy<Value = f32> {
    prop_oneof![
        3 => prop::sample::select(vec![
            f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN,
            f32::MIN_POSITIVE, 1e-45, 0.0, -0.0,
        ]),
        1 => any::<u32>().prop_map(f32::from_bits),
        1 => -20.0f32..20.0,
    ]
}

/// Logits of few different values, so that whole answers are of one kind.
fn logits() -> impl Strategy<Value = Vec<f32>> {
    (prop::collection::vec(logit(), 1..4), any::<u64>()).prop_map(|(values, seed)| {
        let mut random = seed | 1;
        let mut logits = Vec::new();
        for _ in 0..VOCAB_SIZE {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            logits.push(values[(random >> 33) as usize % values.len()]);
        }
        logits
    })
}

/// The tokens that may come next.
fn allowed(state: State, room: usize) -> Vec<bool> {
    let mut values = vec![1.0; VOCAB_SIZE];
    if let Some(grammar) = &GRAMMAR {
        grammar.keep(state, room, &TOKENIZER, &mut values, 0.0);
    }
    values.iter().map(|&value| value == 1.0).collect()
}

proptest! {
    /// The choice among any logits is allowed, by any options; without a greater one it is the first
    /// that is allowed.
    #[test]
    fn the_chosen_token_is_allowed(
        steps in prop::collection::vec(logits(), 1..24),
        options in options(),
        room in 1..80usize,
    ) {
        let mut sampler = Sampler::new(&options);
        let mut state = State::default();
        let least = GRAMMAR.map_or(0, |grammar| grammar.distance(state));
        let mut room = room.max(least);
        for logits in steps {
            let allowed = allowed(state, room);
            let token = sampler.choose(&mut logits.clone(), |values, fill| {
                if let Some(grammar) = &GRAMMAR {
                    grammar.keep(state, room, &TOKENIZER, values, fill);
                }
            });
            prop_assert!(allowed[token as usize], "{token} in {state:?}");
            let among = || (0..VOCAB_SIZE).filter(|&id| allowed[id]);
            if among().all(|id| logits[id].is_nan() || logits[id] == f32::NEG_INFINITY) {
                prop_assert_eq!(Some(token as usize), among().next());
            } else {
                prop_assert!(!logits[token as usize].is_nan() && logits[token as usize] != f32::NEG_INFINITY);
            }
            if options.temperature == 0.0 {
                prop_assert!(!among().any(|id| logits[id] > logits[token as usize]));
            }
            let Some(grammar) = &GRAMMAR else { continue };
            room -= 1;
            if room == 0 || TOKENIZER.is_stop(token) {
                break;
            }
            state = grammar.after(state, TOKENIZER.piece(token)).expect("an allowed token");
            if grammar.is_end(state) {
                break;
            }
        }
    }
}

/// Where in the session something is overwritten before a step, and by what.
#[derive(Debug, Clone)]
enum Damage {
    Logits(usize, Vec<f32>),
    Cache(usize, usize, f32),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (0..LOGIT_ROWS, logits()).prop_map(|(row, logits)| Damage::Logits(row, logits)),
        (0..CONTEXT, 1..POSITION_WORDS, logit())
            .prop_map(|(position, word, value)| Damage::Cache(position, word, value)),
    ]
}

fn strike(session: &mut OnHeap, damage: &Damage) {
    match damage {
        Damage::Logits(row, logits) => session.logits(*row).copy_from_slice(logits),
        Damage::Cache(position, word, value) => {
            let place = memory::position_words(*position, *position).nth(*word).expect("a word of the position");
            session.memory[place] = *value;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// With all caches on: an ended answer is valid, and the same when it is recalled.
    #[test]
    fn an_ended_answer_is_valid_whatever_the_memory_holds(
        damages in prop::collection::vec(prop::collection::vec(damage(), 0..6), 1..12),
        options in options(),
        repeated in 0..3usize,
    ) {
        let mut session = OnHeap::new();
        let options = Options { max_tokens: options.max_tokens.max(40), ..options };
        let mut first = None;
        for round in 0..=repeated {
            let mut answer = session.begin("switch off the lamp", &options).expect("it fits");
            let mut damages = damages.iter().cycle();
            let mut text = String::new();
            while let Some(step) = answer.step(&mut session) {
                if let Step::Piece(piece) = step {
                    text += &piece;
                }
                for damage in damages.next().expect("they repeat") {
                    strike(&mut session, damage);
                }
            }
            prop_assert!(answer.finish().is_some());
            assert_valid(&text);
            let recalled = answer.cached_tokens() == answer.prompt_tokens();
            prop_assert_eq!(recalled, round > 0);
            prop_assert_eq!(&text, first.get_or_insert(text.clone()));
        }
        let more = session.generate_tokens(&[5], &greedy(usize::MAX));
        if let Ok(mut generation) = more {
            let text: String = generation.by_ref().map(|piece| piece.to_string()).collect();
            prop_assert!(generation.finish().is_some());
            assert_valid(&text);
        }
    }
}
