//! `edgegen emit`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::error::Result;
use crate::plan::{Plan, Quant, Request, mb};
use crate::profile::Profile;
use crate::program::{Golden, Program};
use crate::{compress, emit, import, interpret, plan};

use super::progress::Progress;
use super::{Output, name};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A GGUF file, a Hugging Face folder or a llama2.c checkpoint
    model: PathBuf,
    /// android, ios, raspberry_pi, esp32, browser, host, or a profile's TOML file
    #[arg(long, value_name = "P")]
    platform: String,
    /// Folder of the crate [default: the crate's name]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The crate's name [default: from the model's name]
    #[arg(long, value_name = "CRATE")]
    name: Option<String>,
    /// Weight format: keep (the file's own), f32, f16, q8, q4m or q4
    #[arg(long, default_value = "keep", value_parser = quant)]
    quant: Quant,
    /// Longest text in tokens [default: the profile's]
    #[arg(long, value_name = "N")]
    context: Option<usize>,
    /// The tokenizer of a llama2.c checkpoint [default: the one beside it]
    #[arg(long, value_name = "FILE")]
    tokenizer: Option<PathBuf>,
    /// Emit even what exceeds the profile's limits
    #[arg(long)]
    allow_oversize: bool,
    /// Replace files that were changed, or write into a folder that is not empty
    #[arg(long)]
    force: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

fn quant(text: &str) -> std::result::Result<Quant, String> {
    text.parse()
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    name: String,
    path: PathBuf,
    platform: String,
    context: usize,
    weights: Vec<Weights>,
    flash_bytes: usize,
    ram_bytes: usize,
    hash: String,
    written: usize,
    unchanged: usize,
    removed: usize,
}

/// What became of the matrices of one type.
#[derive(Debug, Serialize)]
struct Weights {
    from: &'static str,
    to: &'static str,
    matrices: usize,
    lossless: bool,
}

pub(super) fn run(arguments: Arguments) -> Result<Output> {
    let profile = Profile::load(&arguments.platform)?;
    let given = arguments.name.map(name::check).transpose()?;

    let progress = Progress::new("reading");
    let model = import::import_with_tokenizer(&arguments.model, arguments.tokenizer.as_deref())?;
    let name = given.unwrap_or_else(|| name::from_model(model.name()));
    let plan = plan::plan(
        &model,
        &profile,
        &Request {
            quant: arguments.quant,
            context: arguments.context,
            allow_oversize: arguments.allow_oversize,
        },
    )?;
    progress.says("packing");
    let program = compress::compress(&model, &plan, &|done, all| progress.at(done, all))?;
    progress.says("computing the golden hash");
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let golden = interpret::golden(&program, threads)?;
    progress.says("writing");
    let out = arguments.out.unwrap_or_else(|| PathBuf::from(&name));
    let options = emit::Options {
        name,
        allow_oversize: arguments.allow_oversize,
    };
    let krate = emit::emit(&program, &golden, &profile, &options);
    let written = emit::write(&krate, &out, arguments.force)?;
    progress.end();

    let report = Report {
        name: options.name,
        path: out,
        platform: profile.name().to_owned(),
        context: plan.context(),
        weights: weights(&plan),
        flash_bytes: program.flash_bytes(),
        ram_bytes: plan.footprint().ram(),
        hash: format!("{:016x}", golden.logits),
        written: written.written,
        unchanged: written.unchanged,
        removed: written.removed,
    };
    Ok(Output::new(
        text(&report, &plan, &profile, &program, &golden),
        report,
    ))
}

fn weights(plan: &Plan) -> Vec<Weights> {
    plan.conversions()
        .iter()
        .map(|conversion| Weights {
            from: conversion.from.name(),
            to: conversion.to.name(),
            matrices: conversion.count,
            lossless: conversion.lossless,
        })
        .collect()
}

fn text(
    report: &Report,
    plan: &Plan,
    profile: &Profile,
    program: &Program,
    golden: &Golden,
) -> String {
    let mut lines = vec![format!(
        "{} for {}: {} files written, {} unchanged, {} removed in {}",
        report.name,
        report.platform,
        report.written,
        report.unchanged,
        report.removed,
        report.path.display()
    )];
    lines.extend(plan.conversions().iter().map(|c| format!("  weights  {c}")));
    lines.push(format!("  flash    {}", mb(program.flash_bytes() as u64)));
    lines.push(format!(
        "  RAM      {} for {} tokens",
        mb(report.ram_bytes as u64),
        report.context
    ));
    lines.push(format!("  hash     {:016x}", golden.logits));
    let next = if profile.std() {
        "cargo run --release -- generate \"Once upon a time\"".to_owned()
    } else {
        format!("cargo build --release --target {}", profile.target())
    };
    lines.push(format!("next: cd {} && {next}", quoted(&report.path)));
    lines.join("\n")
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
