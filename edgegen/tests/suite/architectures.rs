//! Models of every architecture compute what transformers computes in float64, from both files.

use edgegen::compress::compress;
use edgegen::import::import;
use edgegen::interpret::{Interpreter, Observer};
use edgegen::model::Model;
use edgegen::plan::{Quant, Request, plan};
use edgegen::profile::Profile;
use edgegen::program::{Program, WeightFormat};
use serde_json::Value;

use crate::common::data;

const ARCHITECTURES: [&str; 3] = ["llama", "qwen3", "gpt2"];

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
    for prompt in golden["prompts"].as_array().unwrap() {
        let what = format!("{name}, {}, {}", model.format(), prompt["name"]);
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
