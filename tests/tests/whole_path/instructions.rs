//! Promise: what is fast stays fast. A change of the instructions of a token, up or down, is seen
//! here and written down.

use tests::emitted::every_arm;
use tests::instructions::{Aarch64, Work};
use tests::{Outcome, Program, Recipe, Target, instructions, paths};

/// Instructions of a decoded token: model, number format, instruction set.
const BUDGETS: [(&str, &str, &str, u64); 4] = [
    ("homectl", "q4", "avx2", 293_661),
    ("homectl", "q4", "sse4.1", 687_239),
    ("llama", "f32", "avx2", 90_806),
    ("llama", "q8", "avx2", 84_165),
];

fn program(model: &str, quant: &str) -> Program {
    let name = format!("budget-{model}-{quant}");
    let recipe = match model {
        "homectl" => Recipe::built_in(&name, "host", quant),
        _ => Recipe::new(&name, &paths::llama(), "host", quant),
    };
    Target::Host.build(&recipe.emit())
}

/// Fails with what does not keep its budget.
fn none_is(wrong: &[String], budgets: &str) {
    let all = wrong.join("\n");
    assert!(
        wrong.is_empty(),
        "if this is meant, change {budgets}:\n{all}"
    );
}

fn decoding_keeps_its_instruction_budget() -> Outcome {
    let mut wrong = Vec::new();
    for (model, quant, isa, budget) in BUDGETS {
        let count = instructions::on_x86(&program(model, quant), isa)?;
        let what = format!("{model} {quant} on {isa}");
        wrong.extend(instructions::keeps(&what, count, budget).err());
    }
    none_is(&wrong, "BUDGETS");
    Ok(())
}

/// Instructions of a prompt's token on 64-bit Arm: instruction set, budget.
const PREFILL: [(&str, u64); 3] = [
    ("neon", 509_115),
    ("neon-dotprod", 255_031),
    ("neon-i8mm", 247_399),
];

fn prefill_keeps_its_instruction_budget() -> Outcome {
    let counter = Aarch64::new()?;
    let newest = Target::Aarch64 { cpu: "max" };
    newest.available()?;
    let recipe = Recipe::built_in("budget-homectl-arm", &every_arm(), "q4");
    let program = newest.build(&recipe.emit());
    let mut wrong = Vec::new();
    for (isa, budget) in PREFILL {
        let count = counter.per_token(&program, "max", isa, Work::Prefill);
        let what = format!("a prompt of homectl q4 on {isa}");
        wrong.extend(instructions::keeps(&what, count, budget).err());
    }
    none_is(&wrong, "PREFILL");
    Ok(())
}

tests::trials![
    long: prefill_keeps_its_instruction_budget,
    decoding_keeps_its_instruction_budget,
];
