//! Times answers with guesses from the text so far against answers without, in turn: the tokens
//! are the same.
//!
//! `bench-lookup [ROUNDS]`: 5 rounds unless told otherwise. Prints the table of
//! `docs/performance.md`.

use serde_json::Value;
use tests::peers::median;
use tests::{Outcome, Recipe, Target, paths};

const TEXT: &str = "The ferry to the island leaves at seven. Anna Berg, who has kept the lighthouse \
for thirty years, waits on the pier with a basket of apples. Her brother Tom comes late, as he \
always does, and the captain, a man called Olsen, blows the horn twice before he lets him aboard.";

const TASKS: [(&str, &str); 6] = [
    ("a question", "Explain in one sentence why the sky is blue."),
    (
        "a program",
        "Write a Python function that returns the n-th Fibonacci number.",
    ),
    ("a list", "List five fruits and their colours."),
    ("a summary", "Summarize this text: "),
    (
        "a correction",
        "Correct the spelling of this text and print it again: ",
    ),
    (
        "a changed copy",
        "Repeat this text with all names in capitals: ",
    ),
];

fn main() -> Outcome {
    let rounds = std::env::args().nth(1).unwrap_or_else(|| "5".into());
    let rounds: usize = rounds.parse().expect("a number of rounds");
    let model = paths::smollm2()?;
    let emitted = Recipe::new("smollm2-lookup", &model, "host", "keep").emit();
    let program = Target::Host.build(&emitted);
    println!(
        "| answer | threads | tokens | of them guessed | times as fast |\n|---|---|---|---|---|"
    );
    for (name, task) in TASKS {
        let prompt = if task.ends_with(": ") {
            format!("{task}{TEXT}")
        } else {
            task.to_owned()
        };
        for threads in ["1", "2"] {
            let args = [
                "--chat",
                "--max-tokens",
                "128",
                "--threads",
                threads,
                &prompt,
            ];
            // Token by token there are no guesses.
            let alone = [&["--batch", "1"][..], &args].concat();
            let mut speeds = [Vec::new(), Vec::new()];
            let mut last = Value::Null;
            for _ in 0..rounds {
                let plain = program.json("generate", &alone);
                last = program.json("generate", &args);
                assert_eq!(plain["tokens"], last["tokens"], "{name}");
                for (speeds, answer) in speeds.iter_mut().zip([&plain, &last]) {
                    speeds.push(answer["tokens_per_second"].as_f64().expect("a number"));
                }
            }
            let [plain, guessed] = speeds.map(|speeds| median(&speeds));
            println!(
                "| {name} | {threads} | {} | {} | {:.2} |",
                last["tokens_generated"],
                last["guessed_tokens"],
                guessed / plain
            );
        }
    }
    Ok(())
}
