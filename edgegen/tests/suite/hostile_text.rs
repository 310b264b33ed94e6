//! What a model file says of itself is shown and emitted as one line of plain text: nothing in it
//! acts on a terminal, forges a line, or makes a message as long as it likes.

use crate::common::gguf::Gguf;
use crate::common::{Shape, Tiny};
use assert_cmd::Command;
use edgegen::cache::Cache;
use edgegen::compile::compile;
use edgegen::error::Result;
use edgegen::import::import;
use edgegen::inspect::inspect;
use edgegen::model::Model;
use edgegen::plan::Request;
use edgegen::profile::Profile;
use edgegen::progress::Quiet;
use proptest::prelude::*;

/// Sets the title, clears the screen, paints, and forges an error.
const ESCAPES: &str = "\u{1b}]0;pwned\u{7}\u{1b}[2J\u{1b}[31mEVIL\nerror: fake line";

fn file() -> Gguf {
    Gguf::new(&Tiny::new(Shape::default(), 1))
}

fn read(file: &Gguf) -> Result<Model> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, file.bytes()).unwrap();
    import(&path)
}

/// Text that does not act: controls, what turns the direction, separators of lines.
fn assert_plain(what: &str, text: &str) {
    let acts = |c: char| {
        (c.is_control() && c != '\n')
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}')
    };
    assert!(!text.contains(acts), "{what}: {text:?}");
}

/// What is said of the model, and all files of text that are emitted.
fn outputs(model: &Model) -> Vec<(String, String)> {
    let inspection = inspect(model);
    let mut outputs = vec![
        ("inspect".to_owned(), inspection.to_string()),
        (
            "inspect --json".to_owned(),
            serde_json::to_string_pretty(&inspection).unwrap(),
        ),
    ];
    let profile = Profile::load("host").unwrap();
    let compiled = compile(model, &profile, &Request::default(), &Cache::none(), &Quiet).unwrap();
    for (path, content) in compiled.krate("tiny").files() {
        if let Ok(text) = std::str::from_utf8(content) {
            outputs.push((path.to_string(), text.replace('\t', " ")));
        }
    }
    outputs
}

/// A file with these texts about itself.
fn described(name: &str, licence: &str) -> Gguf {
    let mut file = file();
    file.text("general.name", name);
    file.text("general.license", licence);
    file
}

#[test]
fn a_description_makes_no_line_and_no_long_output() {
    let innocent = outputs(&read(&described("a", "b")).unwrap());
    let long = "x".repeat(5_000_000);
    for (name, licence) in [(ESCAPES, ESCAPES), (long.as_str(), long.as_str())] {
        let hostile = outputs(&read(&described(name, licence)).unwrap());
        assert_eq!(innocent.len(), hostile.len());
        for ((what, innocent), (_, hostile)) in innocent.iter().zip(&hostile) {
            assert_plain(what, hostile);
            assert_eq!(innocent.lines().count(), hostile.lines().count(), "{what}");
            assert!(hostile.len() < innocent.len() + 5000, "{what}");
        }
    }
}

#[test]
fn a_name_is_neither_markdown_nor_html_in_what_is_emitted() {
    let name = "<img src=x onerror=alert(1)> [a](b) | `c`";
    let model = read(&described(name, name)).unwrap();
    let shown = r"\<img src=x onerror=alert(1)\> \[a\](b) \| \`c\`";
    for (path, text) in outputs(&model) {
        if path == "README.md" || path == "src/lib.rs" {
            assert!(text.contains(shown), "{path}: {text}");
            assert!(!text.contains(name), "{path}");
        }
        assert!(!(path.ends_with(".html") && text.contains("onerror")));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn whatever_a_model_is_called_nothing_acts(name in "(?s).{0,300}", licence in "(?s).{0,300}") {
        for (what, text) in outputs(&read(&described(&name, &licence)).unwrap()) {
            assert_plain(&what, &text);
        }
    }
}

proptest! {
    #[test]
    fn whatever_a_file_says_its_refusal_does_not_act(
        text in prop_oneof!["(?s).{0,300}", Just(ESCAPES.to_owned())],
        times in prop_oneof![Just(1), Just(20_000)],
        which in 0usize..7,
    ) {
        let text = text.repeat(times);
        let mut file = file();
        match which {
            0 => file.text("general.architecture", &text),
            1 => file.text("tokenizer.ggml.model", &text),
            2 => file.text("llama.rope.scaling.type", &text),
            3 => file.tensor("blk.0.attn_q.weight").name = text,
            4 => file.text(&format!("llama.{text}"), "1"),
            5 => {
                file.text("tokenizer.ggml.model", "gpt2");
                file.text("tokenizer.ggml.pre", &text);
                file.texts("tokenizer.ggml.merges", &[]);
            }
            _ => {
                file.text("tokenizer.ggml.model", "gpt2");
                file.text("tokenizer.ggml.pre", "gpt-2");
                file.texts("tokenizer.ggml.merges", &[&text]);
            }
        }
        if let Err(error) = read(&file) {
            let message = error.to_string();
            assert_plain("error", &message);
            prop_assert!(message.lines().count() <= 2, "{message}");
            prop_assert!(message.len() < 50_000);
        }
    }
}

#[test]
fn the_program_prints_no_escapes_of_a_file() {
    let mut file = Gguf {
        version: 3,
        keys: Vec::new(),
        tensors: Vec::new(),
        alignment: 32,
    };
    file.text("general.architecture", &format!("llama{ESCAPES}"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("esc\u{1b}[31m.gguf");
    std::fs::write(&path, file.bytes()).unwrap();
    for json in [&[][..], &["--json"]] {
        let output = Command::cargo_bin("edgegen")
            .unwrap()
            .arg("inspect")
            .arg(&path)
            .args(json)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        for text in [output.stdout, output.stderr] {
            let text = String::from_utf8(text).unwrap();
            assert_plain("output", &text);
            assert!(!text.lines().any(|line| line.starts_with("error: fake")));
        }
    }
}
