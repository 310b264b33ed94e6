//! Models that people have, from file to answer.

use tests::{Outcome, Program, Recipe, Target, paths};

/// A crate for this machine, whose self-test passes.
fn program(recipe: &Recipe) -> Program {
    let program = Target::Host.build(&recipe.emit());
    assert_eq!(program.json("self-test", &[])["ok"], true);
    program
}

/// A base model: it goes on with a text.
fn gemma3_knows_a_capital() -> Outcome {
    let recipe = Recipe::new("gemma3-270m", &paths::gemma3()?, "host", "keep");
    let program = program(&recipe.with("--context=1024").with("--allow-oversize"));
    let text =
        "The capital of Germany is Berlin. The capital of Italy is Rome. The capital of France is";
    let prompt = [text, "--max-tokens", "4"];
    let text = program.json("generate", &prompt)["text"].to_string();
    assert!(text.contains("Paris"), "{text}");
    Ok(())
}

/// An instructed model: it answers.
fn qwen2_writes_code() -> Outcome {
    let recipe = Recipe::new("qwen2-coder", &paths::qwen2()?, "host", "keep");
    let program = program(&recipe.with("--context=1024").with("--allow-oversize"));
    let question = [
        "Write a Python function that adds two numbers.",
        "--max-tokens",
        "64",
    ];
    let text = program.json("chat", &question)["text"].to_string();
    assert!(
        text.contains("def ") && text.contains("return a + b"),
        "{text}"
    );
    Ok(())
}

tests::trials![nightly: gemma3_knows_a_capital, qwen2_writes_code];
