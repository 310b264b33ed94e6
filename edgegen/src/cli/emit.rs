//! `edgegen emit`.

use std::fmt::Write;
use std::iter::once;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use crate::compress::compress;
use crate::emit::{Options, WriteReport, check_folder, emit, write};
use crate::error::Result;
use crate::import::import_with_tokenizer;
use crate::interpret::golden;
use crate::plan::{Plan, Quant, Request, plan};
use crate::profile::{Profile, format_size};
use crate::program::{Golden, WeightFormat};
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::{json, name, progress};

/// Compile a model into a Rust crate
#[derive(clap::Args)]
pub(super) struct Args {
    /// GGUF file, Hugging Face folder or llama2.c `.bin`
    model: PathBuf,
    /// Built-in platform, or a profile's TOML file (see `edgegen platforms`)
    #[arg(long, value_name = "P")]
    platform: String,
    /// Folder of the crate [default: ./<crate name>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Name of the crate [default: from the model's name]
    #[arg(long, value_name = "CRATE")]
    name: Option<String>,
    /// Weight format; `keep` repacks the file's own, without loss where that is possible
    #[arg(long, default_value = "keep", value_parser = quant())]
    quant: Quant,
    /// Tokens that a session holds [default: the platform's, at most the model's]
    #[arg(long, value_name = "N")]
    context: Option<usize>,
    /// Tokenizer of a llama2.c model [default: `tokenizer.bin` beside it]
    #[arg(long, value_name = "FILE")]
    tokenizer: Option<PathBuf>,
    /// Emit even if the platform's limits are exceeded
    #[arg(long)]
    allow_oversize: bool,
    /// Replace files that were changed by hand or that edgegen did not write
    #[arg(long)]
    force: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

fn quant() -> impl TypedValueParser<Value = Quant> {
    let names = once("keep").chain(WeightFormat::ALL.map(WeightFormat::name));
    PossibleValuesParser::new(names).try_map(|text| text.parse::<Quant>())
}

pub(super) fn run(args: &Args) -> Result<String> {
    let profile = Profile::load(&args.platform)?;
    // What is wrong with the destination shows before the long work.
    if let Some(name) = &args.name {
        name::check(name)?;
    }
    if let Some(out) = &args.out {
        check_folder(out, args.force)?;
    }
    let model = progress::spin("reading the model", || {
        import_with_tokenizer(&args.model, args.tokenizer.as_deref())
    })?;
    let name = args
        .name
        .clone()
        .unwrap_or_else(|| name::of_model(model.name()));
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(&name));
    check_folder(&out, args.force)?;

    let request = Request {
        quant: args.quant,
        context: args.context,
        allow_oversize: args.allow_oversize,
    };
    let plan = plan(&model, &profile, &request)?;
    let program = progress::count("packing the weights", |step| compress(&model, &plan, step))?;
    let golden = progress::spin("running the golden tokens", || {
        let threads = available_parallelism().map_or(1, usize::from);
        golden(&program, threads)
    })?;
    let options = Options {
        name,
        allow_oversize: args.allow_oversize,
    };
    let krate = progress::spin("writing the crate", || {
        let krate = emit(&program, &golden, &profile, &options);
        write(&krate, &out, args.force)
    });
    let done = Done {
        name: &options.name,
        out: &out,
        profile: &profile,
        plan: &plan,
        golden: &golden,
        report: krate?,
    };
    Ok(if args.json { done.json() } else { done.text() })
}

/// What was done.
struct Done<'a> {
    name: &'a str,
    out: &'a Path,
    profile: &'a Profile,
    plan: &'a Plan,
    golden: &'a Golden,
    report: WriteReport,
}

impl Done<'_> {
    fn json(&self) -> String {
        let conversions = self.plan.conversions().iter().map(|conversion| {
            serde_json::json!({
                "from": conversion.from.name(),
                "to": conversion.to.name(),
                "matrices": conversion.count,
                "lossless": conversion.lossless,
            })
        });
        json(&serde_json::json!({
            "name": self.name,
            "path": self.out.to_string_lossy(),
            "platform": self.profile.name(),
            "weights": conversions.collect::<Vec<_>>(),
            "flash_bytes": self.plan.footprint().flash(),
            "ram_bytes": self.plan.footprint().ram(),
            "context": self.plan.context(),
            "hash": format!("{:016x}", self.golden.logits),
            "written": self.report.written,
            "unchanged": self.report.unchanged,
            "removed": self.report.removed,
        }))
    }

    fn text(&self) -> String {
        let WriteReport {
            written,
            unchanged,
            removed,
        } = self.report;
        let footprint = self.plan.footprint();
        let size = |bytes: usize| format_size(bytes as u64);
        let mut text = String::new();
        let mut row = |what: &str, value: &dyn std::fmt::Display| {
            let _ = writeln!(text, "{what:<9}{value}");
        };
        row(
            "crate",
            &format_args!("{} in {}", self.name, self.out.display()),
        );
        row(
            "files",
            &format_args!("{written} written, {unchanged} unchanged, {removed} removed"),
        );
        for conversion in self.plan.conversions() {
            row("weights", conversion);
        }
        row(
            "flash",
            &format_args!("{} of weights and tables", size(footprint.flash())),
        );
        row(
            "RAM",
            &format_args!(
                "{} a session of {} tokens",
                size(footprint.ram()),
                self.plan.context()
            ),
        );
        row("hash", &format_args!("{:016x}", self.golden.logits));
        row("next", &self.next());
        text
    }

    /// The command that builds the crate, or runs it where this machine can.
    fn next(&self) -> String {
        let target = self.profile.target();
        let here = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let build = if self.profile.std() && target == here && cfg!(target_os = "linux") {
            "cargo run --release -- generate \"Once upon a time\"".to_owned()
        } else if self.profile.std() && target.contains("-linux-") {
            "cross build --release".to_owned()
        } else {
            format!("cargo build --release --target {target}")
        };
        let out = self.out.to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        if out.chars().all(plain) {
            format!("cd {out} && {build}")
        } else {
            format!("cd '{}' && {build}", out.replace('\'', r"'\''"))
        }
    }
}
