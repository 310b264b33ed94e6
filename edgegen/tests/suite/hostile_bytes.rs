//! Whatever bytes a file holds, importing ends soon, without a panic, in a model or in a
//! refusal that names the file and a remedy; and a model can be run.

use std::path::Path;
use std::time::Instant;

use crate::common::gguf::Gguf;
use crate::common::hf::Folder;
use crate::common::{Shape, Tiny, llama2c, lora};
use edgegen::compress::compress;
use edgegen::error::Result;
use edgegen::import::{Adapter, Beside, import, import_with};
use edgegen::interpret::{Interpreter, Observer};
use edgegen::model::{DType, Model};
use edgegen::plan::{Request, plan};
use edgegen::profile::Profile;
use proptest::prelude::*;

/// A change of a file.
#[derive(Debug, Clone)]
enum Change {
    Byte(prop::sample::Index, u8),
    /// A number that breaks arithmetic, little-endian.
    Number(prop::sample::Index, u64),
    Cut(prop::sample::Index),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let at = any::<prop::sample::Index>;
    let number = prop::sample::select(vec![
        0,
        1,
        2,
        0x7F,
        0xFF,
        0x7FFF_FFFF,
        0xFFFF_FFFF,
        1 << 31,
        1 << 32,
        1 << 62,
        1 << 63,
        u64::MAX,
        u64::MAX - 31,
        0x7F80_0000,
        0x7FC0_0000,
    ]);
    let change = prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        4 => (at(), number).prop_map(|(at, number)| Change::Number(at, number)),
        1 => at().prop_map(Change::Cut),
        1 => (at(), 1usize..40).prop_map(|(at, count)| Change::Remove(at, count)),
        1 => (at(), 1usize..40).prop_map(|(at, count)| Change::Repeat(at, count)),
    ];
    prop::collection::vec(change, 1..4)
}

/// Changes the first `within` bytes, where the structure is.
fn apply(bytes: &mut Vec<u8>, within: usize, changes: &[Change]) {
    for change in changes {
        let within = within.min(bytes.len());
        if within == 0 {
            return;
        }
        match change {
            Change::Byte(at, byte) => bytes[at.index(within)] = *byte,
            Change::Number(at, number) => {
                let at = at.index(within);
                let end = (at + 8).min(bytes.len());
                bytes[at..end].copy_from_slice(&number.to_le_bytes()[..end - at]);
            }
            Change::Cut(at) => bytes.truncate(at.index(within)),
            Change::Remove(at, count) => {
                let at = at.index(within);
                bytes.drain(at..(at + count).min(bytes.len()));
            }
            Change::Repeat(at, count) => {
                let at = at.index(within);
                let part = bytes[at..(at + count).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
}

struct Silent;

impl Observer for Silent {}

/// Imports, and runs what is a model.
fn survive(path: &Path) {
    survive_as(path, || import(path));
}

/// Reads files below `path`, and runs what is a model.
fn survive_as(path: &Path, read: impl FnOnce() -> Result<Model>) {
    let start = Instant::now();
    match read() {
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains("help: "), "no remedy in: {text}");
            let folder = if path.is_dir() {
                path
            } else {
                path.parent().unwrap()
            };
            assert!(
                text.starts_with(&folder.display().to_string()),
                "no file in: {text}"
            );
        }
        Ok(model) => {
            let profile = Profile::built_in().last().unwrap();
            if let Ok(plan) = plan(&model, &profile, &Request::default())
                && let Ok(program) = compress(&model, &plan, &|_, _| {})
            {
                Interpreter::new(&program, 1).feed(&[0], &mut Silent);
            }
        }
    }
    assert!(start.elapsed().as_secs() < 10, "took {:?}", start.elapsed());
}

fn small() -> Shape {
    Shape {
        layers: 1,
        context: 8,
        ..Shape::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn gguf(changes in changes(), whole in any::<bool>(), block in any::<bool>()) {
        let dtype = if block { DType::Q4_1 } else { DType::F32 };
        let (header, mut bytes) = Gguf::new(&Tiny::new(Shape { dtype, ..small() }, 1)).write();
        let within = if whole { bytes.len() } else { header };
        apply(&mut bytes, within, &changes);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.gguf");
        std::fs::write(&path, bytes).unwrap();
        survive(&path);
    }

    /// The keys before the long lists of the tokenizer, where each byte matters.
    #[test]
    fn gguf_configuration(changes in changes()) {
        let mut bytes = Gguf::new(&Tiny::new(small(), 1)).bytes();
        apply(&mut bytes, 900, &changes);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.gguf");
        std::fs::write(&path, bytes).unwrap();
        survive(&path);
    }

    #[test]
    fn llama2c_checkpoints(changes in changes(), second in any::<bool>(), whole in any::<bool>()) {
        let mut bytes = if second {
            let dtype = DType::Q8Groups { group_size: 16 };
            llama2c::version_2(&Tiny::new(Shape { dtype, ..small() }, 1))
        } else {
            llama2c::version_0(&Tiny::new(small(), 1))
        };
        let within = if whole { bytes.len() } else { 48 };
        apply(&mut bytes, within, &changes);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.bin");
        std::fs::write(&path, bytes).unwrap();
        std::fs::write(folder.path().join("tokenizer.bin"), llama2c::tokenizer(272)).unwrap();
        survive(&path);
    }

    #[test]
    fn llama2c_tokenizers(changes in changes()) {
        let mut bytes = llama2c::tokenizer(272);
        let within = bytes.len();
        apply(&mut bytes, within, &changes);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.bin");
        std::fs::write(&path, llama2c::version_0(&Tiny::new(small(), 1))).unwrap();
        std::fs::write(folder.path().join("tokenizer.bin"), bytes).unwrap();
        survive(&path);
    }

    #[test]
    fn adapters(changes in changes(), weights in any::<bool>()) {
        let place = tempfile::tempdir().unwrap();
        let tiny = Tiny::new(small(), 1);
        Folder::new(&tiny).write(place.path());
        let folder = place.path().join("adapter");
        lora::Folder::new(&tiny, &["model.layers.0.self_attn.k_proj"], 1).write(&folder);
        let name = ["adapter_config.json", "adapter_model.safetensors"][usize::from(weights)];
        let mut bytes = std::fs::read(folder.join(name)).unwrap();
        let within = bytes.len();
        apply(&mut bytes, within, &changes);
        std::fs::write(folder.join(name), bytes).unwrap();
        let adapter = Adapter::parse(folder.as_os_str()).unwrap();
        let beside = Beside { lora: vec![adapter], ..Beside::default() };
        survive_as(place.path(), || import_with(place.path(), &beside));
    }

    #[test]
    fn folders(changes in changes(), which in 0usize..5) {
        let place = tempfile::tempdir().unwrap();
        let good = Folder::new(&Tiny::new(small(), 1));
        good.write(place.path());
        let file = |name: &str| place.path().join(name);
        let config = r#"{"bos_token": "<s>", "eos_token": {"content": "</s>"}, "add_bos_token": true,
            "tokenizer_class": "LlamaTokenizer",
            "chat_template": "{{ bos_token }}{% for m in messages %}<{{ m.role }}> {{ m.content }}{% endfor %}"}"#;
        std::fs::write(file("tokenizer_config.json"), config).unwrap();
        if which == 4 {
            std::fs::rename(file("model.safetensors"), file("a.safetensors")).unwrap();
            let map: std::collections::BTreeMap<&str, &str> =
                good.tensors.iter().map(|t| (t.0.as_str(), "a.safetensors")).collect();
            let index = serde_json::json!({"weight_map": map}).to_string();
            std::fs::write(file("model.safetensors.index.json"), index).unwrap();
        }
        let name = [
            "config.json", "tokenizer.json", "model.safetensors", "tokenizer_config.json",
            "model.safetensors.index.json",
        ][which];
        let mut bytes = std::fs::read(file(name)).unwrap();
        // Of the safetensors the header, which is the part with a structure.
        let within = if which == 2 { 1000 } else { bytes.len() };
        apply(&mut bytes, within, &changes);
        std::fs::write(file(name), bytes).unwrap();
        survive(place.path());
    }
}
