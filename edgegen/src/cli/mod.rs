//! The command line: a thin caller of the library, one file a command.

mod emit;
mod inspect;
mod name;
mod platforms;
mod progress;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde::Serialize;
use serde_json::json;

use crate::error::{Error, Result};

/// A compiler for small language models: a model file and a platform profile
/// in, a standalone Rust crate out.
#[derive(Debug, Parser)]
#[command(name = "edgegen", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compile a model into a crate
    Emit(emit::Arguments),
    /// Show what a model file holds
    Inspect(inspect::Arguments),
    /// Show the platform profiles
    Platforms(platforms::Arguments),
}

/// What a command has to say.
struct Output {
    text: String,
    json: serde_json::Value,
}

impl Output {
    fn new(text: String, value: impl Serialize) -> Self {
        Self {
            text,
            // Strings, numbers and lists: nothing that JSON cannot hold.
            json: serde_json::to_value(value).unwrap_or_default(),
        }
    }
}

/// Runs the program. The status is 0, 1 where something is refused, 2 for a
/// wrong command line.
pub fn main() -> ExitCode {
    let command = Cli::parse().command;
    let json = match &command {
        Command::Emit(arguments) => arguments.json,
        Command::Inspect(arguments) => arguments.json,
        Command::Platforms(arguments) => arguments.json,
    };
    let result = match command {
        Command::Emit(arguments) => emit::run(arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Platforms(arguments) => platforms::run(&arguments),
    };
    report(result, json)
}

fn report(result: Result<Output>, json: bool) -> ExitCode {
    let (text, status) = match result {
        Ok(output) if json => (output.json.to_string(), ExitCode::SUCCESS),
        Ok(output) => (output.text.trim_end().to_owned(), ExitCode::SUCCESS),
        Err(error) => {
            eprintln!("error: {error}");
            if !json {
                return ExitCode::FAILURE;
            }
            (
                json!({ "error": error.to_string() }).to_string(),
                ExitCode::FAILURE,
            )
        }
    };
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("error: {}", Error::new(format!("cannot write: {error}")));
            ExitCode::FAILURE
        }
        _ => status,
    }
}
