//! Times decoding of SmolLM2 in several compressions, in turn.
//!
//! `bench-formats [ROUNDS]`: 5 rounds unless told otherwise. Prints the sizes and speeds of
//! `docs/compression.md`.

use tests::peers::median;
use tests::{Outcome, Recipe, Target, paths};

/// A name for the crate, `--quant`, and further arguments.
const COMPRESSIONS: [(&str, &str, &[&str]); 6] = [
    ("keep", "keep", &[]),
    ("q4", "q4", &[]),
    ("q4-calibrated", "q4", &["--calibrate"]),
    ("t4", "t4", &[]),
    ("t3", "t3", &[]),
    ("t3-32768", "t3", &["--vocab-size=32768"]),
];

fn main() -> Outcome {
    let rounds = std::env::args().nth(1).unwrap_or_else(|| "5".into());
    let rounds: usize = rounds.parse().expect("a number of rounds");
    let model = paths::smollm2()?;
    let recipes = COMPRESSIONS.map(|(name, quant, more)| {
        let recipe = Recipe::new(&format!("smollm2-{name}"), &model, "host", quant);
        more.iter()
            .fold(recipe, |recipe, argument| recipe.with(argument))
    });
    let planned = Recipe::planned("smollm2-plan", &model, "host", &paths::pi_plan("smollm2"));
    let mut programs: Vec<_> = recipes
        .into_iter()
        .chain([planned])
        .map(|recipe| {
            let emitted = recipe.emit();
            let flash = emitted.report["flash_bytes"].as_f64().expect("a size");
            let program = Target::Host.build(&emitted);
            (recipe.name, flash, program, [Vec::new(), Vec::new()])
        })
        .collect();
    for _ in 0..rounds {
        for (_, _, program, speeds) in &mut programs {
            for (threads, speeds) in ["1", "2"].into_iter().zip(speeds) {
                let args = [
                    "--prompt-tokens",
                    "16",
                    "--tokens",
                    "64",
                    "--iterations",
                    "1",
                    "--threads",
                    threads,
                ];
                let found = program.json("bench", &args);
                let speed = found["decode_tokens_per_second"].as_f64();
                speeds.push(speed.expect("a number"));
            }
        }
    }
    println!("| | flash | tokens/s on 1 thread | on 2 |\n|---|---|---|---|");
    for (name, flash, _, speeds) in programs {
        let [one, two] = speeds.map(|speeds| median(&speeds));
        println!("| {name} | {:.1} MB | {one:.0} | {two:.0} |", flash / 1e6);
    }
    Ok(())
}
