//! Compares an emitted crate in a browser with wllama, llama.cpp in WebAssembly, on one thread.
//!
//! `bench-browser [ROUNDS]`: 5 rounds unless told otherwise. Prints the table of
//! `docs/performance.md`.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;
use tests::peers::median;
use tests::{Outcome, Recipe, browser, paths, run};

fn main() -> Outcome {
    let rounds = std::env::args().nth(1).unwrap_or_else(|| "5".into());
    let model = paths::smollm2()?;
    let emitted = Recipe::new("smollm2-race", &model, "browser", "keep")
        .with("--context=512")
        .with("--allow-oversize")
        .emit();
    let web = browser::package(&emitted)?;
    let output = run::must(
        Command::new("node")
            .arg(browser::scripts("peers/browser").join("race.mjs"))
            .arg(web.join("dist"))
            .arg(model)
            .arg(rounds),
    );
    let mut figures: BTreeMap<String, [Vec<f64>; 2]> = BTreeMap::new();
    for line in output.lines() {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        let who = line["who"].as_str().expect("a name").to_owned();
        let [decode, first] = figures.entry(who).or_default();
        decode.push(line["decode"].as_f64().expect("a number"));
        first.push(line["first"].as_f64().expect("a number"));
    }
    println!(
        "| SmolLM2-135M Q4_1, 1 thread | decode, 64 tokens | first token of 158 |\n|---|---|---|"
    );
    for (who, [decode, first]) in figures {
        println!(
            "| {who} | {:.1} tokens/s | {:.2} s |",
            median(&decode),
            median(&first)
        );
    }
    Ok(())
}
