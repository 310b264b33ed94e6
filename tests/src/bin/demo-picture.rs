//! Draws `docs/demo.svg`: the README's main command and what it prints.

use std::fmt::Write;
use std::process::Command;

use tests::{emitted, paths, run};

const PROMPT: &str = "switch off the lamp in the kitchen";
const LINE: usize = 20;
const COLUMN: f64 = 8.4;

fn main() {
    let mut demo = Command::new(emitted::edgegen());
    let printed = run::must(demo.args(["demo", PROMPT]).current_dir(paths::workspace()));
    let lines: Vec<String> = std::iter::once(format!("$ cargo run -- demo \"{PROMPT}\""))
        .chain(printed.lines().map(str::to_owned))
        .collect();
    let longest = lines
        .iter()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or(0);
    let (width, height) = (longest as f64 * COLUMN + 32.0, lines.len() * LINE + 28);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height}\" role=\"img\" aria-label=\"edgegen demo\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#1b1f27\"/>\n\
         <g font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, monospace\" font-size=\"14\" xml:space=\"preserve\">\n"
    );
    for (index, line) in lines.iter().enumerate() {
        let color = match index {
            0 => "#7ee787",
            1 => "#ffffff",
            _ => "#aab4c3",
        };
        let text = line.replace('&', "&amp;").replace('<', "&lt;");
        let y = 28 + index * LINE;
        let _ = writeln!(
            svg,
            "<text x=\"16\" y=\"{y}\" fill=\"{color}\">{text}</text>"
        );
    }
    svg.push_str("</g>\n</svg>\n");
    let file = paths::workspace().join("docs/demo.svg");
    std::fs::write(&file, svg).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    println!("{}", file.display());
}
