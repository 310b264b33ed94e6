//! Evaluation: the figures are those of the definitions, and of an independent implementation.

use crate::common::gguf::Gguf;
use crate::common::hf::Folder;
use crate::common::{Shape, Tiny, data};
use edgegen::compress::compress;
use edgegen::import::{built_in, import};
use edgegen::interpret::{Evaluation, Interpreter, Observer, evaluate};
use edgegen::model::Model;
use edgegen::plan::{Quant, Request, plan};
use edgegen::profile::Profile;
use edgegen::program::{CacheFormat, Program};
use edgegen::text::Texts;
use serde_json::Value;

/// Tokens of the windows that the built-in model predicts.
const WINDOW: usize = 64;

const TEXT: &str =
    "Anna opened the door. \"Who is there?\" she asked, but only the wind came in.\n";

fn tiny(add_bos: bool) -> Model {
    let mut file = Gguf::new(&Tiny::new(Shape::default(), 3));
    file.bool("tokenizer.ggml.add_bos_token", add_bos);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    std::fs::write(&path, file.bytes()).unwrap();
    import(&path).unwrap()
}

fn program(model: &Model, quant: &str, context: usize) -> Program {
    program_with(model, quant, CacheFormat::F32, context)
}

fn program_with(model: &Model, quant: &str, kv_cache: CacheFormat, context: usize) -> Program {
    let request = Request {
        quant: quant.parse::<Quant>().unwrap(),
        context: Some(context),
        kv_cache,
        ..Request::default()
    };
    let plan = plan(model, &Profile::load("host").unwrap(), &request).unwrap();
    compress(model, &plan, &|_, _| {}).unwrap()
}

fn evaluated(reference: &Program, candidate: &Program, text: &str, window: usize) -> Evaluation {
    evaluate(reference, candidate, text, window, &|_, _| {}).unwrap()
}

#[derive(Default)]
struct Logits(Vec<Vec<f64>>);

impl Observer for Logits {
    fn logits(&mut self, logits: &[f32]) {
        self.0.push(logits.iter().copied().map(f64::from).collect());
    }
}

/// Probabilities at each token of a window.
fn probabilities(program: &Program, window: &[u32]) -> Vec<Vec<f64>> {
    let mut logits = Logits::default();
    Interpreter::new(program, 1).feed(window, &mut logits);
    let softmax = |row: Vec<f64>| {
        let sum: f64 = row.iter().map(|x| x.exp()).sum();
        row.iter().map(|x| x.exp() / sum).collect()
    };
    logits.0.into_iter().map(softmax).collect()
}

fn check_figures(add_bos: bool) {
    const WINDOW: usize = 24;
    let model = tiny(add_bos);
    let [reference, candidate] = ["f32", "q4"].map(|quant| program(&model, quant, WINDOW));
    let found = evaluated(&reference, &candidate, TEXT, WINDOW);

    let mut tokens = vec![0; 3 * TEXT.len() + 4];
    let tokenizer = reference.tokenizer().runtime();
    let count = tokenizer.encode(TEXT, false, &mut tokens).unwrap();
    let bos = tokenizer.bos.filter(|_| add_bos);
    let of_text = &tokens[usize::from(add_bos)..count];
    assert_eq!(bos, add_bos.then_some(tokens[0]));

    let (mut nats, mut divergence, mut same, mut predicted) = ([0.0; 2], 0.0, 0.0, 0.0);
    for chunk in of_text.chunks(WINDOW - usize::from(add_bos)) {
        let window: Vec<u32> = bos.into_iter().chain(chunk.iter().copied()).collect();
        let [p, q] = [&reference, &candidate].map(|program| probabilities(program, &window));
        for (at, &next) in window[1..].iter().enumerate() {
            nats[0] -= p[at][next as usize].ln();
            nats[1] -= q[at][next as usize].ln();
            divergence += (p[at].iter().zip(&q[at]))
                .map(|(p, q)| p * (p / q).ln())
                .sum::<f64>();
            let best = |row: &[f64]| (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]));
            same += f64::from(best(&p[at]) == best(&q[at]));
            predicted += 1.0;
        }
    }
    let close = |found: f64, expected: f64| (found / expected - 1.0).abs() < 1e-9;
    let expected = nats.map(|nats| (nats / predicted).exp());
    let agreement = found.agreement.unwrap();
    assert_eq!(found.reference.tokens() as f64, predicted);
    assert!(close(found.reference.perplexity(), expected[0]));
    assert!(close(found.candidate.perplexity(), expected[1]));
    assert!(close(agreement.divergence, divergence / predicted));
    assert!(agreement.divergence > 1e-6, "a divergence to speak of");
    assert!(close(agreement.top1, same / predicted));
}

#[test]
fn the_figures_are_those_of_the_definitions() {
    check_figures(true);
    check_figures(false);
}

#[test]
fn a_program_agrees_with_itself() {
    let program = program(&tiny(true), "q8", 32);
    let found = evaluated(&program, &program, TEXT, 32);
    let agreement = found.agreement.unwrap();
    assert_eq!(found.reference, found.candidate);
    assert_eq!((agreement.divergence, agreement.top1), (0.0, 1.0));
}

#[test]
fn what_cannot_be_evaluated_is_refused() {
    let program = program(&tiny(false), "q8", 32);
    let refused = |text, window| {
        let error = evaluate(&program, &program, text, window, &|_, _| {});
        error.unwrap_err().to_string()
    };
    assert!(refused("", 32).contains("the text is empty"));
    assert!(refused("a", 32).contains("nothing to predict"));
    assert!(refused(TEXT, 1).contains("2 to 32"));
    assert!(refused(TEXT, 33).contains("2 to 32"));
}

fn assert_close(found: f64, expected: f64, within: f64) {
    assert!(
        (found / expected - 1.0).abs() < within,
        "{found}, not {expected}"
    );
}

/// Transformers says so in float64.
#[test]
fn llama_has_the_golden_perplexity() {
    let model = import(&data::file("architectures/llama/hf")).unwrap();
    let golden = data::json("architectures/llama/golden.json");
    let golden = &golden["perplexity"];
    let number = |value: &Value| value.as_f64().unwrap();
    let text = golden["text"].as_str().unwrap();
    let window = golden["window"].as_u64().unwrap() as usize;
    let [reference, candidate] = ["f32", "q8"].map(|quant| program(&model, quant, window));
    let found = evaluated(&reference, &candidate, text, window);
    let perplexity = number(&golden["perplexity"]);
    assert_close(found.reference.perplexity(), perplexity, 1e-5);
    assert_close(found.candidate.perplexity(), perplexity, 2e-2);
    let predicted = number(&golden["predicted"]);
    assert_eq!(found.reference.tokens() as f64, predicted);
    let bits = number(&golden["mean_nll"]) * predicted / std::f64::consts::LN_2;
    let bits_per_byte = bits / text.len() as f64;
    assert_close(found.reference.bits_per_byte(), bits_per_byte, 1e-5);
}

/// What a model loses in q4, rounded and calibrated: of the same size, and on a text that
/// calibration does not see.
fn losses(model: &Model) -> [f64; 2] {
    let texts = Texts::of(&data::answers(1200)).unwrap();
    let original = program(model, "f32", WINDOW);
    [false, true].map(|calibrate| {
        let request = Request {
            quant: "q4".parse::<Quant>().unwrap(),
            calibrate,
            calibration: calibrate.then(|| texts.calibration().to_owned()),
            context: Some(WINDOW),
            ..Request::default()
        };
        let plan = plan(model, &Profile::load("host").unwrap(), &request).unwrap();
        let program = compress(model, &plan, &|_, _| {}).unwrap();
        let found = evaluated(&original, &program, texts.held_out(), WINDOW);
        found.agreement.unwrap().divergence
    })
}

/// A model this small has little to gain; `tests/tests/smollm2.rs` has a large one.
#[test]
fn calibration_lowers_the_loss() {
    let [rounded, calibrated] = losses(&built_in().unwrap());
    assert!(
        calibrated < 0.9 * rounded,
        "{calibrated}, rounded {rounded}"
    );
}

/// Gemma has gains of one and of fifty side by side, and a residual stream that is not rotated.
#[test]
fn calibration_lowers_the_loss_where_gains_are_unlike_each_other() {
    let mut folder = Folder::read(&data::file("architectures/gemma3_text/hf"));
    for (name, _, _, bytes) in &mut folder.tensors {
        let norms = ["input_layernorm.weight", "pre_feedforward_layernorm.weight"];
        if norms.iter().any(|norm| name.ends_with(norm)) {
            for gain in bytes.chunks_exact_mut(4).step_by(8) {
                gain.copy_from_slice(&50f32.to_le_bytes());
            }
        }
    }
    let [rounded, calibrated] = losses(&folder.import().unwrap());
    assert!(calibrated < rounded, "{calibrated}, rounded {rounded}");
}

#[test]
fn a_cache_in_i8_costs_little() {
    let model = built_in().unwrap();
    let caches = CacheFormat::ALL.map(|cache| program_with(&model, "f32", cache, WINDOW));
    let found = evaluated(&caches[0], &caches[1], &data::answers(400), WINDOW)
        .agreement
        .unwrap();
    assert!(
        (1e-5..4e-3).contains(&found.divergence),
        "{}",
        found.divergence
    );
    assert!(found.top1 > 0.98, "{}", found.top1);
}
