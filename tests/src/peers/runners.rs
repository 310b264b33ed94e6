//! The programs that are compared.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde_json::Value;

use super::{Work, median};
use crate::measure::peak_memory;
use crate::{Program, Recipe, Target, paths, run};

pub const LLAMA_CPP: &str = "llama.cpp";
pub const CANDLE: &str = "candle";

const PROMPT: &str = "Once upon a time";

/// Prompt tokens and decoded tokens of a rate.
fn lengths(work: Work) -> (usize, usize) {
    match work {
        Work::Prefill(tokens) => (tokens, 1),
        Work::Decode(tokens) => (1, tokens),
        _ => (1, 1),
    }
}

fn seconds(command: &mut Command) -> f64 {
    let start = Instant::now();
    run::must(command);
    start.elapsed().as_secs_f64()
}

fn bytes(file: &Path) -> f64 {
    std::fs::metadata(file).expect("a file").len() as f64
}

/// What the JSON of a timed run says of a rate.
fn rate(report: &Value, work: Work) -> f64 {
    let field = match work {
        Work::Decode(_) => "decode_tokens_per_second",
        _ => "prefill_tokens_per_second",
    };
    report[field].as_f64().expect("a rate")
}

/// An emitted crate's program.
pub struct Ours {
    program: Program,
    folder: PathBuf,
}

impl Ours {
    pub fn build(name: &str, gguf: &Path) -> Self {
        let emitted = Recipe::new(name, gguf, "host", "keep").emit();
        Self {
            program: Target::Host.build(&emitted),
            folder: emitted.folder,
        }
    }

    /// Bytes of the matrices, which each decoded token reads once.
    pub fn weight_bytes(&self) -> u64 {
        let files = std::fs::read_dir(self.folder.join("weights")).expect("the crate's weights");
        let files = files.map(|file| file.expect("a file"));
        let is_matrix = |name: &str| name.starts_with("layer") || name.starts_with("embedding");
        files
            .filter(|file| is_matrix(&file.file_name().to_string_lossy()))
            .map(|file| file.metadata().expect("a file").len())
            .sum()
    }

    pub fn measure(&self, work: Work, threads: usize) -> f64 {
        let threads = threads.to_string();
        let mut one = Command::new(self.program.path());
        one.args([
            "generate",
            "--max-tokens",
            "1",
            "--threads",
            &threads,
            PROMPT,
        ]);
        match work {
            Work::Decode(_) | Work::Prefill(_) => {
                let (prompt, tokens) = lengths(work);
                let report = self.program.json(
                    "bench",
                    &[
                        "--threads",
                        &threads,
                        "--prompt-tokens",
                        &prompt.to_string(),
                        "--tokens",
                        &tokens.to_string(),
                        "--iterations",
                        "3",
                    ],
                );
                rate(&report, work)
            }
            Work::FirstToken => seconds(&mut one),
            Work::Memory => peak_memory(&mut one) as f64 - self.weight_bytes() as f64,
            Work::Disk => bytes(self.program.path()),
        }
    }
}

/// llama.cpp's own programs.
pub struct LlamaCpp {
    folder: PathBuf,
}

impl LlamaCpp {
    /// Builds it for this machine, or for an architecture of 64-bit Arm.
    pub fn build(architecture: Option<&str>) -> Self {
        // Tests of one process run at the same time.
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        eprintln!("building llama.cpp, unless it is there");
        let script = paths::workspace().join("tests/peers/llama-cpp.sh");
        let folder = run::must(Command::new(script).args(architecture));
        Self {
            folder: folder.trim_end().into(),
        }
    }

    /// The file of one of its programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The same model in another format.
    pub fn quantize(&self, model: &Path, format: &str) -> PathBuf {
        let stem = model.file_stem().expect("a file").to_string_lossy();
        let stem = stem.split('.').next().expect("a name");
        let file = paths::work("peers").join(format!("{stem}.{format}.gguf"));
        run::must(
            Command::new(self.program("llama-quantize"))
                .arg("--allow-requantize")
                .args([model, &file])
                .arg(format),
        );
        file
    }

    /// How well it predicts a text in windows: its `tokens` and the `perplexity`, as the emitted
    /// crate's `score` counts.
    pub fn score(&self, model: &Path, text: &Path, window: usize, threads: usize) -> Value {
        let mut score = Command::new(self.program("llama-score"));
        score.args([model, text]);
        score.args([window, threads].map(|number| number.to_string()));
        serde_json::from_str(&run::must(&mut score)).expect("JSON")
    }

    /// Flash attention off and on; what starts a process has no such choice to make.
    pub fn settings(work: Work) -> &'static [&'static str] {
        if work.is_rate() {
            &["off", "on"]
        } else {
            &["auto"]
        }
    }

    /// One figure of a work on a model.
    pub fn measure(&self, model: &Path, work: Work, threads: usize, flash_attention: &str) -> f64 {
        let common = format!("-t {threads} -fa {flash_attention}");
        let command = |name: &str, args: &str| {
            let mut command = Command::new(self.program(name));
            command.arg("-m").arg(model).args(run::words(&common));
            command.args(run::words(args));
            command
        };
        let mut one = command(
            "llama-completion",
            "-n 1 --no-warmup -no-cnv --temp 0 -c 2048",
        );
        one.args(["-p", PROMPT]);
        match work {
            Work::Decode(_) | Work::Prefill(_) => {
                let lengths = match work {
                    Work::Decode(tokens) => format!("-p 0 -n {tokens}"),
                    _ => format!("-p {} -n 0", lengths(work).0),
                };
                let args = format!("{lengths} -r 3 -o json");
                let report = run::must(&mut command("llama-bench", &args));
                let report: Value = serde_json::from_str(&report).expect("JSON");
                let samples = report[0]["samples_ts"].as_array().expect("samples");
                let samples = samples
                    .iter()
                    .map(|sample| sample.as_f64().expect("a rate"));
                median(&samples.collect::<Vec<_>>())
            }
            Work::FirstToken => seconds(&mut one),
            Work::Memory => peak_memory(&mut one) as f64 - bytes(model),
            Work::Disk => bytes(&self.program("llama-completion")) + bytes(model),
        }
    }
}

/// candle's quantized llama.
pub struct Candle {
    program: PathBuf,
}

impl Candle {
    pub fn build() -> Self {
        eprintln!("building candle, unless it is there");
        let target = paths::work("candle");
        run::must(
            run::cargo("build")
                .env("RUSTFLAGS", "-C target-cpu=native")
                .args(["--release", "--locked", "--manifest-path"])
                .arg(paths::workspace().join("tests/peers/candle/Cargo.toml"))
                .arg("--target-dir")
                .arg(&target),
        );
        Self {
            program: target.join("release/candle-peer"),
        }
    }

    pub fn measure(&self, model: &Path, work: Work, threads: usize) -> f64 {
        let (prompt, tokens) = lengths(work);
        let report = run::must(
            Command::new(&self.program)
                .arg(model)
                .args([prompt, tokens, 3].map(|number| number.to_string()))
                .env("RAYON_NUM_THREADS", threads.to_string()),
        );
        rate(&serde_json::from_str(&report).expect("JSON"), work)
    }
}
