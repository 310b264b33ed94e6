//! Models of every architecture compute what transformers computes in float64, from both files.

use edgegen::compress::compress;
use edgegen::import::import;
use edgegen::inspect::inspect;
use edgegen::interpret::{Interpreter, Observer};
use edgegen::model::Model;
use edgegen::plan::{Quant, Request, plan};
use edgegen::profile::Profile;
use edgegen::program::{Program, WeightFormat};
use serde_json::{Value, json};

use crate::common::{assert_refused, data};

/// Those whose models are among the tests' data.
pub const ARCHITECTURES: [&str; 4] = ["llama", "qwen2", "qwen3", "gpt2"];

/// What each position predicts.
#[derive(Default)]
struct Logits(Vec<Vec<f32>>);

impl Observer for Logits {
    fn logits(&mut self, logits: &[f32]) {
        self.0.push(logits.to_vec());
    }
}

fn program(model: &Model) -> Program {
    let request = Request {
        quant: Quant::To(WeightFormat::F32),
        ..Request::default()
    };
    let plan = plan(model, &Profile::load("host").unwrap(), &request).unwrap();
    compress(model, &plan, &|_, _| {}).unwrap()
}

fn ids(value: &Value) -> Vec<u32> {
    let ids = value.as_array().unwrap().iter();
    ids.map(|id| id.as_u64().unwrap() as u32).collect()
}

/// Pairs of an id and its logit.
fn assert_logits(what: &str, found: &[f32], expected: &Value) {
    for pair in expected.as_array().unwrap() {
        let (id, expected) = (
            pair[0].as_u64().unwrap() as usize,
            pair[1].as_f64().unwrap(),
        );
        let error = (f64::from(found[id]) - expected).abs();
        assert!(
            error < 5e-4,
            "{what}: logit {id} is {}, not {expected}",
            found[id]
        );
    }
}

fn argmax(logits: &[f32]) -> u32 {
    let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
    best.unwrap() as u32
}

fn check(name: &str, model: &Model) {
    let golden = data::json(&format!("architectures/{name}/golden.json"));
    let program = program(model);
    let mut session = Interpreter::new(&program, 2);
    let tokenizer = model.tokenizer().tables();
    for prompt in golden["prompts"].as_array().unwrap() {
        let what = format!("{name}, {}, {}", model.format(), prompt["name"]);
        if let Some(text) = prompt["text"].as_str() {
            let bos = model
                .tokenizer()
                .bos()
                .filter(|_| model.tokenizer().add_bos());
            let mut found = Vec::from_iter(bos);
            found.extend(tokenizer.encode(text, true));
            assert_eq!(found, ids(&prompt["ids"]), "{what}");
        }
        let mut found = Logits::default();
        session.reset();
        session.feed(&ids(&prompt["ids"]), &mut found);
        for at in prompt["at"].as_array().unwrap() {
            let position = at["position"].as_u64().unwrap() as usize;
            assert_logits(&what, &found.0[position], &at["top10"]);
        }
        let mut logits = found.0.pop().unwrap();
        assert_logits(&what, &logits, &prompt["probe_last"]);
        for expected in ids(&prompt["greedy"]) {
            assert_eq!(argmax(&logits), expected, "{what}");
            let mut next = Logits::default();
            session.feed(&[expected], &mut next);
            logits = next.0.remove(0);
        }
    }
}

#[test]
fn both_files_have_the_logits_of_transformers() {
    for name in ARCHITECTURES {
        for file in ["hf", "model.gguf"] {
            let file = data::file(&format!("architectures/{name}")).join(file);
            check(name, &import(&file).unwrap());
        }
    }
}

/// What is supported is among the tests' data.
#[test]
fn each_architecture_has_a_model() {
    let refused = changed("gpt2", &[("model_type", json!("gpt3"))]);
    let refused = refused.unwrap_err().to_string();
    let all = format!("use a model of: {}", ARCHITECTURES.join(", "));
    assert!(refused.trim_end().ends_with(&all), "{refused}");
}

/// What calibration does with a network follows from its graph, and is said where it is less.
#[test]
fn a_stream_that_cannot_be_rotated_is_said() {
    for (name, reason) in [
        ("llama", None),
        ("qwen2", None),
        ("qwen3", None),
        ("gpt2", Some("`AddPosition` reads the residual stream")),
    ] {
        let model = changed(name, &[]).unwrap();
        let found = inspect(&model);
        assert_eq!(found.not_rotated.as_deref(), reason, "{name}");
        let said = found.to_string().contains("without rotation");
        assert_eq!(said, reason.is_some(), "{name}");
    }
}

/// The folder of a model, with fields of its configuration changed.
pub fn changed(name: &str, fields: &[(&str, Value)]) -> edgegen::error::Result<Model> {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(data::file(&format!("architectures/{name}/hf"))).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let path = folder.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for (field, value) in fields {
        config[*field] = value.clone();
    }
    std::fs::write(&path, config.to_string()).unwrap();
    import(folder.path())
}

/// What is not built is refused by the name that the file gives it, never ignored.
#[test]
fn options_that_are_not_built_are_refused_by_name() {
    for (name, field, value) in [
        ("qwen2", "use_sliding_window", json!(true)),
        ("qwen3", "use_sliding_window", json!(true)),
        (
            "qwen3",
            "layer_types",
            json!(["full_attention", "sliding_attention"]),
        ),
        ("qwen3", "hidden_act", json!("gelu")),
        ("qwen3", "attention_gate", json!(true)),
        ("gpt2", "activation_function", json!("relu")),
        ("gpt2", "scale_attn_by_inverse_layer_idx", json!(true)),
        ("gpt2", "scale_attn_weights", json!(false)),
        ("gpt2", "add_cross_attention", json!(true)),
        ("gpt2", "n_head", json!(7)),
        ("gpt2", "n_inner", json!(-1)),
        ("llama", "use_sliding_window", json!(true)),
    ] {
        let refused = changed(name, &[(field, value)]);
        assert_refused(name, refused, "config.json: ", field, "");
    }
}

/// What says nothing of the network is read over.
#[test]
fn options_without_effect_change_nothing() {
    for (name, fields) in [
        (
            "qwen3",
            vec![
                ("max_window_layers", json!(2)),
                ("sliding_window", json!(4096)),
            ],
        ),
        (
            "gpt2",
            vec![("summary_type", json!("mean")), ("resid_pdrop", json!(0.5))],
        ),
        (
            "gpt2",
            vec![
                ("activation_function", json!("gelu_pytorch_tanh")),
                ("n_inner", json!(176)),
            ],
        ),
    ] {
        let model = changed(name, &fields).unwrap();
        let original = import(&data::file(&format!("architectures/{name}/hf"))).unwrap();
        assert_eq!(model.architecture(), original.architecture());
    }
}
