//! Texts that are brought into Unicode's normalization form C first.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use edgegen::import::import;
use edgegen::model::Tokenizer;
use proptest::prelude::*;
use unicode_normalization_alignments::UnicodeNormalization;
use unicode_normalization_alignments::char::canonical_combining_class;

use super::byte_level::of_bytes;
use crate::common::data;

fn normalized(text: &str) -> Vec<u32> {
    let whole: String = text.nfc().map(|(c, _)| c).collect();
    whole.bytes().map(u32::from).collect()
}

/// The ids are those of the package `tokenizers` 0.23.3.
#[test]
fn ids_equal_golden() {
    let model = import(&data::file("architectures/qwen3/hf")).unwrap();
    let golden = include_str!("../../fixtures/tokenizer/nfc.json");
    let golden: Vec<(String, Vec<u32>)> = serde_json::from_str(golden).unwrap();
    assert!(golden.len() > 30);
    for (text, ids) in golden {
        assert_eq!(
            model.tokenizer().tables().encode(&text, false),
            ids,
            "{text:?}"
        );
    }
}

/// Every character that has to do with it, and some that have not, between such as it could join or
/// change places with.
#[test]
fn every_character_becomes_what_the_reference_makes_of_it() {
    let tokenizer = of_bytes("qwen2");
    let tables = tokenizer.tables();
    let counts = |&c: &char| {
        let alone = c.to_string();
        let own = alone.nfd().map(|(part, _)| part).eq([c]);
        !own || canonical_combining_class(c) != 0 || u32::from(c) % 97 == 0
    };
    for c in ('\0'..=char::MAX).filter(counts) {
        let text = format!("a{c}\u{327}{c}\u{1161}\u{301}{c}\u{316}");
        assert_eq!(tables.encode(&text, false), normalized(&text), "{c:?}");
    }
}

#[test]
fn any_number_of_marks_is_put_in_order_in_time() {
    let tokenizer = of_bytes("qwen2");
    let start = Instant::now();
    for marks in [
        "\u{301}",
        "\u{301}\u{316}",
        "\u{345}\u{327}\u{5b0}\u{323}\u{301}",
    ] {
        let text = format!("e{} o", marks.repeat(1_000));
        assert_eq!(tokenizer.tables().encode(&text, false), normalized(&text));
    }
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn only_who_asks_for_it_has_tables() {
    for (pre, asks) in [
        ("qwen2", true),
        ("qwen35", true),
        ("llama-bpe", false),
        ("gpt-2", false),
    ] {
        let tokenizer = of_bytes(pre);
        assert_eq!(!tokenizer.tables().runtime().nfc.is_empty(), asks, "{pre}");
        let ids = tokenizer.tables().encode("e\u{301}", false);
        assert_eq!(ids.len(), if asks { 2 } else { 3 }, "{pre}");
    }
}

proptest! {
    #[test]
    fn any_text_becomes_what_the_reference_makes_of_it(
        text in any::<String>(),
        marks in "[\u{300}-\u{345}a-c\u{1100}-\u{11ff}가-각]{0,24}",
    ) {
        static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| of_bytes("qwen2"));
        let tables = TOKENIZER.tables();
        for text in [text, marks] {
            let ids = tables.encode(&text, false);
            prop_assert_eq!(&ids, &normalized(&text));
            prop_assert!(tables.runtime().least_tokens(text.len()) <= ids.len());
        }
    }
}
