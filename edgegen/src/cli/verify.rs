//! `edgegen verify`.

mod record;
mod runner;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::builder::NonEmptyStringValueParser;
use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Kind, Remedy, Result, Setting};

use super::number::whole;
use super::{json, progress};
use record::{HEAD, RECORD, Row};
use runner::{Runner, output};

/// Run a crate's self-test and a benchmark on a device, and record the result in the crate
#[derive(clap::Args)]
pub(super) struct Args {
    /// Folder of the crate
    #[arg(value_name = "CRATE")]
    folder: PathBuf,
    /// What runs the program: an emulator with its options, or `ssh HOST`, where the program is copied to [default: this machine]
    #[arg(long, value_name = "COMMAND", value_parser = NonEmptyStringValueParser::new())]
    runner: Option<String>,
    /// Target triple to build for [default: this machine's]
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// A program that is built already, for instance by `cross`
    #[arg(long, value_name = "FILE", conflicts_with = "target")]
    program: Option<PathBuf>,
    /// Name of the device in the record [default: the runner]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    device: Option<String>,
    /// Tokens of the benchmark: so many are read and so many decoded [default: 16, or half of the context]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole)]
    tokens: Option<usize>,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

/// Tokens of the benchmark, if the context has room.
const TOKENS: usize = 16;

/// What `self-test` prints.
#[derive(Deserialize)]
struct SelfTest {
    hash: String,
    expected: String,
    ok: bool,
    isa: String,
    first_difference: Option<String>,
}

/// What `bench` prints.
#[derive(Deserialize)]
struct Bench {
    prefill_tokens_per_second: f64,
    decode_tokens_per_second: f64,
    memory_used_mb: f64,
}

pub(super) fn run(args: &Args) -> Result<String> {
    if !args.folder.join("edgegen.lock").is_file() {
        return Err(
            Error::of(Kind::Option, "this is no crate that edgegen emitted")
                .in_file(&args.folder)
                .remedy("give the folder that `edgegen emit` wrote"),
        );
    }
    let constants = Constants::read(&args.folder)?;
    let tokens = constants.tokens(args.tokens)?;
    let program = match &args.program {
        Some(program) => existing(program)?,
        None => {
            check_target(&args.folder, args.target.as_deref())?;
            build(&args.folder, args.target.as_deref())?
        }
    };
    let weights = weights(&args.folder)?;
    let runner = Runner::new(args.runner.as_deref(), &program, weights.as_deref())?;
    let (test, tested): (SelfTest, Value) = progress::spin("running the self-test", || {
        runner.json(&["self-test", "--json"])
    })?;
    let hash = format!("{:016x}", constants.hash);
    if test.expected != hash {
        let expected = &test.expected;
        let problem =
            format!("this is another crate's program: it expects {expected}, the crate {hash}");
        return Err(Error::tool(problem)
            .in_file(&program)
            .remedy("build the program again, from this crate"));
    }
    let tokens = tokens.to_string();
    let speed = ["--tokens", &tokens, "--prompt-tokens", &tokens];
    let (bench, timed): (Bench, Value) = progress::spin("timing", || {
        runner.json(&[&["bench", "--json"], &speed[..]].concat())
    })?;

    let device = args.device.as_deref().or(args.runner.as_deref());
    let row = Row {
        device: device.unwrap_or("this machine"),
        test: &test,
        bench: &bench,
    };
    record::put(&args.folder.join(RECORD), &row)?;
    if !test.passed() {
        return Err(Error::tool(format!(
            "the bits differ from {} on: {}, not {hash}",
            test.difference(),
            test.hash
        ))
        .in_file(&program)
        .remedy("this is a bug of edgegen, or of the device: please report it with both"));
    }
    Ok(if args.json {
        json(&serde_json::json!({ "device": row.device, "self_test": tested, "bench": timed }))
    } else {
        format!("{HEAD}{}", row.markdown())
    })
}

impl SelfTest {
    fn passed(&self) -> bool {
        self.ok && self.hash == self.expected
    }

    /// The stage from which on bits differ.
    fn difference(&self) -> &str {
        self.first_difference.as_deref().unwrap_or("the logits")
    }
}

/// What the crate's source says.
struct Constants {
    /// The hash of the logits in the golden run.
    hash: u64,
    context: usize,
}

impl Constants {
    fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("src/model.rs");
        let source =
            fs::read_to_string(&path).map_err(|error| Error::io("read it", &path, &error))?;
        let items = syn::parse_file(&source).map_or_else(|_| Vec::new(), |file| file.items);
        let number = |name: &str| items.iter().find_map(|item| integer(item, name));
        let context = number("CONTEXT").and_then(|context| usize::try_from(context).ok());
        number("GOLDEN_LOGITS")
            .zip(context)
            .map(|(hash, context)| Self { hash, context })
            .ok_or_else(|| {
                Error::new("the golden hash and the context are not in it")
                    .in_file(&path)
                    .remedy("emit the crate again")
            })
    }

    /// The tokens of the benchmark: those that were asked for, if there is room.
    fn tokens(&self, asked: Option<usize>) -> Result<usize> {
        let most = (self.context / 2).max(1);
        match asked {
            None => Ok(TOKENS.min(most)),
            Some(tokens) if (1..=most).contains(&tokens) => Ok(tokens),
            Some(tokens) => {
                let problem = format!(
                    "{tokens} tokens to read and {tokens} to decode, where the context is {}",
                    self.context
                );
                Err(Error::option("tokens", problem)
                    .remedy(Remedy::from(format!("give 1 to {most}"))))
            }
        }
    }
}

/// The value of a constant of this name, if it is a whole number.
fn integer(item: &syn::Item, name: &str) -> Option<u64> {
    let syn::Item::Const(constant) = item else {
        return None;
    };
    let syn::Expr::Lit(value) = &*constant.expr else {
        return None;
    };
    match &value.lit {
        syn::Lit::Int(number) if constant.ident == name => number.base10_parse().ok(),
        _ => None,
    }
}

/// The program, by a path that does not depend on where it is looked for.
fn existing(program: &Path) -> Result<PathBuf> {
    let absolute = program.canonicalize();
    let absolute = absolute.map_err(|error| Error::io("read the program", program, &error))?;
    if absolute.is_file() {
        return Ok(absolute);
    }
    Err(Error::of(Kind::Option, "this is no program")
        .in_file(program)
        .remedy("give the file that was built"))
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
