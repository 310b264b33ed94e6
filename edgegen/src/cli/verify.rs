//! `edgegen verify`.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::error::{Error, Kind, Remedy, Result, Setting};
use crate::plain::{markdown, plain};
use serde_json::Value;

use super::{json, output};

/// Run a crate's self-test and a benchmark on a device, and record the result in the crate
#[derive(clap::Args)]
pub(super) struct Args {
    /// Folder of the crate
    #[arg(value_name = "CRATE")]
    folder: PathBuf,
    /// What runs the program: an emulator with its options, or `ssh HOST`, where the program is copied to [default: this machine]
    #[arg(long, value_name = "COMMAND")]
    runner: Option<String>,
    /// Target triple to build for [default: this machine's]
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// A program that is built already, for instance by `cross`
    #[arg(long, value_name = "FILE", conflicts_with = "target")]
    program: Option<PathBuf>,
    /// Name of the device in the record [default: the runner]
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// Tokens of the benchmark: so many are read and so many decoded
    #[arg(long, value_name = "N", default_value_t = 16)]
    tokens: usize,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

/// Where results are kept, in the crate's folder.
const RECORD: &str = "VERIFIED.md";
const HEAD: &str = "# Verified\n\n\
    What `edgegen verify` found: the golden hash of the logits, computed on the device, and the speed there.\n\n\
    | device | instruction set | hash | prefill, tokens/s | decode, tokens/s | memory |\n\
    |---|---|---|---|---|---|\n";
/// The most bytes of what a program says of itself.
const MOST: usize = 200;
/// The names of the program and its weights on a device that they are copied to.
const COPY: &str = "./edgegen-verify-program";
const WEIGHTS_COPY: &str = "./edgegen-verify-weights";

pub(super) fn run(args: &Args) -> Result<String> {
    if !args.folder.join("edgegen.lock").is_file() {
        return Err(
            Error::of(Kind::Option, "this is no crate that edgegen emitted")
                .in_file(&args.folder)
                .remedy("give the folder that `edgegen emit` wrote"),
        );
    }
    let program = match &args.program {
        Some(program) => program.clone(),
        None => {
            check_target(&args.folder, args.target.as_deref())?;
            build(&args.folder, args.target.as_deref())?
        }
    };
    let weights = weights(&args.folder)?;
    let runner = Runner::new(
        args.runner.as_deref().unwrap_or_default(),
        &program,
        weights.as_deref(),
    )?;
    let test = runner.json(&["self-test", "--json"])?;
    let tokens = args.tokens.to_string();
    let speed = ["--tokens", &tokens, "--prompt-tokens", &tokens];
    let bench = runner.json(&[&["bench", "--json"], &speed[..]].concat())?;

    let device = args.device.as_deref().or(args.runner.as_deref());
    let row = Row {
        device: device.unwrap_or("this machine").to_owned(),
        test: &test,
        bench: &bench,
    };
    record(&args.folder.join(RECORD), &row)?;
    if test["ok"] != true {
        return Err(Error::tool(format!(
            "the bits differ from {} on: {}, not {}",
            text(&test, "first_difference"),
            text(&test, "hash"),
            text(&test, "expected")
        ))
        .in_file(&program)
        .remedy("this is a bug of edgegen, or of the device: please report it with both"));
    }
    Ok(if args.json {
        json(&serde_json::json!({ "device": row.device, "self_test": test, "bench": bench }))
    } else {
        format!("{HEAD}{}", row.markdown())
    })
}

/// Refuses to build a crate for this machine whose kernels are for another kind.
fn check_target(folder: &Path, target: Option<&str>) -> Result<()> {
    let built_for = fs::read_to_string(folder.join("Cross.toml"))
        .ok()
        .and_then(|text| text.parse::<toml::Table>().ok())
        .and_then(|table| Some(table["build"].get("default-target")?.as_str()?.to_owned()));
    let Some(built_for) = built_for.filter(|_| target.is_none()) else {
        return Ok(());
    };
    let arch = built_for.split('-').next().unwrap_or_default();
    if arch == std::env::consts::ARCH {
        return Ok(());
    }
    Err(Error::option(
        "target",
        format!(
            "the crate is for {built_for}, this machine is {}",
            std::env::consts::ARCH
        ),
    )
    .in_file(folder)
    .remedy(
        Remedy::from("give ")
            .set(Setting::text("target", &built_for))
            .say(" and what runs it, such as ")
            .set(Setting::text("runner", "\"ssh pi\""))
            .or(Remedy::from("give a program that was built with ").set(Setting::named("program"))),
    ))
}

/// Builds the crate's program.
fn build(folder: &Path, target: Option<&str>) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args([
            "build",
            "--release",
            "--message-format",
            "json-render-diagnostics",
        ])
        .current_dir(folder)
        .stderr(Stdio::inherit());
    if let Some(target) = target {
        command.args(["--target", target]);
    }
    let output = output(&mut command)?;
    let program = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|message| Some(PathBuf::from(message["executable"].as_str()?)));
    match program {
        Some(program) if output.status.success() => Ok(program),
        _ => Err(Error::tool("cargo built no program")
            .in_file(folder)
            .remedy(
                Remedy::from("give ")
                    .set(Setting::named("target"))
                    .say(" and its linker")
                    .or(Remedy::from("give a program with ").set(Setting::named("program"))),
            )),
    }
}

/// The crate's file of weights, if they are not in the program.
fn weights(folder: &Path) -> Result<Option<PathBuf>> {
    let failed = |error| Error::io("list the folder", folder, &error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|end| end == "weights") {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// How the program is started.
struct Runner<'a> {
    words: Vec<&'a str>,
    program: &'a Path,
    /// The file of weights, if there is one.
    weights: Option<&'a Path>,
    /// Whether program and weights are on another machine.
    copied: bool,
}

impl<'a> Runner<'a> {
    fn new(command: &'a str, program: &'a Path, weights: Option<&'a Path>) -> Result<Self> {
        let words: Vec<&str> = command.split_whitespace().collect();
        let copied = words.first() == Some(&"ssh");
        let runner = Self {
            words,
            program,
            weights,
            copied,
        };
        if copied {
            runner.copy(program, &format!("cat > {COPY} && chmod +x {COPY}"))?;
            if let Some(weights) = weights {
                runner.copy(weights, &format!("cat > {WEIGHTS_COPY}"))?;
            }
        }
        Ok(runner)
    }

    /// Gives a file to a command on the other machine.
    fn copy(&self, file: &Path, command: &str) -> Result<()> {
        let content = File::open(file).map_err(|e| Error::io("read it", file, &e))?;
        let mut copy = self.start();
        copy.arg(command).stdin(content).stderr(Stdio::inherit());
        if output(&mut copy)?.status.success() {
            return Ok(());
        }
        let runner = self.words.join(" ");
        Err(Error::tool(format!("`{runner}` could not copy it")).in_file(file))
    }

    /// The runner's command, to which arguments are added.
    fn start(&self) -> Command {
        let mut command = match &self.words[..] {
            [] => return Command::new(self.program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest);
                command
            }
        };
        if !self.copied {
            command.arg(self.program);
        }
        command
    }

    /// What the program prints.
    fn json(&self, arguments: &[&str]) -> Result<Value> {
        let mut command = self.start();
        if self.copied {
            command.arg(COPY);
        }
        command.args(arguments);
        if let Some(weights) = self.weights {
            let copy = Path::new(WEIGHTS_COPY);
            let there = if self.copied { copy } else { weights };
            command.arg("--weights").arg(there);
        }
        let output = output(&mut command)?;
        serde_json::from_slice(&output.stdout).map_err(|_| {
            Error::tool(format!(
                "`{}` printed no JSON: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            ))
            .in_file(self.program)
            .remedy("check that the runner can run this program")
        })
    }
}

impl Drop for Runner<'_> {
    fn drop(&mut self) {
        if self.copied {
            // What cannot be removed is left there.
            let _ = self.start().args(["rm", "-f", COPY, WEIGHTS_COPY]).output();
        }
    }
}

fn output(command: &mut Command) -> Result<Output> {
    command.output().map_err(|error| {
        let name = command.get_program().to_string_lossy().into_owned();
        Error::tool(format!("cannot start `{name}`: {error}"))
    })
}

struct Row<'a> {
    device: String,
    test: &'a Value,
    bench: &'a Value,
}

impl Row<'_> {
    fn markdown(&self) -> String {
        let number = |key: &str| self.bench[key].as_f64().unwrap_or_default();
        let hash = match self.test["first_difference"].as_str() {
            None => format!("`{}`", text(self.test, "hash")),
            Some(_) => format!(
                "**differs from {} on**",
                text(self.test, "first_difference")
            ),
        };
        format!(
            "| {} | {} | {hash} | {:.1} | {:.1} | {:.1} MB |\n",
            markdown(&self.device.replace('|', "/")),
            text(self.test, "isa"),
            number("prefill_tokens_per_second"),
            number("decode_tokens_per_second"),
            number("memory_used_mb"),
        )
    }
}

/// What the program says of itself: it may run on a machine of somebody else.
fn text(value: &Value, key: &str) -> String {
    markdown(&plain(value[key].as_str().unwrap_or("?"), MOST))
}

/// Puts the row into the record, in place of one of the same device and instruction set.
fn record(file: &Path, row: &Row<'_>) -> Result<()> {
    let old = match fs::read_to_string(file) {
        Ok(old) => old,
        Err(error) if error.kind() == ErrorKind::NotFound => HEAD.to_owned(),
        Err(error) => return Err(Error::io("read it", file, &error)),
    };
    let new = row.markdown();
    let key = |line: &str| line.split('|').take(3).collect::<String>();
    let mut kept: String = old
        .lines()
        .filter(|line| key(line) != key(&new))
        .map(|line| format!("{line}\n"))
        .collect();
    kept.push_str(&new);
    output::write("it", file, &kept)
}
