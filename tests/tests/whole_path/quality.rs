//! Promise: integer activations cost no more quality than llama.cpp's.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use serde_json::Value;
use tests::golden::{list, number, read};
use tests::{Emitted, Outcome, Program, Recipe, Target, paths};

const WINDOW: &str = "256";

/// Scores a golden text and compares the perplexity with the reference's, as a fraction.
fn scores_within(
    fraction: f64,
    program: &Program,
    emitted: &Emitted,
    golden: &Value,
    text: &Path,
    logits: Option<&Path>,
) {
    let mut args = vec!["--window", WINDOW, "--threads", "2"];
    if let Some(file) = logits {
        let _ = std::fs::remove_file(file);
        args.extend(["--logits", file.to_str().expect("a UTF-8 path")]);
    }
    args.extend(["--", text.to_str().expect("a UTF-8 path")]);
    let found = number(&program.json("score", &args), "perplexity");
    let expected = list(golden, "runs")
        .iter()
        .find(|run| run["kind"] == "windows" && run["window"].as_u64() == WINDOW.parse().ok())
        .map(|run| number(run, "perplexity"))
        .expect("a golden run in windows");
    let difference = found / expected - 1.0;
    println!(
        "{}: perplexity {found:.4}, reference {expected:.4}: {:+.3} %",
        emitted.name,
        100.0 * difference
    );
    assert!(difference.abs() <= fraction, "{}: {found}", emitted.name);
}

/// The crate of the file's own weights, or of the same in f32, scores the golden text; with the
/// file of logits that it wrote, if one is wanted.
fn scores(quant: &str, logits: Option<&Path>) -> Outcome {
    let golden = read("smollm2/english_a.perplexity.json");
    let text = paths::data("smollm2/english_a.txt");
    let recipe = Recipe::new(
        &format!("smollm2-{quant}"),
        &paths::smollm2()?,
        "host",
        quant,
    );
    let emitted = recipe.emit();
    let program = Target::Host.build(&emitted);
    scores_within(0.005, &program, &emitted, &golden, &text, logits);
    Ok(())
}

fn smollm2_keeps_the_reference_perplexity() -> Outcome {
    scores("keep", None)
}

fn smollm2_keeps_the_quality_of_its_file() -> Outcome {
    let folder = tempfile::tempdir_in(paths::work("logits")).expect("a writable target folder");
    let files = ["f32", "keep"].map(|quant| folder.path().join(quant));
    for file in &files {
        let quant = file.file_name().and_then(|name| name.to_str());
        scores(quant.expect("a format"), Some(file))?;
    }
    let golden = read("smollm2/english_a.perplexity.json");
    let tokens = list(&golden, "ids").len();
    let agreement = compare(&files[0], &files[1], tokens);
    for (what, agreement) in ["all positions", "second halves"].iter().zip(&agreement) {
        println!(
            "keep against f32, {what}: mean KL divergence {:.6} nats, top-1 agreement {:.2} %",
            agreement.divergence,
            100.0 * agreement.top1
        );
        assert!(agreement.top1 >= 0.943);
    }
    let [all, second_halves] = agreement;
    // llama.cpp's `perplexity --kl-divergence` scores the second half of each window, where a
    // prediction has a context; its figure on this file is 0.0028.
    assert!(second_halves.divergence <= 0.0028);
    assert!(all.divergence <= 0.003);
    Ok(())
}

struct Agreement {
    /// Mean Kullback–Leibler divergence in nats.
    divergence: f64,
    /// Fraction of positions with the same most probable token.
    top1: f64,
}

/// Compares two files of logits, little-endian f32: over all positions, and over those in the
/// second half of their window.
fn compare(reference: &Path, other: &Path, positions: usize) -> [Agreement; 2] {
    let bytes = reference.metadata().expect("a file of logits").len() as usize;
    assert_eq!(
        other.metadata().expect("a file of logits").len() as usize,
        bytes
    );
    let row = bytes / positions;
    assert_eq!(row * positions, bytes, "whole rows of logits");
    let mut files =
        [reference, other].map(|path| BufReader::new(File::open(path).expect("a file of logits")));
    let window: usize = WINDOW.parse().expect("a number");
    let mut buffer = vec![0; row];
    let mut found = Vec::with_capacity(positions);
    for position in 0..positions {
        let [p, q] = files.each_mut().map(|file| {
            file.read_exact(&mut buffer).expect("a whole row");
            log_softmax(&buffer)
        });
        let divergence: f64 = p.iter().zip(&q).map(|(p, q)| p.exp() * (p - q)).sum();
        found.push((position % window, divergence, best(&p) == best(&q)));
    }
    [0, window / 2].map(|first| {
        let counted = found.iter().filter(|(at, ..)| *at >= first);
        let count = counted.clone().count() as f64;
        Agreement {
            divergence: counted
                .clone()
                .map(|(_, divergence, _)| divergence)
                .sum::<f64>()
                / count,
            top1: counted.filter(|(.., same)| *same).count() as f64 / count,
        }
    })
}

fn log_softmax(row: &[u8]) -> Vec<f64> {
    let (numbers, _) = row.as_chunks::<4>();
    let logits: Vec<f64> = numbers
        .iter()
        .map(|&b| f32::from_le_bytes(b).into())
        .collect();
    let max = logits.iter().copied().fold(f64::MIN, f64::max);
    let sum: f64 = logits.iter().map(|logit| (logit - max).exp()).sum();
    let log_sum = max + sum.ln();
    logits.into_iter().map(|logit| logit - log_sum).collect()
}

fn best(row: &[f64]) -> Option<usize> {
    (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]))
}

tests::trials![
    long: smollm2_keeps_the_reference_perplexity;
    nightly: smollm2_keeps_the_quality_of_its_file,
];
