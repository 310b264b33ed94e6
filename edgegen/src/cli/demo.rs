//! `edgegen demo`: the built-in model, compiled for this machine and asked.

use std::fmt::Write as _;
use std::io::{self, BufRead, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::error::{Error, Result};
use crate::import::{BUILT_IN_PROMPT, built_in};
use crate::plain::plain;
use crate::plan::{Quant, Request};
use crate::profile::Profile;
use crate::program::WeightFormat;
use crate::size::format_size;

use super::emission::Emission;
use super::{json, progress, shown_path};

/// Compile the built-in model for this machine and run a command on it
#[derive(clap::Args)]
pub(super) struct Args {
    /// A household command, such as "switch off the lamp in the kitchen"; without one, commands are
    /// read line by line
    prompt: Option<String>,
    /// Folder of the crate
    #[arg(long, value_name = "DIR", default_value = "target/homectl")]
    out: PathBuf,
    /// Print one JSON object
    #[arg(long, requires = "prompt")]
    pub(super) json: bool,
}

pub(super) fn run(args: &Args) -> Result<String> {
    let profile = Profile::load("host")?;
    let model = progress::spin("reading the model", built_in)?;
    let done = Emission {
        model: &model,
        profile: &profile,
        request: Request {
            quant: Quant::To(WeightFormat::Q4),
            ..Request::default()
        },
        name: "homectl".into(),
        out: args.out.clone(),
        prompt: BUILT_IN_PROMPT,
        force: false,
        inputs: Vec::new(),
    }
    .run()?;
    let program = build(&args.out)?;
    let Some(prompt) = &args.prompt else {
        session(&program)?;
        return Ok(next(&args.out));
    };
    let answer = ask(&program, prompt)?;
    if args.json {
        let mut object = done.json();
        object["answer"] = answer;
        return Ok(json(&object));
    }
    let [flash, ram] = done.sizes().map(|bytes| format_size(bytes as u64));
    let mut text = shown(&answer);
    let _ = writeln!(text, "{ram} of RAM, {flash} of flash, 4-bit weights\n");
    Ok(text + &next(&args.out))
}

/// Builds the crate; cargo shows how it goes.
fn build(folder: &Path) -> Result<PathBuf> {
    eprintln!("building {}", shown_path(folder));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "build",
            "--release",
            "--message-format=json-render-diagnostics",
        ])
        .arg("--manifest-path")
        .arg(folder.join("Cargo.toml"))
        // On all cores: the first answer comes in half the time, and a fifth of the speed goes.
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| {
            Error::tool(format!("cannot run cargo: {error}"))
                .remedy("install Rust from https://rustup.rs")
        })?;
    let executable = output
        .stdout
        .split(|&byte| byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back();
    executable
        .filter(|_| output.status.success())
        .ok_or_else(|| {
            Error::tool("cargo could not build the crate")
                .in_file(folder)
                .remedy("cargo's message above says why")
        })
}

/// Bytes of a command that a message repeats.
const MOST_SHOWN: usize = 80;

/// Runs one command; what the program prints as JSON.
fn ask(program: &Path, prompt: &str) -> Result<Value> {
    let output = Command::new(program)
        .args(["generate", "--json", "--", prompt])
        .output()
        .map_err(|error| Error::io("run the program", program, &error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim().trim_start_matches("error: ");
        let problem = format!("\"{}\": {said}", plain(prompt, MOST_SHOWN));
        return Err(Error::tool(problem).remedy("try a shorter command"));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| {
        Error::tool(format!("the program printed no JSON: {error}")).in_file(program)
    })
}

/// The answer and what it took.
fn shown(answer: &Value) -> String {
    let number = |key: &str| answer[key].as_f64().unwrap_or_default();
    format!(
        "{}\n\n{} tokens read and {} written in {:.1} ms, {:.0} tokens/s\n",
        answer["text"].as_str().unwrap_or_default(),
        number("prompt_tokens"),
        number("tokens_generated"),
        number("latency_ms"),
        number("tokens_per_second"),
    )
}

/// Answers lines until there are no more.
fn session(program: &Path) -> Result<()> {
    let terminal = io::stdin().is_terminal();
    let failed = |error| Error::new(format!("cannot use the terminal: {error}"));
    if terminal {
        eprintln!("Commands for the house, one a line; an empty line ends.");
    }
    let mut commands = commands(io::stdin().lock().lines(), terminal);
    loop {
        if terminal {
            eprint!("> ");
        }
        let line = match commands.next() {
            None => return Ok(()),
            Some(Ok(line)) => line,
            Some(Err(error)) if error.kind() == ErrorKind::InvalidData => {
                eprintln!("error: the line is not UTF-8");
                continue;
            }
            Some(Err(error)) => return Err(failed(error)),
        };
        match ask(program, &line) {
            Ok(answer) => {
                let (text, ms) = (
                    &answer["text"],
                    answer["latency_ms"].as_f64().unwrap_or_default(),
                );
                let mut out = io::stdout().lock();
                writeln!(out, "{}", text.as_str().unwrap_or_default()).map_err(failed)?;
                eprintln!("  {ms:.1} ms");
            }
            Err(error) => eprintln!("error: {error}"),
        }
    }
}

/// The lines that are commands. At a terminal an empty line ends them, as people are told; elsewhere
/// only the end of the input does.
fn commands(
    lines: impl Iterator<Item = io::Result<String>>,
    terminal: bool,
) -> impl Iterator<Item = io::Result<String>> {
    let empty = |line: &io::Result<String>| line.as_ref().is_ok_and(|line| line.trim().is_empty());
    lines
        .take_while(move |line| !(terminal && empty(line)))
        .filter(move |line| !empty(line))
}

fn next(folder: &Path) -> String {
    format!(
        "crate    {}: no dependency, no_std, the weights inside\n\
         try      edgegen demo                                          line by line\n\
         \u{20}        edgegen emit --platform esp32 --quant q4              the same for a microcontroller\n\
         \u{20}        edgegen emit your-model.gguf --platform raspberry_pi  a model of your own\n",
        shown_path(folder)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_line_ends_a_terminal_and_not_a_pipe() {
        let read = |terminal| -> Vec<String> {
            let lines = ["a", "", " ", "b"].map(|line| Ok(line.to_owned()));
            let commands = commands(lines.into_iter(), terminal);
            commands.map(io::Result::unwrap).collect()
        };
        assert_eq!(read(true), ["a"]);
        assert_eq!(read(false), ["a", "b"]);
    }
}
