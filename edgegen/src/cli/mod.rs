//! The command line: parses, calls the stages, prints.
#![allow(rustdoc::invalid_html_tags, reason = "help is text")]

mod beside;
mod compression;
mod demo;
mod emission;
mod emit;
mod estimate;
mod eval;
mod fetch;
mod fit;
mod inspect;
mod measure;
mod models;
mod name;
mod new;
mod number;
mod output;
mod plan;
mod platforms;
mod policy;
mod profile;
mod progress;
mod reading;
mod sweep;
mod usage;
mod verify;

use std::env;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::error::{Error, Result, Setting};
use crate::model::Model;
use crate::plain::plain;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

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
    Fetch(fetch::Args),
    Inspect(inspect::Args),
    Models(models::Args),
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
            Self::Fetch(args) => args.json,
            Self::Inspect(args) => args.json,
            Self::Models(args) => args.json,
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
            Self::Emit(args) => in_model(emit::run(args), args.model()),
            Self::Estimate(args) => estimate::run(args),
            Self::Eval(args) => in_model(eval::run(args), Some(args.model())),
            Self::Fetch(args) => fetch::run(args),
            Self::Inspect(args) => inspect::run(args),
            Self::Models(args) => Ok(models::run(args)),
            Self::New(args) => new::run(args),
            Self::Plan(args) => in_model(plan::run(args), args.model()),
            Self::Platforms(args) => platforms::run(args),
            Self::Profile(args) => profile::run(args),
            Self::Sweep(args) => in_model(sweep::run(args), Some(args.model())),
            Self::Verify(args) => verify::run(args),
        }
    }
}

/// Names the model's file in an error about its weights.
fn in_model(result: Result<String>, model: Option<&Path>) -> Result<String> {
    result.map_err(|error| match model {
        Some(model) if error.is_of_weights() => error.in_file(model),
        _ => error,
    })
}

/// Runs the program. The status is 0, 1 where something is refused or fails, 2 for a
/// wrong command line.
pub fn main() -> ExitCode {
    let cli = Cli::command();
    let parsed = cli.clone().try_get_matches().and_then(|matches| {
        let command = Cli::from_arg_matches(&matches)?.command;
        Ok((
            command,
            matches.subcommand_name().unwrap_or_default().to_owned(),
        ))
    });
    let (command, name) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return print_usage(&usage::explained(error, &cli)),
    };
    match command.run() {
        Ok(text) => print(&text, ExitCode::SUCCESS),
        Err(error) => {
            let message = told(&error, cli.find_subcommand(&name).unwrap_or(&cli));
            // Nobody may be listening there either.
            let _ = writeln!(io::stderr(), "error: {message}");
            print_failure(&message, command.json(), ExitCode::FAILURE)
        }
    }
}

/// The message, without ways by options that the command has not.
fn told(error: &Error, command: &clap::Command) -> String {
    let has = |setting: &Setting| {
        let mut options = command.get_arguments().filter_map(clap::Arg::get_long);
        options.any(|option| option == setting.long())
    };
    error.told(|setting| has(setting).then(|| setting.to_string()))
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

/// What of a model's files was left out of account, for people.
fn warnings(model: &Model) -> String {
    let notes = model.notes().iter();
    notes.map(|note| format!("warning  {note}\n")).collect()
}

/// A path for people.
fn shown_path(path: &Path) -> String {
    plain(&path.to_string_lossy(), MOST_PATH)
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let mut bytes = path.as_os_str().as_encoded_bytes().to_owned();
    if bytes.starts_with(b"-") {
        bytes.splice(0..0, *b"./");
    }
    let safe = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-:@".contains(byte);
    let text = String::from_utf8(bytes).map_err(|error| error.into_bytes());
    match text {
        Ok(text) if text.bytes().all(|byte| safe(&byte)) => text,
        Ok(text) if plain(&text, usize::MAX) == text => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        // What would act on a terminal, or is no text.
        text => {
            let bytes = text.map_or_else(|bytes| bytes, String::into_bytes);
            let written = |byte: u8| match safe(&byte) {
                true => char::from(byte).to_string(),
                false => format!("\\x{byte:02x}"),
            };
            format!("$'{}'", bytes.into_iter().map(written).collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_a_path_as_it_is() {
        for (path, expected) in [
            ("a/b-c_d.e", "a/b-c_d.e"),
            ("hf:a/b@c", "hf:a/b@c"),
            ("-a", "./-a"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("größe", "'größe'"),
            ("a\n'b\u{1b}", r"$'a\x0a\x27b\x1b'"),
        ] {
            assert_eq!(quoted(Path::new(path)), expected);
        }
    }

    #[test]
    #[cfg(unix)]
    fn bytes_that_are_no_text_are_taken_too() {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"a\xff");
        assert_eq!(quoted(Path::new(name)), r"$'a\xff'");
    }
}
