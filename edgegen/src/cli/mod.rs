//! The command line: parses, calls the stages, prints.

mod compression;
mod demo;
mod emit;
mod estimate;
mod eval;
mod fit;
mod inspect;
mod job;
mod measure;
mod name;
mod new;
mod output;
mod plan;
mod platforms;
mod policy;
mod profile;
mod progress;
mod sweep;
mod verify;

use std::env;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::error::Result;
use crate::plain::plain;
use clap::{Parser, Subcommand};

/// A compiler for small language models: a model file and a platform profile in, a
/// standalone Rust crate out.
#[derive(Parser)]
#[command(name = "edgegen", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Args),
    Emit(emit::Args),
    Estimate(estimate::Args),
    Eval(eval::Args),
    Inspect(inspect::Args),
    New(new::Args),
    Plan(plan::Args),
    Platforms(platforms::Args),
    Profile(profile::Args),
    Sweep(sweep::Args),
    Verify(verify::Args),
}

/// The most bytes of a path that are shown.
const MOST_PATH: usize = 4096;

impl Command {
    fn json(&self) -> bool {
        match self {
            Self::Demo(args) => args.json,
            Self::Emit(args) => args.json,
            Self::Estimate(args) => args.json,
            Self::Eval(args) => args.json,
            Self::Inspect(args) => args.json,
            Self::New(args) => args.json,
            Self::Plan(args) => args.json,
            Self::Platforms(args) => args.json,
            Self::Profile(args) => args.json,
            Self::Sweep(args) => args.json,
            Self::Verify(args) => args.json,
        }
    }

    /// Carries the command out and gives what to print.
    fn run(&self) -> Result<String> {
        match self {
            Self::Demo(args) => demo::run(args),
            Self::Emit(args) => emit::run(args),
            Self::Estimate(args) => estimate::run(args),
            Self::Eval(args) => eval::run(args),
            Self::Inspect(args) => inspect::run(args),
            Self::New(args) => new::run(args),
            Self::Plan(args) => plan::run(args),
            Self::Platforms(args) => platforms::run(args),
            Self::Profile(args) => profile::run(args),
            Self::Sweep(args) => sweep::run(args),
            Self::Verify(args) => verify::run(args),
        }
    }
}

/// Runs the program. The status is 0, 1 where something is refused or fails, 2 for a
/// wrong command line.
pub fn main() -> ExitCode {
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return print_usage(&error),
    };
    match command.run() {
        Ok(text) => print(&text, ExitCode::SUCCESS),
        Err(error) => {
            // Nobody may be listening there either.
            let _ = writeln!(io::stderr(), "error: {error}");
            print_failure(&error.to_string(), command.json(), ExitCode::FAILURE)
        }
    }
}

/// Prints help, or what is wrong with a command line.
fn print_usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let text = text.trim_start_matches("error: ").trim_end();
    let asked = env::args_os().any(|argument| argument == "--json");
    print_failure(text, asked, ExitCode::from(2))
}

/// What stdout has of a failure: nothing, or one JSON object where that is asked for.
fn print_failure(error: &str, asked: bool, status: ExitCode) -> ExitCode {
    let text = match asked {
        true => json(&serde_json::json!({ "error": error })),
        false => String::new(),
    };
    print(&text, status)
}

/// Prints to stdout. A reader that went away, such as `head`, is no failure.
fn print(text: &str, status: ExitCode) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "error: cannot write the output: {error}");
            ExitCode::FAILURE
        }
        _ => status,
    }
}

/// One line of JSON.
fn json(value: &impl serde::Serialize) -> String {
    let text = serde_json::to_string(value).expect("what commands print has no other keys");
    text + "\n"
}

/// A path for people.
fn shown_path(path: &Path) -> String {
    plain(&path.to_string_lossy(), MOST_PATH)
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let mut path = shown_path(path);
    if path.starts_with('-') {
        path.insert_str(0, "./");
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if path.chars().all(plain) {
        path
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}
