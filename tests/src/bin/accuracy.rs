//! Prints the built-in model's accuracy in each weight format, and with `--misses` what it gets wrong.

use edgegen::program::WeightFormat;
use tests::homectl::{SETS, examples, misses, program};

fn main() {
    let show = std::env::args().any(|argument| argument == "--misses");
    println!("| format | generated | written |\n|---|---|---|");
    for format in [
        WeightFormat::F32,
        WeightFormat::F16,
        WeightFormat::Q8,
        WeightFormat::Q4,
    ] {
        let program = program(format);
        let mut cells = Vec::new();
        for set in SETS {
            let examples = examples(set);
            let misses = misses(&program, &examples);
            let right = examples.len() - misses.len();
            cells.push(format!(
                "{:.2} %",
                100.0 * right as f64 / examples.len() as f64
            ));
            for miss in misses.iter().filter(|_| show) {
                eprintln!(
                    "{format} {set}: {}\n    {}\n    {}",
                    miss.example.command, miss.example.answer, miss.said
                );
            }
        }
        println!("| `{format}` | {} |", cells.join(" | "));
    }
}
