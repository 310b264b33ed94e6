//! Instructions that a program executes for a token: a measure of speed that does not drift.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Missing, Program, paths, run};

/// Compilers differ by less.
const TOLERANCE: f64 = 0.02;

/// What a program does with a token.
#[derive(Clone, Copy)]
pub enum Work {
    /// It is generated.
    Decode,
    /// It is one of a prompt, in batches as the profile has them.
    Prefill,
}

/// Prints the instructions of a token and compares them with what they should be.
///
/// # Errors
///
/// When they are too many or too few: what was counted, and the budget.
pub fn keeps(what: &str, count: u64, budget: u64) -> Result<(), String> {
    println!("{what}: {count} instructions a token");
    let change = count as f64 / budget as f64 - 1.0;
    if change.abs() > TOLERANCE {
        return Err(format!(
            "{what}: {count} instructions a token, not {budget}"
        ));
    }
    Ok(())
}

/// What one more token costs, by the difference of two run lengths.
fn per_token(lengths: [u64; 2], count: impl Fn(u64) -> u64) -> u64 {
    let [short, long] = lengths.map(count);
    (long - short) / (lengths[1] - lengths[0])
}

/// Runs a command under an instrument, and reads the number behind `label`.
fn counted(command: &mut Command, label: &str) -> u64 {
    let output = run::output(command);
    let report = String::from_utf8_lossy(&output.stderr);
    let count = report
        .lines()
        .find_map(|line| line.split_once(label))
        .and_then(|(_, count)| count.trim().parse().ok());
    count.unwrap_or_else(|| panic!("{command:?}: {}\n{report}", output.status))
}

/// The arguments with which an emitted program works on tokens.
fn bench(isa: &str, work: Work, tokens: u64) -> String {
    let (prompt, decoded) = match work {
        Work::Decode => (1, tokens),
        Work::Prefill => (tokens, 1),
    };
    format!(
        "bench --isa {isa} --threads 1 --iterations 1 --prompt-tokens {prompt} --tokens {decoded}"
    )
}

/// Of a program for this machine, by callgrind.
///
/// # Errors
///
/// When it is missing.
pub fn on_x86(program: &Program, isa: &str) -> Result<u64, Missing> {
    run::need(&[("valgrind", "valgrind")])?;
    Ok(per_token([8, 40], |tokens| {
        let mut command = Command::new("valgrind");
        command
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(program.path())
            .args(run::words(&bench(isa, Work::Decode, tokens)));
        counted(&mut command, "Collected :")
    }))
}

/// QEMU's emulation of 64-bit Arm, with a plugin that counts.
pub struct Aarch64 {
    plugin: PathBuf,
}

impl Aarch64 {
    /// Compiles the plugin.
    ///
    /// # Errors
    ///
    /// When a tool is missing.
    pub fn new() -> Result<Self, Missing> {
        run::need(&[("qemu-aarch64", "qemu-user"), ("gcc", "gcc")])?;
        let plugin = paths::work("peers").join("libcount.so");
        run::must(
            Command::new("gcc")
                .args(["-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-o"])
                .arg(&plugin)
                .arg(paths::workspace().join("tests/peers/count.c")),
        );
        Ok(Self { plugin })
    }

    fn emulate(&self, cpu: &str, program: &Path) -> Command {
        let mut command = Command::new("qemu-aarch64");
        command
            .args(["-cpu", cpu, "-plugin"])
            .arg(&self.plugin)
            .arg(program);
        command
    }

    /// Of a program for AArch64.
    pub fn per_token(&self, program: &Program, cpu: &str, isa: &str, work: Work) -> u64 {
        let lengths = match work {
            Work::Decode => [2, 6],
            Work::Prefill => [16, 48],
        };
        per_token(lengths, |tokens| {
            let mut command = self.emulate(cpu, program.path());
            command.args(run::words(&bench(isa, work, tokens)));
            counted(&mut command, "instructions ")
        })
    }

    /// Of llama.cpp, built for the CPU's architecture.
    pub fn per_token_of_llama_cpp(&self, bench: &Path, cpu: &str, model: &Path) -> u64 {
        per_token([2, 6], |tokens| {
            let mut command = self.emulate(cpu, bench);
            let args = format!("-t 1 -r 1 --no-warmup -fa on -p 0 -n {tokens}");
            command.arg("-m").arg(model).args(run::words(&args));
            counted(&mut command, "instructions ")
        })
    }
}
