//! Tokenizers against golden data, and against hostile files.

mod added;
mod byte_level;
mod nfc;
mod sentencepiece_model;
mod special;

use std::sync::LazyLock;

use crate::common::hf::Folder;
use crate::common::{Shape, Tiny, data};
use edgegen::import::import;
use edgegen::import::tokenizer::{hf::from_hf, llama2c::from_llama2c};
use edgegen::model::Tokenizer;
use edgegen::model::tables::TokenizerTables;
use proptest::prelude::*;
use serde_json::{Value, json};

fn ids(value: &Value) -> Vec<u32> {
    let list = value.as_array().unwrap();
    list.iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

fn encode(tables: &TokenizerTables, text: &str, parse_special: bool) -> Vec<u32> {
    let mut out = vec![0; 3 * text.len() + 4];
    let len = tables
        .runtime()
        .encode(text, parse_special, &mut out)
        .unwrap();
    out.truncate(len);
    out
}

fn decode(tables: &TokenizerTables, ids: &[u32]) -> Vec<u8> {
    let tokenizer = tables.runtime();
    let mut previous = None;
    let mut bytes = Vec::new();
    for &id in ids {
        bytes.extend_from_slice(tokenizer.text_after(previous, id));
        previous = Some(id);
    }
    bytes
}

/// The golden texts of a tiny model, and their ids.
fn golden(model: &str) -> Vec<(String, Vec<u32>)> {
    let golden = data::json(&format!("architectures/{model}/golden.json"));
    let case = |case: &Value| {
        let text = case["text"].as_str()?;
        Some((text.to_owned(), ids(&case["ids"])))
    };
    let mut cases: Vec<_> = (golden["prompts"].as_array().unwrap().iter())
        .filter_map(case)
        .collect();
    // The long text has no BOS.
    let (text, mut ids) = case(&golden["perplexity"]).unwrap();
    ids.insert(0, golden["perplexity"]["bos"].as_u64().unwrap() as u32);
    cases.push((text, ids));
    assert!(cases.len() > 4);
    cases
}

fn check_golden(tokenizer: &Tokenizer, model: &str) {
    let tables = tokenizer.tables();
    for (text, ids) in golden(model) {
        assert_eq!(encode(tables, &text, true), ids, "{text:?}");
        let decoded = decode(tables, &ids[1..]);
        assert_eq!(
            String::from_utf8_lossy(&decoded).trim_start(),
            text.trim_start()
        );
    }
}

/// transformers' and llama.cpp's ids.
#[test]
fn byte_level_bpe_equals_golden() {
    for file in ["hf", "model.gguf"] {
        let model = import(&data::file("architectures/llama").join(file)).unwrap();
        check_golden(model.tokenizer(), "llama");
        assert_eq!(model.tokenizer().stop(), [510, 511]);
    }
}

fn sentence_piece() -> Tokenizer {
    let file = std::fs::read(data::file("architectures/mistral/hf/tokenizer.json")).unwrap();
    from_hf(&file, None, &[]).unwrap()
}

#[test]
fn sentence_piece_bpe_equals_golden() {
    check_golden(&sentence_piece(), "mistral");
}

/// The same vocabulary as llama2.c keeps it: each token with a score, the better the earlier
/// its merge.
fn llama2c_file() -> Vec<u8> {
    let file = data::json("architectures/mistral/hf/tokenizer.json");
    let vocabulary = file["model"]["vocab"].as_object().unwrap();
    let mut tokens: Vec<_> = vocabulary.iter().collect();
    tokens.sort_by_key(|(_, id)| id.as_u64());
    let mut bytes = 0_u32.to_le_bytes().to_vec();
    for (rank, (token, _)) in tokens.into_iter().enumerate() {
        let text = token.replace('\u{2581}', " ");
        bytes.extend((-(rank as f32)).to_le_bytes());
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes
}

#[test]
fn llama2c_equals_golden() {
    check_golden(&from_llama2c(&llama2c_file(), 512).unwrap(), "mistral");
}

/// A `tokenizer.json` with the vocabulary of [`common::vocabulary`].
fn small_file() -> Value {
    Folder::new(&Tiny::new(Shape::default(), 1)).tokenizer
}

fn tables(file: &Value) -> TokenizerTables {
    from_hf(file.to_string().as_bytes(), None, &[])
        .unwrap()
        .tables()
        .clone()
}

/// The ids are those of the package `tokenizers`.
#[test]
fn a_space_is_put_before_the_text_as_the_file_says() {
    let replace = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
    let prepend = json!({"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "▁"}, replace,
    ]});
    let split = json!({
        "type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious",
        "invert": false,
    });
    let metaspace = |scheme: &str| {
        json!({
            "type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": false,
        })
    };
    let none = || Value::Null;
    // The ids of "a", " a", "<s>a" and "<s> a".
    type Ids = [&'static [u32]; 4];
    let always: Ids = [&[259], &[262, 259], &[1, 259], &[1, 262, 259]];
    let missing: Ids = [&[259], &[259], &[1, 259], &[1, 259]];
    let first: Ids = [&[259], &[259], &[1, 263], &[1, 259]];
    let never: Ids = [&[263], &[259], &[1, 263], &[1, 259]];
    for (normalizer, pre_tokenizer, expected) in [
        (prepend, none(), always),
        (none(), metaspace("always"), missing),
        (none(), metaspace("first"), first),
        (none(), metaspace("never"), never),
        (replace.clone(), none(), never),
        (replace.clone(), split, never),
    ] {
        let mut file = small_file();
        let what = format!("{normalizer} {pre_tokenizer}");
        file["normalizer"] = normalizer;
        file["pre_tokenizer"] = pre_tokenizer;
        let tables = tables(&file);
        for (text, expected) in ["a", " a", "<s>a", "<s> a"].into_iter().zip(expected) {
            assert_eq!(tables.encode(text, true), expected, "{text:?} with {what}");
        }
    }
}

/// The ids are those of the package `tokenizers`.
#[test]
fn an_added_token_takes_the_white_space_that_it_strips() {
    let cases: [(bool, bool, &[u32], &[u32]); 4] = [
        (
            false,
            false,
            &[259, 262, 272, 262, 262, 264],
            &[259, 262, 13, 272, 262, 12, 262, 264],
        ),
        (
            false,
            true,
            &[259, 262, 272, 262, 264],
            &[259, 262, 13, 272, 262, 264],
        ),
        (
            true,
            false,
            &[259, 272, 262, 262, 264],
            &[259, 272, 262, 12, 262, 264],
        ),
        (true, true, &[259, 272, 262, 264], &[259, 272, 262, 264]),
    ];
    for (left, right, spaces, others) in cases {
        let mut file = small_file();
        file["added_tokens"].as_array_mut().unwrap().push(json!({
            "id": 272, "content": "<x>", "special": true, "single_word": false,
            "lstrip": left, "rstrip": right, "normalized": false,
        }));
        let tables = tables(&file);
        let what = format!("lstrip {left}, rstrip {right}");
        assert_eq!(tables.encode("a <x> b", true), spaces, "{what}");
        assert_eq!(tables.encode("a \n<x>\t b", true), others, "{what}");

        // One token can be any number of spaces, so no length says how many tokens there are.
        let long = format!("{0}<x>{0}", " ".repeat(1000));
        let least = tables.runtime().least_tokens(long.len());
        assert!(least <= tables.encode(&long, true).len(), "{what}");
    }
}

/// Gemma's files: the rows of spaces are among the added tokens, as SentencePiece writes them, and a
/// tab has the place of its byte. The ids are those of the package `tokenizers`.
#[test]
fn spaces_and_tabs_are_tokens_as_gemma_has_them() {
    let mut file = small_file();
    file["normalizer"] = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
    let vocabulary = file["model"]["vocab"].as_object_mut().unwrap();
    vocabulary.insert("▁▁".into(), json!(272));
    let tab = vocabulary.remove("<0x09>").unwrap();
    vocabulary.insert("\t".into(), tab);
    let merges = file["model"]["merges"].as_array_mut().unwrap();
    merges.insert(0, json!(["▁", "▁"]));
    file["added_tokens"].as_array_mut().unwrap().push(json!({
        "id": 272, "content": "▁▁", "special": false, "single_word": false,
        "lstrip": false, "rstrip": false, "normalized": false,
    }));
    let tables = tables(&file);
    for (text, ids) in [
        ("a  a", &[263, 272, 263][..]),
        ("a   a", &[263, 272, 259]),
        ("▁▁a", &[272, 263]),
        ("\ta\t", &[12, 263, 12]),
    ] {
        assert_eq!(tables.encode(text, true), ids, "{text:?}");
    }
    assert_eq!(tables.runtime().piece(272), b"  ");
}

/// A merge across a space joins what else would be two words.
#[test]
fn words_are_separate_where_no_merge_joins_them() {
    let mut file = small_file();
    assert_eq!(tables(&file).encode("a a", true), [259, 259]);
    file["model"]["vocab"]["a▁"] = json!(272);
    let merges = file["model"]["merges"].as_array_mut().unwrap();
    merges.insert(0, json!(["a", "▁"]));
    assert_eq!(tables(&file).encode("a a", true), [262, 272, 263]);
}

/// U+2581 in a text takes three bytes, and one in the token that it becomes.
#[test]
fn no_text_of_escaped_spaces_has_fewer_tokens_than_its_length_says() {
    let mut file = small_file();
    for (length, id) in [(1, 272), (2, 273), (4, 274), (8, 275)] {
        let half = "▁".repeat(length);
        file["model"]["vocab"]["▁".repeat(2 * length)] = json!(id);
        let merges = file["model"]["merges"].as_array_mut().unwrap();
        merges.push(json!([half, half]));
    }
    let tables = tables(&file);
    let runtime = tables.runtime();
    for text in ["▁▁▁".to_owned(), "▁".repeat(16 * 8), "a▁".repeat(50)] {
        let tokens = tables.encode(&text, true).len();
        assert!(runtime.least_tokens(text.len()) <= tokens, "{text}");
    }
    // 16 spaces are the longest token, and a bound that says nothing would not refuse.
    assert_eq!(tables.encode(&"▁".repeat(16 * 8), true).len(), 8 + 1);
    assert_eq!(runtime.least_tokens(16 * 3 * 8), 8);
}

#[test]
fn long_text_is_encoded_in_time() {
    let tokenizer = sentence_piece();
    let tables = tokenizer.tables();
    let start = std::time::Instant::now();
    encode(tables, &"once".repeat(1000), true);
    encode(tables, &"once upon a time ".repeat(10_000), true);
    assert!(start.elapsed().as_millis() < 1000, "{:?}", start.elapsed());
}

/// A file with some bytes changed.
fn changed(mut bytes: Vec<u8>, flips: &[(prop::sample::Index, u8)]) -> Vec<u8> {
    for (at, value) in flips {
        let at = at.index(bytes.len());
        bytes[at] = *value;
    }
    bytes
}

/// Whatever was read encodes.
fn encodes(tokenizer: Option<Tokenizer>) {
    if let Some(tokenizer) = tokenizer {
        let tables = tokenizer.tables();
        encode(tables, "Once upon a <s> time \u{2581} 你", true);
    }
}

proptest! {
    #[test]
    fn byte_level_decodes_to_its_text(text in any::<String>()) {
        static TABLES: LazyLock<TokenizerTables> = LazyLock::new(|| {
            let model = import(&data::file("architectures/llama/hf")).unwrap();
            model.tokenizer().tables().clone()
        });
        for parse_special in [false, true] {
            let ids = encode(&TABLES, &text, parse_special);
            prop_assert_eq!(decode(&TABLES, &ids[1..]), text.as_bytes());
        }
    }

    #[test]
    fn hostile_tokenizer_bin_is_refused_or_read(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let mut bytes = changed(llama2c_file(), &flips);
        if cuts {
            bytes.truncate(cut.index(bytes.len()));
        }
        encodes(from_llama2c(&bytes, 512).ok());
    }

    #[test]
    fn hostile_tokenizer_json_is_refused_or_read(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let file = std::fs::read(data::file("architectures/mistral/hf/tokenizer.json")).unwrap();
        encodes(from_hf(&changed(file, &flips), None, &[]).ok());
    }
}
