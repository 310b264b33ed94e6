//! Byte-level BPE: the words of each pre-tokenizer, by each of its names.

use std::time::{Duration, Instant};

use edgegen::import::tokenizer::gguf::{GgufTokenizer, from_gguf};
use edgegen::import::tokenizer::hf::from_hf;
use edgegen::model::Tokenizer;
use serde_json::{Value, json};
use unicode_normalization_alignments::UnicodeNormalization;

/// What a token of one byte is called, by byte: GPT-2's `bytes_to_unicode`.
pub(super) fn byte_names() -> Vec<String> {
    let mut others = '\u{100}'..;
    let name = |byte: u8| match byte {
        b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => char::from(byte),
        _ => others.next().unwrap(),
    };
    (0..=255).map(name).map(String::from).collect()
}

const MERGES: [&str; 4] = ["1 2", "12 3", "123 4", "_ a"];
/// After the bytes; the last one is made by no merge.
const WORDS: [&str; 5] = ["12", "123", "1234", "_a", "xyz"];

const DIGITS: [u32; 4] = [0x31, 0x32, 0x33, 0x34];
const APART: [u32; 2] = [0x5F, 0x61];
const LETTERS: [u32; 3] = [0x78, 0x79, 0x7A];

/// The ids of "1234", "_a" and "xyz".
type Ids = [&'static [u32]; 3];
const GPT2: Ids = [&[258], &APART, &LETTERS];
const SMOLLM: Ids = [&DIGITS, &APART, &LETTERS];
const LLAMA3: Ids = [&[257, 0x34], &[259], &[260]];
const QWEN2: Ids = [&DIGITS, &[259], &LETTERS];
const GPT4O: Ids = [&[257, 0x34], &[259], &LETTERS];
const HUNYUAN: Ids = GPT4O;
const TEKKEN: Ids = [&DIGITS, &[259], &[260]];

/// The files of Llama 3, Qwen 2 and EXAONE 4 differ in what letters and digits are a word.
fn like_llama(letters: &str, digits: &str) -> String {
    let regex = [
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?",
        letters,
        "|",
        digits,
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ];
    regex.concat()
}

/// Tekken's file.
const TEKKENS: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Hunyuan's file.
const HUNYUANS: [&str; 3] = [
    r"\p{N}{1,3}",
    "[一-龥\u{3040}-ゟ゠-ヿ]+",
    r##"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##,
];

fn check(what: &str, tokenizer: &Tokenizer, expected: Ids) {
    let tables = tokenizer.tables();
    for (text, ids) in ["1234", "_a", "xyz"].into_iter().zip(expected) {
        assert_eq!(tables.encode(text, false), ids, "{text:?} of {what}");
    }
}

/// Each byte is its token, so that ids are what the text became.
pub(super) fn of_bytes(pre: &str) -> Tokenizer {
    let names = byte_names();
    let file = GgufTokenizer {
        model: "gpt2",
        pre: Some(pre),
        tokens: names.iter().map(String::as_str).collect(),
        merges: Some(Vec::new()),
        add_bos: Some(false),
        ..GgufTokenizer::default()
    };
    from_gguf(&file).unwrap()
}

/// What each scanner could look at again and again.
#[test]
fn long_words_of_every_class_are_found_in_time() {
    for pre in ["llama-bpe", "exaone4", "qwen35", "gpt-4o", "hunyuan-dense"] {
        let tokenizer = of_bytes(pre);
        for part in [
            "A", "ʰA", "\u{301}", "\u{301}A", "\u{1}", "か゛", "!", " ", "\n ",
        ] {
            let text = part.repeat(30_000);
            let start = Instant::now();
            let tokens = tokenizer.tables().encode(&text, false);
            let time = start.elapsed();
            assert!(time < Duration::from_secs(10), "{pre}, {part:?}: {time:?}");
            let bytes = match pre {
                "qwen35" => text.nfc().map(|(c, _)| c.len_utf8()).sum(),
                _ => text.len(),
            };
            assert_eq!(tokens.len(), bytes, "{pre}, {part:?}");
        }
    }
}

/// The names are llama.cpp's (`llm_load_vocab`), as files have them.
#[test]
fn a_pre_tokenizer_is_called_as_in_its_file() {
    for pre in [
        "gpt-2",
        "smollm",
        "llama-bpe",
        "qwen2",
        "qwen35",
        "exaone4",
        "gpt-4o",
        "tekken",
        "hunyuan-dense",
    ] {
        assert_eq!(of_bytes(pre).kind(), format!("byte-level BPE ({pre})"));
    }
}

#[test]
fn gguf_names_how_words_are_split() {
    let names = byte_names();
    let tokens = names.iter().map(String::as_str).chain(WORDS).collect();
    let file = GgufTokenizer {
        model: "gpt2",
        tokens,
        merges: Some(MERGES.to_vec()),
        add_bos: Some(false),
        ..GgufTokenizer::default()
    };
    for (pre, expected) in [
        ("gpt-2", GPT2),
        ("gpt2", GPT2),
        ("smollm", SMOLLM),
        ("llama-bpe", LLAMA3),
        ("llama3", LLAMA3),
        ("llama-v3", LLAMA3),
        ("tekken", TEKKEN),
        ("qwen2", QWEN2),
        ("qwen35", QWEN2),
        ("exaone4", QWEN2),
        ("gpt-4o", GPT4O),
        ("hunyuan-dense", HUNYUAN),
        ("deepseek-v3", HUNYUAN),
        ("command-r", SMOLLM),
        ("deepseek-r1-qwen", QWEN2),
        // Llama 3's words alone.
        ("smaug-bpe", GPT4O),
        ("dbrx", GPT4O),
    ] {
        let pre = Some(pre);
        let file = GgufTokenizer {
            pre,
            ..file.clone()
        };
        check(&format!("{pre:?}"), &from_gguf(&file).unwrap(), expected);
    }
}

#[test]
fn a_folder_says_how_words_are_split() {
    let bytes = |use_regex: bool| {
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
            "use_regex": use_regex})
    };
    let sequence = |first: Value, regex: bool| json!({"type": "Sequence", "pretokenizers": [first, bytes(regex)]});
    let split = |regexes: &[&str], behavior: &str| {
        let split = |regex: &&str| {
            json!({"type": "Split", "pattern": {"Regex": regex}, "behavior": behavior,
                "invert": behavior == "Removed"})
        };
        let mut all: Vec<Value> = regexes.iter().map(split).collect();
        all.push(bytes(false));
        json!({"type": "Sequence", "pretokenizers": all})
    };
    let digits = json!({"type": "Digits", "individual_digits": true});
    // DeepSeek writes the ends of lines as they are.
    let in_lines = HUNYUANS[2].replace(r"\r", "\r").replace(r"\n", "\n");
    let vocab: serde_json::Map<String, Value> = (byte_names().into_iter())
        .chain(WORDS.map(String::from))
        .zip((0..).map(Value::from))
        .collect();
    for (pre_tokenizer, ignore_merges, expected) in [
        (bytes(true), false, GPT2),
        (sequence(digits, true), false, SMOLLM),
        (
            split(&[&like_llama(r"\p{L}+", r"\p{N}{1,3}")], "Isolated"),
            true,
            LLAMA3,
        ),
        // What does not match is removed, and there is nothing.
        (
            split(&[&like_llama(r"\p{L}+", r"\p{N}{1,3}")], "Removed"),
            true,
            LLAMA3,
        ),
        (
            split(&[&like_llama(r"\p{L}+", r"\p{N}")], "Isolated"),
            false,
            QWEN2,
        ),
        (
            split(&[&like_llama(r"(?:\p{L}\p{M}*)+", r"\p{N}")], "Isolated"),
            false,
            QWEN2,
        ),
        (split(&[TEKKENS], "Isolated"), true, TEKKEN),
        (split(&HUNYUANS, "Isolated"), false, HUNYUAN),
        (
            split(&[HUNYUANS[0], HUNYUANS[1], &in_lines], "Isolated"),
            false,
            HUNYUAN,
        ),
    ] {
        let file = json!({
            "added_tokens": [], "normalizer": null, "pre_tokenizer": pre_tokenizer,
            "post_processor": null,
            "model": {"type": "BPE", "vocab": vocab, "merges": MERGES,
                "ignore_merges": ignore_merges},
        });
        let tokenizer = from_hf(file.to_string().as_bytes(), None, &[]).unwrap();
        check(&pre_tokenizer.to_string(), &tokenizer, expected);
    }
}
