//! SentencePiece's own files.

use edgegen::import::tokenizer::hf::Config;
use edgegen::import::tokenizer::sentencepiece_model::read;
use proptest::prelude::*;

use crate::common::assert_refused;

/// Trained by the package `sentencepiece` 0.2 on a few words: 300 pieces of BPE with byte fallback and
/// the user's symbol `<sep>`, texts as they are.
const FILE: &[u8] = include_bytes!("../../fixtures/tokenizer/sentencepiece-bpe.model");

fn config(text: &str) -> Config {
    Config::read(text.as_bytes()).unwrap()
}

/// The ids of transformers 5.24, after BOS.
#[test]
fn ids_equal_golden() {
    let tokenizer = read(FILE, &config("{}"), &[]).unwrap();
    assert_eq!(tokenizer.stop(), [2]);
    for (text, ids) in [
        ("ab cat", &[261, 269][..]),
        ("the  cat", &[266, 279, 269]),
        (" a", &[273]),
        ("abba é 你", &[261, 271, 279, 292, 279, 232, 193, 164]),
        ("ab<sep> ab", &[261, 3, 261]),
        ("ab<sep>ab", &[261, 3, 260]),
        ("<sep>ab", &[3, 260]),
        ("x\ty\n", &[279, 124, 13, 125, 14]),
        ("a▁b", &[273, 267]),
    ] {
        assert_eq!(tokenizer.tables().encode(text, false), ids, "{text:?}");
    }
    assert!(tokenizer.add_bos());
    let legacy = read(FILE, &config(r#"{"legacy": true}"#), &[]).unwrap();
    for (text, ids) in [
        (" a", &[273][..]),
        ("ab<sep> ab", &[261, 3, 261]),
        ("ab<sep>ab", &[261, 3, 261]),
        ("<sep>ab", &[3, 261]),
    ] {
        assert_eq!(legacy.tables().encode(text, false), ids, "{text:?}");
    }
}

#[test]
fn the_configuration_adds_tokens() {
    let tokenizer = read(
        FILE,
        &config(
            r#"{"eos_token": "<|end|>", "add_bos_token": false, "added_tokens_decoder": {
                "2": {"content": "</s>", "special": true},
                "301": {"content": "<|end|>", "special": true, "rstrip": true}}}"#,
        ),
        &[],
    )
    .unwrap();
    assert_eq!(tokenizer.tables().encode("ab<|end|> ", true), [261, 301]);
    assert_eq!(
        (tokenizer.stop(), tokenizer.add_bos()),
        (&[2, 301][..], false)
    );
    let other = config(r#"{"added_tokens_decoder": {"261": {"content": "x"}}}"#);
    assert_refused(
        "other",
        read(FILE, &other, &[]).map_err(|e| e.remedy("-")),
        "",
        "",
        "both",
    );
}

/// The ids of transformers 5.24 with `▁▁` in place of `<sep>`: Gemma's files have such symbols.
#[test]
fn symbols_of_the_user_may_be_spaces() {
    let text = "<sep>".as_bytes();
    let at = FILE.windows(text.len()).position(|part| part == text);
    let at = at.unwrap();
    // The piece's message, its field of the text, and that of the file have lengths of a byte each.
    let mut file = FILE.to_vec();
    for length in [at - 1, at - 3] {
        file[length] += 1;
    }
    file.splice(at..at + text.len(), "▁▁".bytes());
    let tokenizer = read(&file, &config("{}"), &[]).unwrap();
    for (text, ids) in [
        ("ab  cat", &[261, 3, 283, 262][..]),
        ("ab   cat", &[261, 3, 269]),
        ("  ab", &[3, 260]),
        ("ab  ", &[261, 3]),
        (" a", &[273]),
        ("a▁b", &[273, 267]),
        ("ab<sep>ab", &[261, 64, 290, 284, 116, 66, 260]),
    ] {
        assert_eq!(tokenizer.tables().encode(text, false), ids, "{text:?}");
    }
}

/// A message of a field with a number: all fields here have numbers below 2048.
fn number(field: u8, value: u8) -> Vec<u8> {
    let key = u16::from(field) << 3;
    match key < 128 {
        true => vec![key as u8, value],
        false => vec![key as u8 & 0x7f | 0x80, (key >> 7) as u8, value],
    }
}

/// The file with one more field of the trainer (2) or the normalizer (3).
fn with(message: u8, field: &[u8]) -> Vec<u8> {
    [FILE, &[message << 3 | 2, field.len() as u8], field].concat()
}

#[test]
fn what_is_not_built_is_refused() {
    for (file, problem) in [
        (with(2, &number(3, 1)), "a Unigram model is not supported"),
        (with(2, &number(3, 4)), "a model of characters"),
        (with(2, &number(24, 1)), "puts spaces after words"),
        (with(3, &number(4, 1)), "removes spaces"),
        (with(3, &number(5, 0)), "does not escape spaces"),
        (with(3, &[0x12, 1, b'x']), "a table of normalization"),
        (FILE[..FILE.len() - 1].to_vec(), "ends early"),
    ] {
        let refused = read(&file, &config("{}"), &[]).unwrap_err().to_string();
        assert!(refused.contains(problem), "{refused}");
    }
}

proptest! {
    #[test]
    fn hostile_files_are_refused_or_read(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let file = super::changed(FILE.to_vec(), &flips);
        super::encodes(read(&file, &config("{}"), &[]).ok());
    }
}
