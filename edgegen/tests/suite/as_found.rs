//! Files that others write, and that are read as llama.cpp or transformers read them.

use std::path::{Path, PathBuf};

use edgegen::error::Result;
use edgegen::import::tokenizer::gguf::{GgufTokenizer, from_gguf};
use edgegen::import::{Beside, files_of, import};
use edgegen::model::{Model, RopeScaling};
use serde_json::json;

use crate::common::gguf::Gguf;
use crate::common::hf::Folder;
use crate::common::split::Split;
use crate::common::{Shape, Tiny, assert_refused, vocabulary};

fn tiny() -> Tiny {
    Tiny::new(Shape::default(), 1)
}

fn gguf(change: impl FnOnce(&mut Gguf)) -> Result<Model> {
    let mut file = Gguf::new(&tiny());
    change(&mut file);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, file.bytes()).unwrap();
    import(&path)
}

fn folder(change: impl FnOnce(&Path)) -> Result<Model> {
    let place = tempfile::tempdir().unwrap();
    Folder::new(&tiny()).write(place.path());
    change(place.path());
    import(place.path())
}

fn numbers(file: &mut Gguf, key: &str, kind: u32, values: &[[u8; 4]]) {
    file.array(key, kind, values.len(), values.concat());
}

#[test]
fn what_says_the_same_is_the_same() {
    let usual = gguf(|_| ()).unwrap();
    let scores = || vocabulary::pieces(272).into_iter().map(|piece| piece.score);
    type Change = Box<dyn FnOnce(&mut Gguf)>;
    let changes: Vec<(&str, Change)> = vec![
        (
            "a NUL after a text",
            Box::new(|f| f.text("general.architecture", "llama\0")),
        ),
        (
            "bytes that are no text, and that nobody reads",
            Box::new(|f| {
                let bytes = [&1u64.to_le_bytes()[..], &[0xFF]].concat();
                f.set("general.description", 8, bytes.clone());
                f.set("general.license.link", 8, bytes.clone());
                f.array("general.tags", 8, 1, bytes);
            }),
        ),
        (
            "a number for each layer",
            Box::new(|f| {
                let layers = [2u32.to_le_bytes(); 2];
                numbers(f, "llama.attention.head_count_kv", 4, &layers);
                numbers(f, "llama.feed_forward_length", 4, &[64u32.to_le_bytes()]);
            }),
        ),
        (
            "a factor of 0",
            Box::new(|f| f.f32("llama.rope.scaling.factor", 0.0)),
        ),
        (
            "an old factor of 0",
            Box::new(|f| f.f32("llama.rope.scale_linear", 0.0)),
        ),
        (
            "no factor",
            Box::new(|f| f.text("llama.rope.scaling.type", "linear")),
        ),
        (
            "scores of another type",
            Box::new(move |f| {
                let scores = scores().flat_map(|score| f64::from(score).to_le_bytes());
                f.array("tokenizer.ggml.scores", 12, 272, scores.collect());
            }),
        ),
        (
            "scores of whole numbers",
            Box::new(move |f| {
                let scores = scores().flat_map(|score| (score as i32).to_le_bytes());
                f.array("tokenizer.ggml.scores", 5, 272, scores.collect());
            }),
        ),
        (
            "tokens of an undefined kind",
            Box::new(|f| {
                let kinds = vocabulary::pieces(272).into_iter().map(|piece| piece.kind);
                let kinds = kinds.map(|kind| if kind == 1 { 0 } else { kind });
                let kinds: Vec<[u8; 4]> = kinds.map(i32::to_le_bytes).collect();
                numbers(f, "tokenizer.ggml.token_type", 5, &kinds);
            }),
        ),
        (
            "no ids of BOS and EOS, which are 1 and 2",
            Box::new(|f| {
                f.remove("tokenizer.ggml.bos_token_id");
                f.remove("tokenizer.ggml.eos_token_id");
            }),
        ),
    ];
    for (what, change) in changes {
        let found = gguf(change).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(found.architecture(), usual.architecture(), "{what}");
        assert_eq!(found.tokenizer(), usual.tokenizer(), "{what}");
    }
    let yarn = |f: &mut Gguf| f.text("llama.rope.scaling.type", "yarn");
    let rope = gguf(yarn).unwrap().architecture().rope.clone().unwrap();
    assert!(matches!(
        rope.scaling,
        RopeScaling::Yarn { factor: 1.0, .. }
    ));
    // A name is only shown.
    let name = [&2u64.to_le_bytes()[..], &[b'a', 0xFF]].concat();
    let named = gguf(|f| f.set("general.name", 8, name)).unwrap();
    assert_eq!(named.name(), "a\u{fffd}");
}

#[test]
fn weights_of_an_adapter_in_a_model_are_called_so() {
    let mut folder = Folder::new(&tiny());
    let name = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight";
    folder.add(name, "F32", &[2, 32]);
    let refused = folder.import();
    assert_refused(
        "adapter",
        refused,
        "model.safetensors: ",
        name,
        "of a LoRA adapter",
    );
}

#[test]
fn an_id_that_no_token_has_is_of_no_use() {
    for id in [u32::MAX, 272] {
        let model = gguf(|f| {
            f.u32("tokenizer.ggml.bos_token_id", id);
            f.u32("tokenizer.ggml.eos_token_id", id);
            f.u32("tokenizer.ggml.eot_token_id", id);
        });
        let model = model.unwrap();
        let tokenizer = model.tokenizer();
        assert_eq!((tokenizer.bos(), tokenizer.eos()), (None, None));
        assert!(!tokenizer.add_bos());
        // </s>, by its name.
        assert_eq!(tokenizer.stop(), [2]);
        let ids = ["bos", "eos", "eot"].map(|name| format!("`tokenizer.ggml.{name}_token_id`"));
        let note = format!("ids that no token has are ignored: {}", ids.join(", "));
        assert_eq!(model.notes(), [note]);
    }
    let more = gguf(|f| {
        f.u32("tokenizer.ggml.eot_token_id", 260);
        f.u32("tokenizer.ggml.eom_token_id", 261);
    });
    let more = more.unwrap();
    assert_eq!(more.tokenizer().stop(), [2, 260, 261]);
    assert_eq!(more.notes(), [""; 0]);

    let generation = |ids: &'static str| {
        let text = format!(r#"{{"eos_token_id": {ids}}}"#);
        folder(|place| std::fs::write(place.join("generation_config.json"), text).unwrap()).unwrap()
    };
    let beyond = generation("[5, 272]");
    assert_eq!(beyond.tokenizer().stop(), [2, 5]);
    let note = "ids that no token has are ignored: `generation_config.json eos_token_id`";
    assert_eq!(beyond.notes(), [note]);
    // None.
    assert_eq!(generation("-1").notes(), [""; 0]);
}

#[test]
fn a_merge_of_strangers_is_ignored_and_of_equal_ones_the_first_counts() {
    let tokens = ["a", "b", "c", "ab", "bc", "abc"];
    let file = |merges: &[&'static str]| {
        from_gguf(&GgufTokenizer {
            model: "gpt2",
            pre: Some("gpt-2"),
            tokens: tokens.to_vec(),
            merges: Some(merges.to_vec()),
            ..GgufTokenizer::default()
        })
        .unwrap()
    };
    let found = file(&["x b", "b c", "a x", "ab", "", "a ", "a b", "b c", "a bc"]);
    assert_eq!(found.tables().encode("abc", false), [5]);
    assert_eq!(found.merges().len(), 3);
    assert_eq!(
        file(&["a b", "b c", "a b"]).tables().encode("abc", false),
        [3, 2]
    );
}

/// llama.cpp's rule for the model's name; `<s>` is one of the exceptions.
#[test]
fn tokens_of_phi_3_take_the_white_space_after_them() {
    let mut pieces = vocabulary::pieces(272);
    pieces[271].text = "<|end|>".into();
    pieces[271].kind = 3;
    let tokenizer = |name| {
        let file = GgufTokenizer {
            model: "llama",
            tokens: pieces.iter().map(|piece| piece.text.as_str()).collect(),
            scores: Some(pieces.iter().map(|piece| piece.score).collect()),
            token_type: Some(pieces.iter().map(|piece| piece.kind).collect()),
            name,
            ..GgufTokenizer::default()
        };
        from_gguf(&file).unwrap()
    };
    let encode = |name, text| tokenizer(name).tables().encode(text, true);
    for name in ["Phi-3 Mini", "phi3"] {
        assert_eq!(encode(Some(name), "<|end|> "), [271]);
        assert_eq!(encode(Some(name), "<s> "), [1, 262, 262]);
    }
    assert_eq!(encode(Some("Phi 4"), "<|end|> "), [271, 262, 262]);
}

/// Writes the files of a split model but one; returns the path of the first.
fn write(split: &Split, place: &Path, but: usize) -> PathBuf {
    let paths = split.files().map(|(name, bytes)| (place.join(name), bytes));
    let paths: Vec<(PathBuf, Vec<u8>)> = paths.collect();
    for (number, (path, bytes)) in paths.iter().enumerate() {
        if number + 1 != but {
            std::fs::write(path, bytes).unwrap();
        }
    }
    paths[0].0.clone()
}

#[test]
fn a_model_in_several_files_is_one() {
    let place = tempfile::tempdir().unwrap();
    let first = write(&Split::new(&tiny()), place.path(), 0);
    let whole = gguf(|_| ()).unwrap();
    // The folder of the files does, too.
    for path in [&first, place.path()] {
        let model = import(path).unwrap();
        assert_eq!(model.architecture(), whole.architecture());
        for (&key, tensor) in whole.tensors() {
            assert_eq!(
                model.tensor(key).unwrap().bytes(),
                tensor.bytes(),
                "{key:?}"
            );
        }
        assert_eq!(model.tensors().len(), whole.tensors().len());
        assert_eq!(files_of(path, &Beside::default()).unwrap().len(), 3);
    }
}

#[test]
fn files_of_different_models_are_not_one() {
    type Case = (usize, fn(&mut Split), &'static str, &'static str);
    let cases: [Case; 6] = [
        (2, |_| (), "m-00002-of-00003.gguf: ", "is not there"),
        (
            0,
            |s| s.0[2].set("split.no", 2, vec![1, 0]),
            "m-00003-of-00003.gguf: split.no: ",
            "it is 1, the name makes it 2",
        ),
        (
            0,
            |s| s.0[1].set("split.count", 2, vec![4, 0]),
            "m-00002-of-00003.gguf: split.count: ",
            "it is 4",
        ),
        (
            0,
            |s| s.0[0].set("split.count", 2, vec![4, 0]),
            "m-00001-of-00003.gguf: split.count: ",
            "split over 4 files",
        ),
        (
            0,
            |s| s.0[0].u32("split.tensors.count", 99),
            "split.tensors.count: ",
            "this key says 99",
        ),
        (
            0,
            |s| s.0[2] = s.0[1].clone(),
            "m-00003-of-00003.gguf: split.no: ",
            "it is 1",
        ),
    ];
    for (but, spoil, file, problem) in cases {
        let place = tempfile::tempdir().unwrap();
        let mut split = Split::new(&tiny());
        spoil(&mut split);
        let first = write(&split, place.path(), but);
        assert_refused(problem, import(&first), file, "", problem);
    }
    let place = tempfile::tempdir().unwrap();
    let first = write(&Split::new(&tiny()), place.path(), 0);
    let second = first.with_file_name("m-00002-of-00003.gguf");
    let refused = import(&second).unwrap_err().to_string();
    assert!(refused.contains("m-00001-of-00003.gguf"), "{refused}");
}

#[test]
fn json_is_read_as_python_reads_it() {
    let with = |name: &'static str, change: fn(String) -> String| {
        folder(|place| {
            let text = std::fs::read_to_string(place.join(name)).unwrap();
            std::fs::write(place.join(name), change(text)).unwrap();
        })
    };
    for name in ["config.json", "tokenizer.json"] {
        with(name, |text| format!("\u{feff}{text}")).unwrap();
    }
    with("config.json", |text| {
        text.replacen('{', r#"{"vocab_size": 5,"#, 1)
    })
    .unwrap();
    let generation = r#"{"eos_token_id": 5, "eos_token_id": 6}"#;
    let model = folder(|place| {
        std::fs::write(place.join("generation_config.json"), generation).unwrap();
    });
    assert_eq!(model.unwrap().tokenizer().stop(), [2, 6]);
}

#[test]
fn an_error_names_the_file_that_it_is_in() {
    let put = |name: &'static str, text: &'static str| {
        folder(|place| std::fs::write(place.join(name), text).unwrap())
    };
    for (name, text, problem) in [
        ("config.json", "{}", "missing"),
        (
            "generation_config.json",
            r#"{"eos_token_id": "x"}"#,
            "cannot be read",
        ),
        (
            "tokenizer_config.json",
            r#"{"eos_token": 5}"#,
            "cannot be read",
        ),
        (
            "tokenizer_config.json",
            r#"{"chat_template": 5}"#,
            "cannot be read",
        ),
        (
            "tokenizer.json",
            r#"{"model": {"type": "BPE"}}"#,
            "cannot be read",
        ),
        (
            "tokenizer.json",
            r#"{"model": {"type": "Unigram", "vocab": [["a", -1.0]]}}"#,
            "the tokenizer type \"Unigram\" is not supported",
        ),
        (
            "tokenizer.json",
            r#"{"model": {"type": "WordPiece", "vocab": {"a": 0}, "max_input_chars_per_word": 9}}"#,
            "the tokenizer type \"WordPiece\" is not supported",
        ),
    ] {
        assert_refused(name, put(name, text), &format!("/{name}: "), "", problem);
    }
    // A tensor that has no place in the network.
    let place = tempfile::tempdir().unwrap();
    let mut files = Folder::new(&tiny());
    files.tensors[0].0 = "model.odd.weight".into();
    files.write(place.path());
    let file = "/model.safetensors: ";
    assert_refused(
        file,
        import(place.path()),
        file,
        "model.odd.weight",
        "no part",
    );
    files.tensors[0].0 = "model.embed_tokens.weight".into();
    files.config["vocab_size"] = json!(100);
    files.write(place.path());
    assert_refused(
        file,
        import(place.path()),
        file,
        "model.embed_tokens.weight",
        "shape",
    );
}
