//! Long words: the same tokens as by the plain algorithm, in time that grows with the length.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use edgegen::import::tokenizer::hf::from_hf;
use edgegen::model::Tokenizer;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A letter for each byte, as GPT-2 has them.
fn letters() -> Vec<char> {
    let shown = |byte: u32| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let mut others = 256..;
    (0..256)
        .map(|byte| {
            if shown(byte) {
                byte
            } else {
                others.next().unwrap()
            }
        })
        .map(|letter| char::from_u32(letter).unwrap())
        .collect()
}

/// Byte-level BPE with these merges, of which each part is a letter or the result of one before.
fn tokenizer(merges: &[(String, String)], lowercase: bool) -> Tokenizer {
    let mut texts: Vec<String> = letters().iter().map(char::to_string).collect();
    texts.extend(merges.iter().map(|(left, right)| format!("{left}{right}")));
    let vocabulary: Map<String, Value> = texts
        .iter()
        .enumerate()
        .map(|(id, text)| (text.clone(), id.into()))
        .collect();
    let merges: Vec<String> = merges.iter().map(|(l, r)| format!("{l} {r}")).collect();
    let file = json!({
        "version": "1.0",
        "added_tokens": [],
        "normalizer": lowercase.then(|| json!({ "type": "Lowercase" })),
        "pre_tokenizer": {
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true
        },
        "decoder": { "type": "ByteLevel" },
        "model": { "type": "BPE", "vocab": vocabulary, "merges": merges },
    });
    from_hf(file.to_string().as_bytes(), None, &[]).unwrap()
}

/// Merges of which each joins two texts that there are.
fn merges(choices: &[(prop::sample::Index, prop::sample::Index)]) -> Vec<(String, String)> {
    let mut texts = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
    let mut known: BTreeSet<String> = texts.iter().cloned().collect();
    let mut merges = Vec::new();
    for (left, right) in choices {
        let (left, right) = (left.get(&texts).clone(), right.get(&texts).clone());
        if known.insert(format!("{left}{right}")) {
            texts.push(format!("{left}{right}"));
            merges.push((left, right));
        }
    }
    merges
}

/// The definition: of all pairs the one of lowest rank, of these the leftmost, until none merges.
fn plain(tokenizer: &Tokenizer, word: &str) -> Vec<u32> {
    let pairs: HashMap<(u32, u32), (u32, u32)> = tokenizer
        .merges()
        .iter()
        .map(|merge| ((merge.left, merge.right), (merge.rank, merge.merged)))
        .collect();
    let token = |byte: u8| {
        let tokens = tokenizer.tokens().iter();
        tokens
            .into_iter()
            .position(|token| token.bytes == [byte])
            .unwrap() as u32
    };
    let mut symbols: Vec<u32> = word.bytes().map(token).collect();
    loop {
        let found = symbols
            .windows(2)
            .enumerate()
            .filter_map(|(at, pair)| Some((pairs.get(&(pair[0], pair[1]))?, at)))
            .min_by_key(|((rank, _), at)| (*rank, *at));
        let Some((&(_, merged), at)) = found else {
            return symbols;
        };
        symbols.splice(at..at + 2, [merged]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_word_has_the_tokens_of_the_plain_algorithm(
        choices in prop::collection::vec(any::<(prop::sample::Index, prop::sample::Index)>(), 0..40),
        word in prop_oneof!["[abc]{1,20}", "[abc]{250,300}", "[ab]{700,900}", "a{0,600}", "(abc){0,200}"],
    ) {
        let tokenizer = tokenizer(&merges(&choices), false);
        let tables = tokenizer.tables();
        let expected = plain(&tokenizer, &word);
        prop_assert_eq!(&tables.encode(&word, false), &expected);

        // Twice as many entries as bytes are enough, and with fewer there is an error or the same.
        for entries in [2 * word.len(), 2 * word.len() - word.len().min(1), word.len(), expected.len()] {
            let mut out = vec![0; entries];
            match tables.runtime().encode(&word, false, &mut out) {
                Ok(count) => prop_assert_eq!(&out[..count], &expected[..]),
                Err(_) => prop_assert!(entries + 1 < 2 * word.len()),
            }
        }
    }
}

/// Merges that join two, four, eight... of the letter.
fn doubling(letter: &str, times: u32) -> Vec<(String, String)> {
    let of = |times: u32| letter.repeat(1 << times);
    (0..times).map(|times| (of(times), of(times))).collect()
}

#[test]
fn a_long_word_takes_no_time_to_speak_of() {
    let tokenizer = tokenizer(&doubling("a", 4), false);
    let tables = tokenizer.tables();
    let word = "a".repeat(1_000_000);
    let start = Instant::now();
    let tokens = tables.encode(&word, false);
    // The plain algorithm takes minutes.
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(tokens.len(), 1_000_000 / 16);
}

#[test]
fn letters_that_grow_when_they_become_small_are_fast_too() {
    let tokenizer = tokenizer(&doubling("i", 1), true);
    let tables = tokenizer.tables();
    let start = Instant::now();
    let tokens = tables.encode(&"İ".repeat(300_000), false);
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(tokens.len(), 3 * 300_000);
}

proptest! {
    #[test]
    fn no_text_has_fewer_tokens_than_its_length_says(text in ".{0,200}", lowercase: bool) {
        let tokenizer = tokenizer(&doubling("a", 3), lowercase);
        let tables = tokenizer.tables();
        let runtime = tables.runtime();
        for text in [text, "a".repeat(64), "\u{212a}".repeat(30)] {
            prop_assert!(runtime.least_tokens(text.len()) <= tables.encode(&text, false).len());
        }
        // A bound that says nothing would not refuse before the work.
        prop_assert!(runtime.least_tokens(2400) >= 100);
    }
}
