//! `tokenizer.json`.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use edgegen::import::tokenizer::hf::from_hf;
use edgegen::model::{Scheme, Tokenizer};
use edgegen_templates::tokenizer as runtime;
use serde_json::{Value, json};

use crate::common::Tiny;
use crate::common::hf::Folder;
use crate::faults::spoil_json;
use crate::import::small;
use crate::input::{Input, assert_printable};

/// A `tokenizer.json`, and a text for it.
pub fn tokenizer_json(data: &[u8]) {
    let (file, text) = match Input::new(data) {
        Input::File(bytes) => (bytes.to_vec(), "Hello, world: 12 345 é🦀\n\tx"),
        Input::Recipe(kind, u) => recipe(kind, u).unwrap_or_default(),
    };
    match from_hf(&file, None, &[]) {
        Ok(tokenizer) => assert_sound(&tokenizer, text),
        Err(error) => assert_printable(&error.to_string()),
    }
}

static FILES: LazyLock<[Value; 4]> = LazyLock::new(|| {
    let sentence_piece = Folder::new(&Tiny::new(small(), 1)).tokenizer;
    let mut metaspace = sentence_piece.clone();
    metaspace["normalizer"] = Value::Null;
    metaspace["pre_tokenizer"] = json!({
        "type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": false,
    });
    let mut llama3 = byte_level();
    let regex = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    llama3["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated"},
        {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false},
    ]});
    llama3["model"]["ignore_merges"] = json!(true);
    [sentence_piece, metaspace, byte_level(), llama3]
});

pub fn files() -> Vec<Vec<u8>> {
    let files = FILES.iter();
    files.map(|file| file.to_string().into_bytes()).collect()
}

fn recipe(kind: u8, mut u: Unstructured<'_>) -> Result<(Vec<u8>, &str)> {
    let mut file = FILES[usize::from(kind) % FILES.len()].clone();
    if kind >= 4 {
        file["normalizer"] = json!({"type": u.choose(&["NFC", "Lowercase", "Strip"])?});
    }
    let text = u.arbitrary()?;
    if u.ratio(7, 8)? {
        spoil_json(&mut u, &mut file)?;
    }
    Ok((file.to_string().into_bytes(), text))
}

/// GPT-2's scheme with a few merges.
fn byte_level() -> Value {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let mut others = '\u{100}'..;
    let mut pieces: Vec<String> = (0..=u8::MAX)
        .map(|byte| match printable(byte) {
            true => char::from(byte).to_string(),
            false => others.next().expect("a character").to_string(),
        })
        .collect();
    let merges = [
        ["l", "o"],
        ["Ġ", "w"],
        ["Ġw", "o"],
        ["lo", "lo"],
        ["1", "2"],
    ];
    pieces.extend(merges.map(|pair| pair.concat()));
    let vocab: Value = pieces
        .iter()
        .zip(0..)
        .map(|(piece, id)| (piece.clone(), json!(id)))
        .collect();
    json!({
        "added_tokens": [
            {"id": pieces.len(), "content": "<|end|>", "special": true},
            {"id": pieces.len() + 1, "content": "==", "special": false, "lstrip": true},
        ],
        "normalizer": null,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Digits", "individual_digits": true},
            {"type": "ByteLevel", "add_prefix_space": false},
        ]},
        "post_processor": null,
        "model": {"type": "BPE", "vocab": vocab, "merges": merges},
    })
}

/// A tokenizer that was accepted encodes any text within the room that it states, into tokens of
/// its vocabulary; and decodes it again, where nothing in the text is written otherwise.
pub fn assert_sound(tokenizer: &Tokenizer, text: &str) {
    let tables = tokenizer.tables();
    let plain = runtime::Tokenizer {
        add_bos: false,
        add_eos: false,
        ..tables.runtime()
    };
    let mut out = vec![0; plain.room(text.len())];
    let count = tables.runtime().encode(text, true, &mut out);
    let tokens = tokenizer.tokens();
    let known = |ids: &[u32]| ids.iter().all(|&id| (id as usize) < tokens.len());
    assert!(known(&out[..count.expect("so much room suffices")]));
    let count = plain.encode(text, false, &mut out);
    let ids = &out[..count.expect("so much room suffices")];
    assert!(known(ids));
    let mut decoded = Vec::new();
    let mut previous = None;
    for &id in ids {
        decoded.extend(plain.text_after(previous, id));
        previous = Some(id);
    }
    if !rewrites(tokenizer, text) {
        assert_eq!(String::from_utf8_lossy(&decoded), text);
    }
}

/// Whether tokens may say less than the text, or other letters.
fn rewrites(tokenizer: &Tokenizer, text: &str) -> bool {
    let tokens = tokenizer.tokens();
    let added = tokenizer.added().iter();
    let mut added = added.map(|added| &tokens[added.id as usize].bytes[..]);
    let here = |part: &[u8]| text.as_bytes().windows(part.len()).any(|at| at == part);
    added.any(here)
        || match tokenizer.scheme() {
            Scheme::ByteLevel(scheme) => {
                let one_byte = |byte: u8| tokens.iter().any(|token| token.bytes == [byte]);
                scheme.lowercase || scheme.nfc || !text.bytes().all(one_byte)
            }
            Scheme::SentencePiece(_) => text.starts_with(' ') || text.contains('▁'),
        }
}
