//! Model files: whatever they hold, importing ends soon, in a model that holds together or in a
//! refusal that names the file and a remedy.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Instant;

use arbitrary::{Result, Unstructured};
use edgegen::compress::compress;
use edgegen::import::{self, Beside};
use edgegen::inspect::inspect;
use edgegen::interpret::{Interpreter, Observer};
use edgegen::model::{DType, Model};
use edgegen::plan::{Request, plan};
use edgegen::profile::Profile;
use serde_json::{Value, json};

use crate::common::gguf::{Entry, Gguf};
use crate::common::hf::Folder;
use crate::common::{Scaling, Shape, Tiny, llama2c as checkpoint};
use crate::faults::{number, spoil_bytes, spoil_json, text};
use crate::input::{Input, assert_helpful, assert_printable, with_folder};
use crate::safetensors::{header, spoil_header};
use crate::tokenizer::assert_sound;

/// Tokens of the tiny models.
pub const VOCAB: usize = 266;

/// A model of a few kilobytes.
pub fn small() -> Shape {
    Shape {
        hidden: 8,
        intermediate: 8,
        layers: 1,
        heads: 2,
        kv_heads: 1,
        head_dim: 4,
        rope_dim: 4,
        vocab: VOCAB,
        context: 8,
        ..Shape::default()
    }
}

fn in_blocks() -> Shape {
    Shape {
        hidden: 32,
        intermediate: 32,
        heads: 1,
        head_dim: 32,
        rope_dim: 32,
        dtype: DType::Q4_1,
        ..small()
    }
}

/// A GGUF file.
pub fn gguf(data: &[u8]) {
    let bytes = match Input::new(data) {
        Input::File(bytes) => Ok(bytes.to_vec()),
        Input::Recipe(kind, u) => gguf_file(kind, u),
    };
    with_folder(|folder| {
        let path = folder.join("x.gguf");
        std::fs::write(&path, bytes.unwrap_or_default()).unwrap();
        judge(&path, &Beside::default());
    });
}

static GGUF: LazyLock<[Gguf; 3]> = LazyLock::new(|| {
    let yarn = Scaling::Yarn {
        factor: 2.0,
        original: 4,
    };
    let untied = Shape {
        attention_bias: true,
        tied: false,
        scaling: yarn,
        ..small()
    };
    [small(), in_blocks(), untied].map(|shape| Gguf::new(&Tiny::new(shape, 1)))
});

pub fn gguf_files() -> Vec<Vec<u8>> {
    GGUF.iter().map(Gguf::bytes).collect()
}

fn gguf_file(kind: u8, mut u: Unstructured<'_>) -> Result<Vec<u8>> {
    let u = &mut u;
    let mut file = GGUF[usize::from(kind) % GGUF.len()].clone();
    for _ in 0..u.int_in_range(0..=3)? {
        match u.int_in_range(0..=4)? {
            0 => file.version = number(u)? as u32,
            1 => file.alignment = 1 << u.int_in_range(0..=8)?,
            2 | 3 => spoil_key(u, &mut file)?,
            _ => spoil_tensor(u, &mut file)?,
        }
    }
    let (header, mut bytes) = file.write();
    if u.ratio(1, 3)? {
        spoil_bytes(u, &mut bytes, header)?;
    }
    Ok(bytes)
}

fn spoil_key(u: &mut Unstructured<'_>, file: &mut Gguf) -> Result<()> {
    if file.keys.is_empty() {
        return Ok(());
    }
    let at = u.choose_index(file.keys.len())?;
    let (name, kind, value) = &mut file.keys[at];
    match u.int_in_range(0..=6)? {
        0 => *name = text(u)?,
        1 => *kind = number(u)? as u32,
        2 => *value = number(u)?.to_le_bytes()[..value.len().min(8)].to_vec(),
        3 => {
            let within = value.len().min(64);
            spoil_bytes(u, value, within)?;
        }
        4 => {
            let text = text(u)?;
            *kind = 8;
            *value = [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
        }
        5 => drop(file.keys.remove(at)),
        _ => {
            let again = file.keys[at].clone();
            file.keys.push(again);
        }
    }
    Ok(())
}

fn spoil_tensor(u: &mut Unstructured<'_>, file: &mut Gguf) -> Result<()> {
    if file.tensors.is_empty() {
        return Ok(());
    }
    let at = u.choose_index(file.tensors.len())?;
    let Entry {
        name,
        dims,
        kind,
        bytes,
        offset,
    } = &mut file.tensors[at];
    match u.int_in_range(0..=7)? {
        0 => *name = text(u)?,
        1 => dims.push(number(u)?),
        2 if !dims.is_empty() => {
            let at = u.choose_index(dims.len())?;
            dims[at] = number(u)?;
        }
        3 => *kind = u.int_in_range(0..=40)?,
        4 => *offset = Some(number(u)?),
        5 => {
            let within = bytes.len();
            spoil_bytes(u, bytes, within)?;
        }
        6 => drop(file.tensors.remove(at)),
        _ => {
            let again = file.tensors[at].clone();
            file.tensors.push(again);
        }
    }
    Ok(())
}

/// A llama2.c checkpoint, with its tokenizer beside it.
pub fn llama2c(data: &[u8]) {
    let files = match Input::new(data) {
        Input::File(bytes) => Ok((bytes.to_vec(), checkpoint::tokenizer(VOCAB))),
        Input::Recipe(kind, u) => llama2c_files(kind, u),
    };
    let (model, tokenizer) = files.unwrap_or_default();
    with_folder(|folder| {
        let path = folder.join("x.bin");
        std::fs::write(&path, model).unwrap();
        std::fs::write(folder.join("tokenizer.bin"), tokenizer).unwrap();
        judge(&path, &Beside::default());
    });
}

static CHECKPOINTS: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let groups = Shape {
        dtype: DType::Q8Groups { group_size: 8 },
        ..small()
    };
    [
        checkpoint::version_0(&Tiny::new(small(), 1)),
        checkpoint::version_2(&Tiny::new(groups, 1)),
    ]
});

pub fn llama2c_checkpoints() -> Vec<Vec<u8>> {
    CHECKPOINTS.to_vec()
}

fn llama2c_files(kind: u8, mut u: Unstructured<'_>) -> Result<(Vec<u8>, Vec<u8>)> {
    let u = &mut u;
    let mut model = CHECKPOINTS[usize::from(kind) % 2].clone();
    let mut tokenizer = checkpoint::tokenizer(VOCAB);
    match kind {
        0 | 1 => spoil_bytes(u, &mut model, 48)?,
        2 | 3 => {
            // A size, consistent or not.
            let at = 4 * (u.int_in_range(0..=6)? + 2 * usize::from(kind % 2));
            model[at..at + 4].copy_from_slice(&(number(u)? as u32).to_le_bytes());
        }
        4 | 5 => {
            let within = tokenizer.len();
            spoil_bytes(u, &mut tokenizer, within)?;
        }
        _ => {
            let within = model.len();
            spoil_bytes(u, &mut model, within)?;
        }
    }
    Ok((model, tokenizer))
}

/// A Hugging Face folder; a file by itself is its `model.safetensors`.
pub fn hf_folder(data: &[u8]) {
    let files = match Input::new(data) {
        Input::File(bytes) => {
            let mut files = folder();
            files[2].1 = bytes.to_vec();
            Ok(files)
        }
        Input::Recipe(kind, u) => hf_files(kind, u),
    };
    with_folder(|folder| {
        for (name, bytes) in files.unwrap_or_default() {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
        judge(folder, &Beside::default());
    });
}

pub fn safetensors_files() -> Vec<Vec<u8>> {
    vec![folder().swap_remove(2).1]
}

/// Names and contents.
pub type Files = Vec<(&'static str, Vec<u8>)>;

/// The files that a folder may have.
fn folder() -> Files {
    static FILES: LazyLock<Files> = LazyLock::new(|| {
        let good = Folder::new(&Tiny::new(small(), 1));
        let config = json!({
            "bos_token": "<s>", "eos_token": {"content": "</s>"}, "add_bos_token": true,
            "tokenizer_class": "LlamaTokenizer",
            "chat_template":
                "{% for m in messages %}<{{ m.role }}> {{ m.content }}{% endfor %}</s>",
        });
        vec![
            ("config.json", good.config.to_string().into_bytes()),
            ("tokenizer.json", good.tokenizer.to_string().into_bytes()),
            ("model.safetensors", good.safetensors()),
            ("tokenizer_config.json", config.to_string().into_bytes()),
            (
                "generation_config.json",
                json!({"eos_token_id": [2]}).to_string().into_bytes(),
            ),
        ]
    });
    FILES.clone()
}

fn hf_files(kind: u8, mut u: Unstructured<'_>) -> Result<Files> {
    let u = &mut u;
    let mut files = folder();
    match kind {
        5 => {
            let mut index = json!({"weight_map": weight_map(&files[2].1)});
            spoil_json(u, &mut index)?;
            files[2].0 = "a.safetensors";
            files.push(("model.safetensors.index.json", index.to_string().into()));
        }
        6 => {
            let file = u.choose_index(files.len())?;
            let within = files[file].1.len().min(2000);
            spoil_bytes(u, &mut files[file].1, within)?;
        }
        7 => drop(files.remove(u.choose_index(files.len())?)),
        2 => spoil_header(u, &mut files[2].1)?,
        _ => {
            let text = &mut files[usize::from(kind)].1;
            let mut value: Value = serde_json::from_slice(text).expect("JSON");
            spoil_json(u, &mut value)?;
            *text = value.to_string().into();
        }
    }
    Ok(files)
}

fn weight_map(safetensors: &[u8]) -> Value {
    let header = header(safetensors);
    let names = header.as_object().expect("an object").keys();
    names
        .map(|name| (name.clone(), json!("a.safetensors")))
        .collect()
}

struct Silent;

impl Observer for Silent {}

/// Imports, and runs what is a model. All files are in one folder.
pub fn judge(path: &Path, beside: &Beside) {
    let start = Instant::now();
    match import::import_with(path, beside) {
        Err(error) => {
            assert_helpful(&error);
            let folder = path.ancestors().find(|folder| folder.is_dir());
            let folder = folder.expect("it was written there").display().to_string();
            let text = error.to_string();
            assert!(text.starts_with(&folder), "no file in: {text}");
        }
        Ok(model) => run(&model),
    }
    assert!(start.elapsed().as_secs() < 10, "took {:?}", start.elapsed());
}

fn run(model: &Model) {
    assert_printable(&inspect(model).to_string());
    assert_sound(model.tokenizer(), "ab b\u{4E00}é 1234\n");
    for profile in [Profile::load("host"), Profile::load("esp32")] {
        let profile = profile.expect("a built-in one");
        let request = Request {
            context: Some(model.architecture().max_position_embeddings.min(4)),
            ..Request::default()
        };
        let program =
            plan(model, &profile, &request).and_then(|plan| compress(model, &plan, &|_, _| {}));
        match program {
            Err(error) => assert_helpful(&error),
            Ok(program) => Interpreter::new(&program, 1).feed(&[0], &mut Silent),
        }
    }
}
