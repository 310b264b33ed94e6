//! LoRA adapters: a model with one is the model that PEFT would merge, from each format.

use std::fs;
use std::path::{Path, PathBuf};

use edgegen::error::Result;
use edgegen::import::{Adapter, Beside, import, import_with};
use edgegen::interpret::Interpreter;
use edgegen::model::{DType, Model, Role, TensorKey};
use edgegen::plan::{Quant, Request, plan};
use edgegen::profile::Profile;
use safetensors::SafeTensors;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::architectures::{ARCHITECTURES, Seen, ids, program, with_gguf};
use crate::common::hf::{self, safetensors};
use crate::common::lora::{Folder, RANK};
use crate::common::{Random, Shape, Tiny, assert_refused, data, gguf, llama2c, values};

fn adapters(texts: &[String]) -> Beside {
    let parsed = texts
        .iter()
        .map(|text| Adapter::parse(text.as_ref()).unwrap());
    Beside {
        lora: parsed.collect(),
        ..Beside::default()
    }
}

fn with(model: &Path, adapter: &Path) -> Result<Model> {
    import_with(model, &adapters(&[adapter.display().to_string()]))
}

/// What each position predicts.
fn logits(model: &Model, tokens: &[u32]) -> Vec<Vec<f32>> {
    let program = program(model);
    let mut found = Seen::default();
    Interpreter::new(&program, 2).feed(tokens, &mut found);
    found.logits
}

#[track_caller]
fn assert_near<'a>(
    what: &str,
    found: impl IntoIterator<Item = &'a f32>,
    expected: impl IntoIterator<Item = f64>,
    most: f64,
) {
    let mut found = found.into_iter();
    for (at, expected) in expected.into_iter().enumerate() {
        let found = f64::from(*found.next().unwrap());
        assert!(
            (found - expected).abs() < most,
            "{what}, {at}: {found}, not {expected}"
        );
    }
    assert_eq!(found.next(), None, "{what}");
}

/// Numpy's, in float64: `tests/data/README.md` says how they were made.
#[test]
fn logits_are_those_of_another_implementation() {
    let golden = data::json("lora/golden.json");
    let [first, second] = ["first", "second"].map(|name| data::file("lora").join(name));
    let first = first.display().to_string();
    for file in ["hf", "model.gguf"] {
        let path = data::file("architectures/llama").join(file);
        for (name, given) in [
            ("first", vec![first.clone()]),
            (
                "first and half of second",
                vec![first.clone(), format!("{}:0.5", second.display())],
            ),
        ] {
            let model = import_with(&path, &adapters(&given)).unwrap();
            for prompt in golden[name].as_array().unwrap() {
                let found = logits(&model, &ids(&prompt["ids"]));
                let expected = prompt["logits"].as_array().unwrap().iter();
                let expected = expected.map(|logit| logit.as_f64().unwrap());
                let what = format!("{file}, {name}");
                assert_near(&what, found.last().unwrap(), expected, 1e-4);
            }
        }
    }
}

/// A tensor of a model's folder: name, shape, values.
type Stored = (String, Vec<usize>, Vec<f32>);

fn stored(file: &Path) -> Vec<Stored> {
    let bytes = fs::read(file).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = file.tensors().into_iter().map(|(name, tensor)| {
        let data = tensor.data().chunks_exact(4);
        let values = data.map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
        (name, tensor.shape().to_vec(), values.collect())
    });
    tensors.collect()
}

/// An adapter of every matrix of a model, and the folder of the model that PEFT would merge.
fn adapt(folder: &Path, seed: u64, adapter: &Path, merged: &Path) {
    let config: Value =
        serde_json::from_slice(&fs::read(folder.join("config.json")).unwrap()).unwrap();
    let mut tensors = stored(&folder.join("model.safetensors"));
    let untied = tensors
        .iter()
        .any(|(name, ..)| ["lm_head.weight", "embed_out.weight"].contains(&name.as_str()));
    let mut random = Random(seed);
    let mut written = Folder::empty();
    for (name, shape, weights) in &mut tensors {
        let embedding = ["wte", "wpe", "embed_tokens", "embed_in"]
            .iter()
            .any(|part| name.contains(part));
        if shape.len() != 2
            || !name.ends_with(".weight")
            || (embedding && !untied && !name.contains("wpe"))
        {
            continue;
        }
        // Conv1D has columns for rows.
        let conv1d = config["model_type"] == "gpt2" && !embedding && !name.contains("lm_head");
        let (rows, cols) = match conv1d {
            true => (shape[1], shape[0]),
            false => (shape[0], shape[1]),
        };
        let mut matrix = |rows: usize, cols: usize| -> Vec<f32> {
            (0..rows * cols).map(|_| random.signed() * 0.3).collect()
        };
        let (a, b) = (matrix(RANK, cols), matrix(rows, RANK));
        for row in 0..rows {
            for col in 0..cols {
                let product =
                    (0..RANK).map(|k| f64::from(b[row * RANK + k]) * f64::from(a[k * cols + col]));
                let at = match conv1d {
                    true => col * rows + row,
                    false => row * cols + col,
                };
                weights[at] = (f64::from(weights[at]) + product.sum::<f64>()) as f32;
            }
        }
        let module = name.strip_suffix(".weight").unwrap();
        // The original's files leave it out, PEFT never does.
        let module = match config["model_type"] == "gpt2" && !module.starts_with("lm_head") {
            true => format!("transformer.{}", module.trim_start_matches("transformer.")),
            false => module.to_owned(),
        };
        let turned = |matrix: &[f32], rows: usize, cols: usize| -> Vec<f32> {
            let column = |col| (0..rows).map(move |row| matrix[row * cols + col]);
            (0..cols).flat_map(column).collect()
        };
        if embedding {
            let [turned_a, turned_b] = [turned(&b, rows, RANK), turned(&a, RANK, cols)];
            written.add(
                &format!("{module}.lora_embedding_A"),
                vec![RANK, rows],
                &turned_a,
            );
            written.add(
                &format!("{module}.lora_embedding_B"),
                vec![cols, RANK],
                &turned_b,
            );
        } else {
            written.add(&format!("{module}.lora_A.weight"), vec![RANK, cols], &a);
            written.add(&format!("{module}.lora_B.weight"), vec![rows, RANK], &b);
        }
    }
    written.write(adapter);
    fs::create_dir_all(merged).unwrap();
    for name in [
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "generation_config.json",
    ] {
        if folder.join(name).exists() {
            fs::copy(folder.join(name), merged.join(name)).unwrap();
        }
    }
    let tensors = tensors.into_iter().map(|(name, shape, values)| {
        let bytes = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        (name, "F32", shape, bytes)
    });
    let tensors: Vec<_> = tensors.collect();
    fs::write(merged.join("model.safetensors"), safetensors(&tensors)).unwrap();
}

#[test]
fn every_architecture_takes_one_from_both_formats() {
    // BitNet's weights are packed, so that nothing can be added to them in the folder.
    let floats = ARCHITECTURES.iter().filter(|name| **name != "bitnet");
    for (seed, name) in floats.enumerate() {
        let place = tempfile::tempdir().unwrap();
        let [adapter, merged] = ["adapter", "merged"].map(|name| place.path().join(name));
        let folder = data::file(&format!("architectures/{name}"));
        adapt(&folder.join("hf"), seed as u64, &adapter, &merged);
        let expected = import(&merged).unwrap();
        let found = with(&folder.join("hf"), &adapter).unwrap();
        assert!(
            found.tensors().keys().eq(expected.tensors().keys()),
            "{name}"
        );
        for &key in expected.tensors().keys() {
            let expected = values(&expected, key).into_iter().map(f64::from);
            assert_near(
                &format!("{name}, {key:?}"),
                &values(&found, key),
                expected,
                1e-6,
            );
        }
        if !with_gguf().contains(name) {
            continue;
        }
        // Fewer than any window has.
        let tokens = [3, 50, 7, 120, 9];
        let expected = logits(&expected, &tokens);
        let found = logits(
            &with(&folder.join("model.gguf"), &adapter).unwrap(),
            &tokens,
        );
        let before = logits(&import(&folder.join("hf")).unwrap(), &tokens);
        for ((found, expected), before) in found.iter().zip(&expected).zip(&before) {
            let expected = || expected.iter().map(|&logit| f64::from(logit));
            assert_near(name, found, expected(), 2e-3);
            let moved = before
                .iter()
                .zip(expected())
                .map(|(a, b)| (f64::from(*a) - b).abs());
            assert!(moved.fold(0.0, f64::max) > 0.1, "{name}");
        }
    }
}

/// A tiny model and an adapter of it.
struct Place {
    root: TempDir,
    tiny: Tiny,
}

/// What the tiny adapter changes.
const MODULES: [&str; 3] = [
    "model.layers.0.self_attn.q_proj",
    "model.layers.1.mlp.up_proj",
    "model.layers.1.mlp.down_proj",
];

impl Place {
    fn new(shape: Shape) -> Self {
        let tiny = Tiny::new(shape, 5);
        let root = tempfile::tempdir().unwrap();
        let place = Self { root, tiny };
        fs::create_dir(place.path("hf")).unwrap();
        hf::Folder::new(&place.tiny).write(&place.path("hf"));
        fs::write(
            place.path("tiny.gguf"),
            gguf::Gguf::new(&place.tiny).bytes(),
        )
        .unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn adapter(&self) -> Folder {
        Folder::new(&self.tiny, &MODULES, 9)
    }

    /// The folder's model with an adapter.
    fn read(&self, adapter: &Folder) -> Result<Model> {
        adapter.write(&self.path("adapter"));
        with(&self.path("hf"), &self.path("adapter"))
    }
}

fn place() -> Place {
    Place::new(Shape::default())
}

#[test]
fn a_checkpoint_of_llama2c_takes_one_too() {
    let place = Place::new(Shape {
        context: 256,
        ..Shape::default()
    });
    let expected = place.read(&place.adapter()).unwrap();
    fs::write(place.path("tiny.bin"), llama2c::version_0(&place.tiny)).unwrap();
    let vocabulary = llama2c::tokenizer(place.tiny.shape.vocab);
    fs::write(place.path("tokenizer.bin"), vocabulary).unwrap();
    let found = with(&place.path("tiny.bin"), &place.path("adapter")).unwrap();
    let tokens = [1, 20, 30, 40];
    for (found, expected) in logits(&found, &tokens)
        .iter()
        .zip(logits(&expected, &tokens))
    {
        assert_near("llama2.c", found, expected.into_iter().map(f64::from), 1e-4);
    }
}

#[test]
fn what_it_changes_of_a_quantized_model_is_in_f32_and_the_rest_as_it_was() {
    let place = Place::new(Shape {
        dtype: DType::Q4_0,
        ..Shape::default()
    });
    place.adapter().write(&place.path("adapter"));
    let path = place.path("tiny.gguf");
    let (before, after) = (
        import(&path).unwrap(),
        with(&path, &place.path("adapter")).unwrap(),
    );
    let changed = [
        TensorKey::layer(0, Role::Query),
        TensorKey::layer(1, Role::Up),
        TensorKey::layer(1, Role::Down),
    ];
    for (key, tensor) in after.tensors() {
        let old = before.tensor(*key).unwrap();
        match changed.contains(key) {
            true => assert_eq!((tensor.dtype(), tensor.origin()), (DType::F32, DType::F32)),
            false => assert_eq!((tensor.dtype(), tensor.bytes()), (old.dtype(), old.bytes())),
        }
    }
    let profile = Profile::load("host").unwrap();
    let request = Request {
        quant: Quant::Keep,
        ..Request::default()
    };
    let conversions = plan(&after, &profile, &request)
        .unwrap()
        .conversions()
        .to_vec();
    let said: Vec<String> = conversions.iter().map(ToString::to_string).collect();
    assert_eq!(said[0], "3 matrices F32 → f32, without loss");
}

#[test]
fn scales_add_up_and_each_counts_for_what_is_kept() {
    let place = place();
    place.adapter().write(&place.path("adapter"));
    let read = |scales: &[&str]| {
        let adapter = place.path("adapter");
        let texts = scales
            .iter()
            .map(|scale| format!("{}{scale}", adapter.display()));
        import_with(&place.path("hf"), &adapters(&texts.collect::<Vec<_>>())).unwrap()
    };
    let key = TensorKey::layer(0, Role::Query);
    let (one, thrice) = (read(&[""]), read(&[":1.5", ":-0.25", ":-0.25"]));
    let expected = values(&one, key).into_iter().map(f64::from);
    assert_near("scales", &values(&thrice, key), expected, 1e-5);
    // Results are kept by it.
    let digests = [read(&[]), one, thrice, read(&[":2"])].map(|model| model.digest().to_owned());
    for (at, digest) in digests.iter().enumerate() {
        assert!(!digests[..at].contains(digest), "{digests:?}");
    }
    assert_eq!(read(&[":2"]).licences()[1].of, "adapter times 2");
}

#[test]
fn a_folder_may_have_a_colon_in_its_name() {
    let parsed = |text: &str| Adapter::parse(text.as_ref());
    for (text, folder, scale) in [
        ("a", "a", 1.0),
        ("a:0.5", "a", 0.5),
        ("a:b", "a:b", 1.0),
        ("a:2:1", "a:2", 1.0),
        ("C:\\a", "C:\\a", 1.0),
    ] {
        let folder = PathBuf::from(folder);
        assert_eq!(parsed(text).unwrap(), Adapter { folder, scale }, "{text}");
    }
    for text in ["a:nan", "a:inf", "a:1e40"] {
        let error = parsed(text).unwrap_err();
        assert_eq!(error.about(), Some("lora"));
    }
}

#[test]
fn what_is_more_than_lora_is_refused_by_its_name() {
    let place = place();
    for (field, value) in [
        ("peft_type", json!("IA3")),
        ("peft_type", Value::Null),
        ("use_dora", json!(true)),
        ("lora_bias", json!(true)),
        ("bias", json!("lora_only")),
        ("task_type", json!("SEQ_CLS")),
        ("init_lora_weights", json!("pissa_niter_4")),
        ("init_lora_weights", json!("loftq")),
        ("target_parameters", json!(["mlp.experts.gate_up_proj"])),
        ("trainable_token_indices", json!([1, 2])),
        ("layer_replication", json!([[0, 1], [0, 2]])),
        ("alora_invocation_tokens", json!([5])),
        ("use_qalora", json!(true)),
        ("of_a_later_version", json!(1)),
        ("rank_pattern", json!({".*q_proj": 4})),
        ("rank_pattern", json!([4])),
        ("lora_alpha", json!("8")),
        ("lora_alpha", Value::Null),
        ("r", json!(-1)),
        ("r", json!(1e300)),
    ] {
        let mut adapter = place.adapter();
        adapter.config[field] = value.clone();
        let what = format!("{field} {value}");
        assert_refused(
            &what,
            place.read(&adapter),
            "adapter_config.json: ",
            field,
            "",
        );
    }
}

#[test]
fn tensors_that_do_not_suit_the_model_are_refused_by_their_names() {
    type Spoil = fn(&mut Folder);
    let f32s = |count: usize| vec![0.5; count];
    let place = place();
    let cases: [(&str, Spoil, &str, &str); 17] = [
        (
            "another architecture's name",
            |f| {
                for tensor in &mut f.tensors {
                    tensor.0 = tensor.0.replace("q_proj", "qkv_proj");
                }
            },
            "qkv_proj.weight",
            "no part of the architecture llama",
        ),
        (
            "a layer too many",
            |f| {
                for tensor in &mut f.tensors {
                    tensor.0 = tensor.0.replace("layers.0", "layers.9");
                }
            },
            "layers.9.self_attn.q_proj.weight",
            "the model has no such tensor",
        ),
        (
            "no prefix",
            |f| f.tensors[0].0 = f.tensors[0].0.replace("base_model.", ""),
            "q_proj.lora_A",
            "more than LoRA",
        ),
        (
            "DoRA",
            |f| {
                f.add(
                    "model.layers.0.self_attn.q_proj.lora_magnitude_vector",
                    vec![32],
                    &[1.0; 32],
                )
            },
            "lora_magnitude_vector",
            "more than LoRA",
        ),
        (
            "a bias of its own",
            |f| {
                f.add(
                    "model.layers.0.self_attn.q_proj.lora_B.bias",
                    vec![32],
                    &[1.0; 32],
                )
            },
            "lora_B.bias",
            "more than LoRA",
        ),
        (
            "two adapters",
            |f| {
                f.add(
                    "model.layers.0.self_attn.q_proj.lora_A.other.weight",
                    vec![3, 32],
                    &[1.0; 96],
                )
            },
            "q_proj.lora_A",
            "the same tensor twice",
        ),
        (
            "one of two",
            |f| _ = f.tensors.pop(),
            "down_proj.weight",
            "lora_A and lora_B is missing",
        ),
        (
            "a width",
            |f| {
                f.tensors[0].2[1] -= 1;
                f.tensors[0].3.truncate(3 * 31 * 4);
            },
            "q_proj.lora_B",
            "32 x 31, the model's 32 x 32",
        ),
        (
            "ranks apart",
            |f| {
                f.tensors[0].2[0] = 2;
                f.tensors[0].3.truncate(2 * 32 * 4);
            },
            "q_proj.weight",
            "lora_A has the rank 2, lora_B 3",
        ),
        (
            "another rank",
            |f| f.config["r"] = json!(1_u64 << 60),
            "q_proj.weight",
            "the rank is 3",
        ),
        (
            "no number",
            |f| f.tensors[0].3[..4].copy_from_slice(&f32::NAN.to_le_bytes()),
            "q_proj.lora_A",
            "row 0, column 0 is not finite",
        ),
        (
            "too large",
            |f| {
                f.config["lora_alpha"] = json!(1e38);
                f.tensors[1].3[..4].copy_from_slice(&1e30_f32.to_le_bytes());
            },
            "q_proj.lora_B",
            "is not finite",
        ),
        (
            "whole numbers",
            |f| f.tensors[0].1 = "I32",
            "q_proj.lora_A",
            "I32 is not supported",
        ),
        (
            "no matrix",
            |f| f.tensors[0].2 = vec![3, 32, 1],
            "q_proj.lora_A",
            "is no matrix",
        ),
        (
            "a norm",
            |f| {
                for tensor in &mut f.tensors[..2] {
                    tensor.0 = tensor.0.replace("self_attn.q_proj", "input_layernorm");
                }
                f.tensors[1].2[0] = 1;
                f.tensors[1].3.truncate(3 * 4);
            },
            "input_layernorm.lora_B",
            "is no matrix",
        ),
        (
            "an embedding that is the output too",
            |f| f.add("model.embed_tokens.weight", vec![272, 32], &[0.5; 272 * 32]),
            "embed_tokens.weight",
            "the embedding is the output projection too",
        ),
        (
            "a norm of another width",
            |f| f.add("model.norm.weight", vec![31], &[0.5; 31]),
            "model.norm.weight",
            "1 x 31, the model's 1 x 32",
        ),
    ];
    for (what, spoil, name, problem) in cases {
        let mut adapter = place.adapter();
        spoil(&mut adapter);
        let file = "adapter_model.safetensors: ";
        assert_refused(what, place.read(&adapter), file, name, problem);
    }
    let mut none = place.adapter();
    none.tensors.clear();
    assert_refused(
        "none",
        place.read(&none),
        "adapter_model.safetensors: ",
        "",
        "has no tensors",
    );
    let mut trained = place.adapter();
    trained.add("model.norm.weight", vec![32], &f32s(32));
    let model = place.read(&trained).unwrap();
    assert_eq!(
        values(&model, TensorKey::global(Role::OutputNorm)),
        f32s(32)
    );
}

/// Queries that were trained whole are in the order of their file, whatever the model's is.
#[test]
fn a_whole_matrix_is_taken_in_the_models_order() {
    let place = place();
    let mut adapter = Folder::empty();
    let weights: Vec<f32> = (0..32 * 32).map(|at| at as f32 / 1024.0).collect();
    let name = "model.layers.1.self_attn.q_proj.weight";
    adapter.add(name, vec![32, 32], &weights);
    let found = place.read(&adapter).unwrap();
    let key = TensorKey::layer(1, Role::Query);
    assert_eq!(values(&found, key), weights);
    let found = with(&place.path("tiny.gguf"), &place.path("adapter")).unwrap();
    assert_eq!(values(&found, key), hf::interleave(&weights, 8, 32));
}

#[test]
fn a_folder_that_is_no_adapter_is_refused_with_what_it_is() {
    let place = place();
    let model = place.path("hf");
    let refused = |folder: &str, problem: &str, remedy: &str| {
        let error = with(&model, &place.path(folder)).unwrap_err().to_string();
        assert!(error.contains(problem) && error.contains(remedy), "{error}");
    };
    refused("hf", "an adapter has it", "give this folder as the model");
    refused("tiny.gguf", "this is a file", "adapter_config.json");
    refused("no/such", "no such folder", "save_pretrained");
    place.adapter().write(&place.path("adapter"));
    fs::rename(
        place.path("adapter/adapter_model.safetensors"),
        place.path("adapter/adapter_model.bin"),
    )
    .unwrap();
    refused("adapter", "an adapter has it", "save the adapter again");
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    fs::write(place.path("adapter/adapter_model.safetensors"), pointer).unwrap();
    refused("adapter", "a pointer of Git LFS", "git lfs pull");
}

#[test]
fn an_adapter_alone_is_no_model() {
    let place = place();
    place.adapter().write(&place.path("adapter"));
    let error = import(&place.path("adapter")).unwrap_err().to_string();
    assert!(
        error.contains("without the model that it changes"),
        "{error}"
    );
    assert!(
        error.contains("give that model, some/base, and the adapter with `--lora "),
        "{error}"
    );
    let mut file = gguf::Gguf::new(&place.tiny);
    file.text("general.type", "adapter");
    fs::write(place.path("adapter.gguf"), file.bytes()).unwrap();
    let error = import(&place.path("adapter.gguf")).unwrap_err().to_string();
    assert!(error.contains("a LoRA adapter in GGUF"), "{error}");
}
