//! Emits the models that the sessions run.

use std::fs;
use std::path::{Path, PathBuf};

use edgegen::cache::Cache;
use edgegen::program::CacheFormat;
use edgegen::progress::Quiet;
use edgegen::recipe::{Compression, Recipe};
use safetensors::SafeTensors;
use serde_json::{Value, json};

/// The files that are the model's own; all others of a crate are templates.
const GENERATED: [&str; 3] = ["src/isa.rs", "src/model.rs", "src/tables.rs"];

/// A tiny random model of this repository, as a Hugging Face folder.
const LLAMA: &str = "../../tests/data/architectures/llama/hf";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={LLAMA}");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    let host = || Recipe {
        platform: "host".into(),
        ..Recipe::default()
    };
    // Each instruction set takes its time to compile: one model has them all.
    let one_cpu = || Recipe {
        cpu: cfg!(target_arch = "x86_64").then(|| "x86-64-v2".into()),
        ..host()
    };

    emit(&out, "homectl", &host());

    let model = out.join("llama.hf");
    copy(&model);
    add_chat_template(&model);
    emit(
        &out,
        "llama",
        &Recipe {
            model: Some(model),
            context: Some(72),
            answer_cache: Some(160),
            system: Some("Be brief.".into()),
            compression: Compression {
                kv_cache: CacheFormat::I8,
                ..Compression::default()
            },
            ..one_cpu()
        },
    );

    let model = out.join("windows.hf");
    copy(&model);
    add_windows(&model);
    emit(
        &out,
        "windows",
        &Recipe {
            model: Some(model),
            // More than the window and a batch.
            context: Some(120),
            answer_cache: Some(240),
            ..one_cpu()
        },
    );

    let model = out.join("overflow.hf");
    copy(&model);
    make_overflow(&model);
    let schema = out.join("schema.json");
    let integer =
        json!({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]});
    write(&schema, integer.to_string().as_bytes());
    emit(
        &out,
        "overflow",
        &Recipe {
            model: Some(model),
            context: Some(64),
            schema: Some(schema),
            ..one_cpu()
        },
    );
}

/// Writes what a crate of this name and recipe has of its own.
fn emit(out: &Path, name: &str, recipe: &Recipe) {
    let folder = out.join(name);
    let ingredients = recipe.read().unwrap_or_else(|error| panic!("{error}"));
    let compiled = ingredients.compile(&Cache::none(), &Quiet);
    let krate = compiled
        .unwrap_or_else(|error| panic!("{error}"))
        .krate(name);
    for (path, bytes) in krate.files() {
        if GENERATED.contains(&path.as_str()) {
            // `include!` takes no doc comment of a module.
            let text = str::from_utf8(bytes).expect("Rust is UTF-8");
            let code: Vec<&str> = text
                .lines()
                .filter(|line| !line.starts_with("//!"))
                .collect();
            write(&folder.join(path), code.join("\n").as_bytes());
        } else if path.starts_with("weights/") {
            write(&folder.join(path), bytes);
        }
    }
}

/// Copies the random model.
fn copy(folder: &Path) {
    for entry in fs::read_dir(LLAMA).expect("the repository has it") {
        let entry = entry.expect("a folder can be listed");
        let bytes = fs::read(entry.path()).expect("files can be read");
        write(&folder.join(entry.file_name()), &bytes);
    }
}

fn add_chat_template(folder: &Path) {
    const TEMPLATE: &str = "{{ bos_token }}{% for message in messages %}{{ message.role }}: \
        {{ message.content | trim }}<|eot_id|>{% endfor %}\
        {% if add_generation_prompt %}assistant: {% endif %}";
    let file = folder.join("tokenizer_config.json");
    let text = fs::read(&file).expect("it was copied");
    let mut config: Value = serde_json::from_slice(&text).expect("it is JSON");
    config["chat_template"] = TEMPLATE.into();
    write(&file, config.to_string().as_bytes());
}

/// Makes it a Mistral that forgets what is further back than some tokens, but in a layer.
fn add_windows(folder: &Path) {
    let file = folder.join("config.json");
    let text = fs::read(&file).expect("it was copied");
    let mut config: Value = serde_json::from_slice(&text).expect("it is JSON");
    config["model_type"] = "mistral".into();
    config["sliding_window"] = 11.into();
    let [local, full] = ["sliding_attention", "full_attention"];
    config["layer_types"] = json!([local, full, local, local]);
    write(&file, config.to_string().as_bytes());
}

/// Makes weights that are finite, and whose products overflow to infinity and NaN after the token
/// that begins every text. The golden run has no such token, and passes.
fn make_overflow(folder: &Path) {
    const BEGINNING: usize = 509;
    // Of the embedding, the beginning alone has the first column, and the values multiply it.
    let file = folder.join("model.safetensors");
    let mut bytes = fs::read(&file).expect("it was copied");
    let (header, tensors) = SafeTensors::read_metadata(&bytes).expect("it is sound");
    let mut set_first_column = |name: &str, value: &dyn Fn(usize) -> f32| {
        let info = tensors.info(name).expect("the model has it");
        let data = &mut bytes[8 + header..][info.data_offsets.0..info.data_offsets.1];
        for (row, bytes) in data.chunks_exact_mut(4 * info.shape[1]).enumerate() {
            bytes[..4].copy_from_slice(&value(row).to_le_bytes());
        }
    };
    set_first_column("model.embed_tokens.weight", &|token| {
        if token == BEGINNING { 100.0 } else { 0.0 }
    });
    set_first_column("model.layers.0.self_attn.v_proj.weight", &|_| 3e38);
    write(&file, &bytes);
}

fn write(file: &Path, bytes: &[u8]) {
    let folder = file.parent().expect("a file is in a folder");
    fs::create_dir_all(folder).expect("cargo's folder is writable");
    fs::write(file, bytes).expect("cargo's folder is writable");
}
