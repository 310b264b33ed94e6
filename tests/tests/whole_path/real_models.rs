//! Models that people have, from file to answer, and beside llama.cpp.

use std::path::Path;
use std::thread::available_parallelism;

use tests::golden::{ids, number};
use tests::peers::LlamaCpp;
use tests::{Outcome, Program, Recipe, Target, paths};

/// Tokens of a window of the golden text.
const WINDOW: usize = 256;
/// How far perplexity may be from llama.cpp's on the same file, which rounds what it multiplies, too.
const NEAR: f64 = 0.015;

/// A crate of the file's own formats for this machine, whose self-test passes.
fn program(name: &str, model: &Path) -> Program {
    let recipe = Recipe::new(name, model, "host", "keep").with("--context=1024");
    let program = Target::Host.build(&recipe.with("--allow-oversize").emit());
    assert_eq!(program.json("self-test", &[])["ok"], true);
    program
}

fn gemma3() -> Result<Program, tests::Missing> {
    Ok(program("gemma3-270m", &paths::gemma3()?))
}

fn qwen2() -> Result<Program, tests::Missing> {
    Ok(program("qwen2-coder", &paths::qwen2()?))
}

/// A base model: it goes on with a text.
fn gemma3_knows_a_capital() -> Outcome {
    let text =
        "The capital of Germany is Berlin. The capital of Italy is Rome. The capital of France is";
    let prompt = [text, "--max-tokens", "4"];
    let text = gemma3()?.json("generate", &prompt)["text"].to_string();
    assert!(text.contains("Paris"), "{text}");
    Ok(())
}

/// An instructed model: it answers.
fn qwen2_writes_code() -> Outcome {
    let question = [
        "Write a Python function that adds two numbers.",
        "--chat",
        "--max-tokens",
        "128",
    ];
    let text = qwen2()?.json("generate", &question)["text"].to_string();
    assert!(
        text.contains("def ") && text.contains("return a + b"),
        "{text}"
    );
    Ok(())
}

/// The same tokens of the golden text, predicted as well as llama.cpp predicts them with the same
/// file: in the same windows, all positions counted. Its KV cache is its default one, in f16.
fn predicts_as_llama_cpp(program: &Program, model: &Path) {
    let text = paths::data("smollm2/english_a.txt");
    let threads = available_parallelism().map_or(1, usize::from);
    let theirs = LlamaCpp::build(None).score(model, &text, WINDOW, threads);
    let [window, threads] = [WINDOW, threads].map(|number| number.to_string());
    let text = text.to_str().expect("a UTF-8 path");
    let args = ["--window", &window, "--threads", &threads, "--", text];
    let ours = program.json("score", &args);
    assert_eq!(ids(&ours, "tokens"), ids(&theirs, "tokens"));
    let [ours, theirs] = [ours, theirs].map(|score| number(&score, "perplexity"));
    let difference = ours / theirs - 1.0;
    println!(
        "{}: perplexity {ours:.4}, llama.cpp's {theirs:.4}: {:+.3} %",
        model.display(),
        100.0 * difference
    );
    assert!(difference.abs() <= NEAR, "{ours}, llama.cpp {theirs}");
}

fn gemma3_predicts_as_llama_cpp() -> Outcome {
    predicts_as_llama_cpp(&gemma3()?, &paths::gemma3()?);
    Ok(())
}

fn qwen2_predicts_as_llama_cpp() -> Outcome {
    predicts_as_llama_cpp(&qwen2()?, &paths::qwen2()?);
    Ok(())
}

tests::trials![
    nightly: gemma3_knows_a_capital,
    qwen2_writes_code,
    gemma3_predicts_as_llama_cpp,
    qwen2_predicts_as_llama_cpp,
];
