//! Tokenizers against golden data, and against hostile files.

use std::path::{Path, PathBuf};

use edgegen::import::import;
use edgegen::import::tokenizer::{hf::from_hf, llama2c::from_llama2c};
use edgegen::model::{ChatPiece, Model, Tokenizer};
use edgegen::program::tokenizer::TokenizerTables;
use edgegen_templates::chat;
use proptest::prelude::*;
use serde_json::Value;

fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared")
        .join(path);
    if path.exists() {
        return Some(path);
    }
    eprintln!("not run: {} is missing", path.display());
    None
}

fn smollm2() -> Option<Model> {
    let Some(path) = std::env::var_os("EDGEGEN_SMOLLM2") else {
        eprintln!("not run: EDGEGEN_SMOLLM2 does not name the GGUF file");
        return None;
    };
    Some(import(Path::new(&path)).unwrap())
}

fn read(path: &str) -> Option<Vec<u8>> {
    shared(path).map(|path| std::fs::read(path).unwrap())
}

fn json(path: &str) -> Option<Value> {
    read(path).map(|text| serde_json::from_slice(&text).unwrap())
}

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

/// Whether the table of bytes has no entry.
fn byte_is_missing(tables: &TokenizerTables, byte: u8) -> bool {
    let entry = 4 * usize::from(byte);
    tables.runtime().bytes[entry..entry + 4] == [0xff; 4]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every case but those that `skip` names.
fn check_golden(tokenizer: &Tokenizer, golden: &Value, skip: impl Fn(&str) -> bool) {
    let tables = TokenizerTables::new(tokenizer);
    for case in golden["cases"].as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        if skip(text) {
            continue;
        }
        let wanted = ids(&case["ids"]);
        let found = encode(&tables, text, true);
        assert_eq!(found, wanted, "{text:?}");
        let plain = case.get("ids_no_special").unwrap_or(&case["ids"]);
        assert_eq!(
            encode(&tables, text, false),
            ids(plain),
            "{text:?} as plain text"
        );
        let decoded = decode(&tables, &wanted);
        match case["decoded_hex"].as_str() {
            Some(bytes) => assert_eq!(hex(&decoded), bytes, "{text:?}"),
            None => assert_eq!(String::from_utf8(decoded).unwrap(), text),
        }
    }
}

#[test]
fn smollm2_equals_golden() {
    let (Some(model), Some(golden)) = (smollm2(), json("golden/smollm2/tokenizer.json")) else {
        return;
    };
    check_golden(model.tokenizer(), &golden, |_| false);
    assert_eq!(model.tokenizer().stop(), [0, 2]);
}

#[test]
fn smollm2_chat_equals_golden() {
    let (Some(model), Some(golden)) = (smollm2(), json("golden/smollm2/chat.json")) else {
        return;
    };
    let tables = TokenizerTables::new(model.tokenizer());
    let template = model.chat_template().expect("the template reduces");
    let with_system = template.with_system.as_deref().map(pieces);
    let without_system = pieces(&template.without_system);
    let template = chat::ChatTemplate {
        with_system: with_system.as_deref(),
        without_system: &without_system,
    };
    for case in golden["cases"].as_array().unwrap() {
        if case["add_generation_prompt"] != true {
            continue;
        }
        let content = |role: &str| {
            let messages = case["messages"].as_array().unwrap();
            let message = messages.iter().find(|message| message["role"] == role);
            message.map(|message| message["content"].as_str().unwrap())
        };
        let (system, user) = (content("system"), content("user").unwrap());
        let mut buffer = vec![0; template.len(system, user).unwrap()];
        let text = template.render(system, user, &mut buffer).unwrap();
        assert_eq!(text, case["rendered"].as_str().unwrap());
        let mut out = vec![0; 3 * text.len() + 4];
        let len = tables.runtime().encode_chat(text, &mut out).unwrap();
        assert_eq!(out[..len], ids(&case["ids"]));
    }
}

fn pieces(pieces: &[ChatPiece]) -> Vec<chat::Piece<'_>> {
    fn convert(piece: &ChatPiece) -> chat::Piece<'_> {
        match piece {
            ChatPiece::Literal(text) => chat::Piece::Literal(text),
            ChatPiece::System => chat::Piece::System,
            ChatPiece::SystemTrimmed => chat::Piece::SystemTrimmed,
            ChatPiece::User => chat::Piece::User,
            ChatPiece::UserTrimmed => chat::Piece::UserTrimmed,
        }
    }
    pieces.iter().map(convert).collect()
}

#[test]
fn stories260k_equals_golden() {
    let Some(golden) = json("golden/stories260K/tokenizer.json") else {
        return;
    };
    let tokenizer = from_llama2c(&read("models/stories260K/tok512.bin").unwrap(), 512).unwrap();
    check_golden(&tokenizer, &golden, |_| false);
    // These two find `<s>`, `</s>` and `<unk>` in the text.
    let special = |text: &str| text.contains("<s>");
    let folder = import(&shared("models/stories260K/hf").unwrap()).unwrap();
    check_golden(folder.tokenizer(), &golden, special);
    let gguf = import(&shared("models/stories260K/stories260K.f32.gguf").unwrap()).unwrap();
    check_golden(gguf.tokenizer(), &golden, special);
}

#[test]
fn long_text_is_encoded_in_time() {
    let Some(bytes) = read("models/stories260K/tok512.bin") else {
        return;
    };
    let tables = TokenizerTables::new(&from_llama2c(&bytes, 512).unwrap());
    let start = std::time::Instant::now();
    encode(&tables, &"once".repeat(1000), true);
    encode(&tables, &"once upon a time ".repeat(10_000), true);
    assert!(start.elapsed().as_millis() < 1000, "{:?}", start.elapsed());
}

proptest! {
    #[test]
    fn byte_level_decodes_to_its_text(text in any::<String>()) {
        // The model has no token for some bytes; those vanish.
        static TABLES: std::sync::LazyLock<Option<TokenizerTables>> = std::sync::LazyLock::new(
            || smollm2().map(|model| TokenizerTables::new(model.tokenizer())),
        );
        if let Some(tables) = &*TABLES {
            let has_token = |byte: &u8| !byte_is_missing(tables, *byte);
            let wanted: Vec<u8> = text.bytes().filter(has_token).collect();
            for parse_special in [false, true] {
                prop_assert_eq!(&decode(tables, &encode(tables, &text, parse_special)), &wanted);
            }
        }
    }

    #[test]
    fn hostile_tokenizer_bin_is_refused_or_read(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        if let Some(mut bytes) = read("models/stories260K/tok512.bin") {
            for (at, value) in flips {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            if cuts {
                bytes.truncate(cut.index(bytes.len()));
            }
            if let Ok(tokenizer) = from_llama2c(&bytes, 512) {
                let tables = TokenizerTables::new(&tokenizer);
                encode(&tables, "Once upon a <s> time \u{2581} 你", true);
            }
        }
    }

    #[test]
    fn hostile_tokenizer_json_is_refused_or_read(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        if let Some(mut bytes) = read("models/stories260K/hf/tokenizer.json") {
            for (at, value) in flips {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            if let Ok(tokenizer) = from_hf(&bytes, None, None) {
                let tables = TokenizerTables::new(&tokenizer);
                encode(&tables, "Once upon a <s> time \u{2581} 你", true);
            }
        }
    }
}

/// Whole texts, with line ends: characters of one byte that have no token of their own.
#[test]
fn golden_texts_are_encoded() {
    let check = |tokenizer: &Tokenizer, folder: &str, name: &str| {
        let golden = json(&format!("golden/{folder}/{name}.perplexity.json")).unwrap();
        let text = read(&format!("golden/{folder}/{name}.txt")).unwrap();
        let tables = TokenizerTables::new(tokenizer);
        let text = str::from_utf8(&text).unwrap();
        assert_eq!(encode(&tables, text, false), ids(&golden["ids"]));
    };
    if let Some(bytes) = read("models/stories260K/tok512.bin") {
        let tokenizer = from_llama2c(&bytes, 512).unwrap();
        check(&tokenizer, "stories260K", "stories_a");
    }
    if let Some(model) = smollm2() {
        check(model.tokenizer(), "smollm2", "english_a");
    }
}
