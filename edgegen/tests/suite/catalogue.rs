//! What is said to be read.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::gguf::Gguf;
use crate::common::{Shape, Tiny, assert_refused, hf};
use edgegen::import::import;
use serde_json::{Value, json};

/// What `edgegen models` prints.
fn printed(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_edgegen"))
        .arg("models")
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// `edgegen models > docs/models.md` makes it so.
#[test]
fn the_document_is_what_the_command_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/models.md");
    assert_eq!(fs::read_to_string(path).unwrap(), printed(&[]));
}

#[test]
fn programs_read_the_same() {
    let found: Value = serde_json::from_str(&printed(&["--json"])).unwrap();
    let row = |list: &str, at: usize| found[list][at].clone();
    assert_eq!(row("architectures", 1)["class"], "Qwen2ForCausalLM");
    let expected = json!({"name": "BF16", "bits_per_weight": 16.0, "kept_as": "f16"});
    assert_eq!(row("types", 2), expected);
    assert_eq!(row("tokenizers", 1)["gguf"][0], "gpt-2");
    assert_eq!(row("files", 0)["name"], "GGUF");
}

#[test]
fn an_unknown_architecture_is_told_the_nearest_and_where_all_are() {
    let tiny = Tiny::new(Shape::default(), 1);
    let place = tempfile::tempdir().unwrap();
    let gguf = |name: &str| {
        let mut file = Gguf::new(&tiny);
        file.text("general.architecture", name);
        let path = place.path().join("model.gguf");
        fs::write(&path, file.bytes()).unwrap();
        import(&path)
    };
    let folder = |name: &str| {
        let mut folder = hf::Folder::new(&tiny);
        folder.config["model_type"] = name.into();
        folder.write(place.path());
        import(place.path())
    };
    for (read, word, near) in [
        (&gguf as &dyn Fn(&str) -> _, "gpt-neox", Some("`gptneox`")),
        (&folder, "gpt-neox", Some("`gpt_neox`")),
        (&folder, "qwen4", Some("`qwen3`")),
        (&gguf, "rwkv7", None),
    ] {
        let message = read(word).unwrap_err().to_string();
        assert_refused(
            word,
            read(word),
            "",
            "",
            &format!("`{word}` is not supported"),
        );
        assert!(message.contains("`edgegen models` lists"), "{message}");
        assert_eq!(message.contains("nearest"), near.is_some(), "{message}");
        assert!(message.contains(near.unwrap_or_default()), "{message}");
    }
}
