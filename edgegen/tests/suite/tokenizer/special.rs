//! Tokens that are no words: where they are found, what is put around a text, what ends one.

use edgegen::import::tokenizer::gguf::{GgufTokenizer, from_gguf};
use edgegen::import::tokenizer::hf::from_hf;
use edgegen::model::Tokenizer;
use serde_json::{Value, json};

use super::byte_level::byte_names;
use super::{encode, small_file};
use crate::common::vocabulary::{self, Piece};

/// A byte-level tokenizer with a few more tokens, each with GGUF's number of its kind.
fn with_tokens(more: &[(&str, i32)]) -> Tokenizer {
    let names = byte_names();
    let kinds = vec![1; names.len()];
    let file = GgufTokenizer {
        model: "gpt2",
        pre: Some("gpt-2"),
        tokens: (names.iter().map(String::as_str))
            .chain(more.iter().map(|(text, _)| *text))
            .collect(),
        token_type: Some([kinds, more.iter().map(|(_, kind)| *kind).collect()].concat()),
        merges: Some(Vec::new()),
        ..GgufTokenizer::default()
    };
    from_gguf(&file).unwrap()
}

#[test]
fn tokens_are_found_as_their_kind_says() {
    let texts = ["<n>", "<k>", "<c>", "<d>", "<x>"];
    let kinds = [1, 2, 3, 4, 5];
    let more: Vec<_> = texts.into_iter().zip(kinds).collect();
    let tokenizer = with_tokens(&more);
    let tables = tokenizer.tables();
    for (special, found) in [
        (false, [false, false, false, true, false]),
        (true, [false, true, true, true, false]),
    ] {
        for ((text, found), id) in texts.into_iter().zip(found).zip(256..) {
            let bytes: Vec<u32> = text.bytes().map(u32::from).collect();
            let expected = if found { vec![id] } else { bytes };
            assert_eq!(tables.encode(text, special), expected, "{text}");
        }
    }
}

/// llama.cpp's names: a generation ends there, whatever the file says of EOS and of their kinds.
#[test]
fn tokens_of_known_names_end_a_generation() {
    for name in [
        "<|im_end|>",
        "<|eot_id|>",
        "<|eom_id|>",
        "<|endoftext|>",
        "<|end_of_text|>",
        "<|end|>",
        "<|return|>",
        "<|call|>",
        "<end_of_turn>",
        "<end_of_utterance>",
        "<EOT>",
        "_<EOT>",
        "[EOT]",
        "<｜end▁of▁sentence｜>",
        "</s>",
        "<eos>",
        "<turn|>",
        "[EOS]",
    ] {
        for kind in [1, 3, 4] {
            let tokenizer = with_tokens(&[(name, kind)]);
            assert_eq!(tokenizer.stop(), [256], "{name}");
            // They are structure, not text.
            assert_eq!(tokenizer.tables().encode(name, true), [256], "{name}");
            assert_ne!(tokenizer.tables().encode(name, false), [256], "{name}");
        }
    }
    // Between the parts of an answer, where another one ends it.
    let parts = [("<|end|>", 3), ("<|return|>", 3), ("<|call|>", 3)];
    assert_eq!(with_tokens(&parts).stop(), [257, 258]);
    assert!(with_tokens(&[("<|start|>", 3)]).stop().is_empty());
}

/// Whether a text gets a first and a last token.
fn around(tokenizer: &Tokenizer) -> (bool, bool) {
    let ids = encode(tokenizer.tables(), "ab", false);
    (
        ids.first() == tokenizer.bos().as_ref(),
        ids.last() == tokenizer.eos().as_ref(),
    )
}

/// The defaults are llama.cpp's.
#[test]
fn gguf_says_what_is_put_around_a_text() {
    let pieces = vocabulary::pieces(272);
    let sentence_piece = GgufTokenizer {
        model: "llama",
        tokens: pieces
            .iter()
            .map(|piece: &Piece| piece.text.as_str())
            .collect(),
        scores: Some(pieces.iter().map(|piece| piece.score).collect()),
        token_type: Some(pieces.iter().map(|piece| piece.kind).collect()),
        bos: Some(1),
        eos: Some(2),
        ..GgufTokenizer::default()
    };
    let names = byte_names();
    let byte_level = |pre| GgufTokenizer {
        model: "gpt2",
        pre: Some(pre),
        tokens: names
            .iter()
            .map(String::as_str)
            .chain(["<s>", "</s>"])
            .collect(),
        merges: Some(Vec::new()),
        bos: Some(256),
        eos: Some(257),
        ..GgufTokenizer::default()
    };
    for (what, file, default) in [
        ("llama", sentence_piece, true),
        ("gpt-2", byte_level("gpt-2"), false),
        ("smollm", byte_level("smollm"), false),
        ("qwen2", byte_level("qwen2"), false),
        ("llama-bpe", byte_level("llama-bpe"), true),
    ] {
        for add_bos in [None, Some(false), Some(true)] {
            for add_eos in [None, Some(false), Some(true)] {
                let file = GgufTokenizer {
                    add_bos,
                    add_eos,
                    ..file.clone()
                };
                let expected = (add_bos.unwrap_or(default), add_eos.unwrap_or(false));
                let found = around(&from_gguf(&file).unwrap());
                assert_eq!(found, expected, "{what} with {add_bos:?} and {add_eos:?}");
            }
        }
    }
}

/// The post-processor does, and transformers' class for Llama writes it anew by its settings.
#[test]
fn a_folder_says_what_is_put_around_a_text() {
    let special = |name: &str| json!({"SpecialToken": {"id": name, "type_id": 0}});
    let text = json!({"Sequence": {"id": "A", "type_id": 0}});
    for (before, after) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut file = small_file();
        let pieces: Vec<Value> = [
            before.then(|| special("<s>")),
            Some(text.clone()),
            after.then(|| special("</s>")),
        ]
        .into_iter()
        .flatten()
        .collect();
        file["post_processor"]["single"] = pieces.into();
        let file = file.to_string();
        for (class, rewrites) in [
            (json!("LlamaTokenizer"), true),
            (json!("LlamaTokenizerFast"), true),
            (json!("PreTrainedTokenizerFast"), false),
            (Value::Null, false),
        ] {
            for (add_bos, add_eos) in [
                (None, None),
                (Some(true), Some(false)),
                (Some(false), Some(true)),
            ] {
                let config = json!({
                    "tokenizer_class": class, "bos_token": "<s>", "eos_token": "</s>",
                    "add_bos_token": add_bos, "add_eos_token": add_eos,
                })
                .to_string();
                let tokenizer = from_hf(file.as_bytes(), Some(config.as_bytes()), &[]).unwrap();
                let says = |setting: Option<bool>, post: bool| match setting {
                    Some(setting) if rewrites => setting,
                    _ => post,
                };
                let expected = (says(add_bos, before), says(add_eos, after));
                assert_eq!(
                    around(&tokenizer),
                    expected,
                    "{config} with {before} and {after}"
                );
            }
        }
    }
}
