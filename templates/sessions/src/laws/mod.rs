//! What holds for every model.

mod answers;
mod feeding;
mod grammar;
mod guesses;
mod naive;
mod operations;
mod state;
mod steps;

use std::boxed::Box;

use proptest::prelude::*;

use super::model::{CONTEXT, Memory, NAME, STATES, VOCAB_SIZE};
use super::options::Options;
use super::session::Session;
use super::tables::{PREFIX, TOKENIZER};

/// Words of one position that all layers see: its token, and its keys and values.
pub const POSITION_WORDS: usize = 1 + STATES.len() * STATES[0].cache.position_words();

type OnHeap = Session<Box<Memory>>;

/// The tokens of a prompt, encoded with room to spare.
fn encode(text: &str) -> Vec<u32> {
    let mut ids = vec![0; 8 * text.len() + 64];
    let count = TOKENIZER.encode(text, true, &mut ids).expect("room to spare");
    ids.truncate(count);
    ids
}

/// The length of the common beginning.
fn shared(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Tokens of a prompt that the crate itself has computed; the last one is fed in any case.
fn baked(prompt: &[u32]) -> usize {
    shared(&prompt[..prompt.len() - 1], PREFIX.tokens)
}

/// The tokens that were fed.
fn history(session: &mut OnHeap) -> Vec<u32> {
    session.history().iter().map(|token| token.to_bits()).collect()
}

fn greedy(max_tokens: usize) -> Options {
    Options {
        max_tokens,
        ..Options::new()
    }
}

/// Prompts that share beginnings; some fill the context to the last token, or more than that.
fn prompt() -> impl Strategy<Value = String> {
    let short = prop::sample::select(vec![
        "",
        "switch off the lamp",
        "switch off the lamp in the kitchen",
        "switch on the fan in 5 minutes",
        "Once upon a time",
        "the the the the the the",
        "ä☃ 中 \u{1f600}",
    ]);
    prop_oneof![
        4 => short.prop_map(str::to_owned),
        2 => (0..8usize).prop_map(|less| filling(CONTEXT + 1 - less)),
    ]
}

/// A prompt of this many tokens, if the vocabulary can say one.
fn filling(tokens: usize) -> String {
    let mut text = String::new();
    while encode(&text).len() < tokens {
        text += " a";
    }
    text
}

fn options() -> impl Strategy<Value = Options> {
    (
        prop::sample::select(vec![0, 1, 7, 30, 60, usize::MAX]),
        prop::sample::select(vec![0.0, 0.0, 0.7, 1.0, 1.9, 1e-40, f32::MAX]),
        prop::sample::select(vec![0, 1, 3, 40]),
        prop::sample::select(vec![0.3, 0.95, 1.0]),
        0..3u64,
    )
        .prop_map(|(max_tokens, temperature, top_k, top_p, seed)| Options {
            max_tokens,
            temperature,
            top_k,
            top_p,
            seed,
        })
}

/// The schema of this model's answers.
fn schema() -> Option<jsonschema::Validator> {
    let text = match NAME {
        "homectl" => include_str!("../../../../edgegen/models/homectl/schema.json"),
        "overflow" => include_str!(concat!(env!("OUT_DIR"), "/schema.json")),
        _ => return None,
    };
    let schema = serde_json::from_str(text).expect("a schema is JSON");
    Some(jsonschema::validator_for(&schema).expect("a schema"))
}

/// Asserts that an answer is valid, if the model has a schema.
#[track_caller]
fn assert_valid(answer: &str) {
    if let Some(schema) = schema() {
        let value = serde_json::from_str(answer)
            .unwrap_or_else(|error| panic!("{error} in the answer {answer:?}"));
        assert!(schema.is_valid(&value), "the schema refuses {answer}");
    }
}

fn is_token(token: u32) -> bool {
    (token as usize) < VOCAB_SIZE
}
