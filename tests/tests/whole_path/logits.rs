//! Promise: in f32, logits and greedy continuations are those of the float64 reference.

use serde_json::Value;
use tests::golden::{ids, list, number, read};
use tests::{Outcome, Program, Recipe, Target, paths};

/// Largest difference of a logit from the reference.
const TOLERANCE: f64 = 2e-3;
/// Where the reference's best two logits are closer than this, a continuation may part.
const TIE: f64 = 1e-3;
/// Ids at which a program ends an answer, where the golden data do not say where that is.
const STOP: [u64; 2] = [510, 511];

fn agrees(program: &Program, golden: &Value) {
    let mut largest = 0.0_f64;
    for prompt in list(golden, "prompts") {
        // Some are ids that no text has.
        let Some(string) = prompt["text"].as_str() else {
            continue;
        };
        let name = &prompt["name"];
        let found = program.json("logits", &["--top", "30", "--threads", "2", "--", string]);
        assert_eq!(ids(&found, "tokens"), ids(prompt, "ids"), "{name}");
        let last = prompt["at"].as_array().and_then(|at| at.last());
        for expected in list(last.unwrap_or(prompt), "top10") {
            let logit = list(&found, "top")
                .iter()
                .find(|entry| entry["id"] == expected[0])
                .map(|entry| number(entry, "logit"))
                .unwrap_or_else(|| panic!("{name}: token {} is not near the top", expected[0]));
            let difference = (logit - expected[1].as_f64().expect("a logit")).abs();
            assert!(
                difference <= TOLERANCE,
                "{name}: token {} has {logit}, not {}",
                expected[0],
                expected[1]
            );
            largest = largest.max(difference);
        }
        continues(program, prompt, string);
    }
    println!("largest difference of a logit: {largest:.1e}");
}

/// Compares the greedy continuation up to the first stop token, where the program ends.
fn continues(program: &Program, prompt: &Value, string: &str) {
    let expected = ids(prompt, "greedy");
    let gaps = list(prompt, "greedy_gap");
    let stop = match prompt["stop_at"].as_u64() {
        Some(at) => Some(at as usize),
        None => expected.iter().position(|id| STOP.contains(id)),
    };
    let count = expected.len().to_string();
    let found = ids(
        &program.json(
            "generate",
            &["--max-tokens", &count, "--threads", "2", "--", string],
        ),
        "tokens",
    );
    let parts = expected.iter().zip(&found).position(|(a, b)| a != b);
    if let Some(step) = parts {
        let gap = gaps[step].as_f64().expect("a gap");
        assert!(
            gap < TIE,
            "{}: step {step} gives {}, not {}, {gap} behind",
            prompt["name"],
            found[step],
            expected[step]
        );
        return;
    }
    // The stop token itself may be counted or not.
    let full = stop.unwrap_or(expected.len());
    assert!(
        found.len() == full || stop.is_some() && found.len() == full + 1,
        "{}: {} tokens, not {full}",
        prompt["name"],
        found.len()
    );
}

fn llama_in_f32_agrees_with_the_reference() {
    let golden = read("architectures/llama/golden.json");
    let emitted = Recipe::new("llama-f32", &paths::llama(), "host", "f32").emit();
    agrees(&Target::Host.build(&emitted), &golden);
}

fn smollm2_in_f32_agrees_with_the_reference() -> Outcome {
    let model = paths::smollm2()?;
    let golden = read("smollm2/prompts.json");
    let emitted = Recipe::new("smollm2-f32", &model, "host", "f32").emit();
    agrees(&Target::Host.build(&emitted), &golden);
    Ok(())
}

tests::trials![
    long: llama_in_f32_agrees_with_the_reference;
    nightly: smollm2_in_f32_agrees_with_the_reference,
];
