//! Counts the instructions of a decoded token on 64-bit Arm, of emitted crates and of llama.cpp,
//! and prints them as a Markdown table. There is no such hardware needed: QEMU counts.

use tests::instructions::{Aarch64, Work};
use tests::peers::LlamaCpp;
use tests::{Outcome, Recipe, Target, paths};

/// CPU, our instruction set, llama.cpp's architecture.
const CPUS: [(&str, &str, &str); 2] = [
    ("cortex-a53", "neon", "armv8-a"),
    ("cortex-a76", "neon-dotprod", "armv8.2-a+dotprod"),
];

fn main() -> Outcome {
    let (smollm2, counter) = (paths::smollm2()?, Aarch64::new()?);
    let native = LlamaCpp::build(None);
    let peers = CPUS.map(|(_, _, architecture)| LlamaCpp::build(Some(architecture)));
    println!("| model | CPU | edgegen | llama.cpp | share |");
    println!("|---|---|---|---|---|");
    for format in ["Q4_1", "Q4_0", "Q8_0"] {
        let model = match format {
            "Q4_1" => smollm2.clone(),
            _ => native.quantize(&smollm2, format),
        };
        let name = format!("count-{}", format.to_lowercase().replace('_', "-"));
        let recipe = Recipe::new(&name, &model, "raspberry_pi", "keep");
        let emitted = recipe.with("--allow-oversize").emit();
        for ((cpu, isa, _), peer) in CPUS.into_iter().zip(&peers) {
            let target = Target::Aarch64 { cpu };
            let ours = counter.per_token(&target.build(&emitted), cpu, isa, Work::Decode);
            let bench = peer.program("llama-bench");
            let theirs = counter.per_token_of_llama_cpp(&bench, cpu, &model);
            println!(
                "| SmolLM2-135M {format} | {cpu} | {:.1} M | {:.1} M | {:.2} |",
                ours as f64 / 1e6,
                theirs as f64 / 1e6,
                ours as f64 / theirs as f64,
            );
        }
    }
    Ok(())
}
