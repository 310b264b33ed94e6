//! `edgegen plan`.

use std::fmt::{Display, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::Value;

use crate::compress::compress;
use crate::error::Result;
use crate::import::{built_in, import_with_tokenizer};
use crate::plan::{Request, Schedule, Step, schedule};
use crate::profile::{Profile, format_size};

use super::fit::Fit;
use super::{json, progress, quoted};

/// Show the steps that bring a model to a platform, and the flash, RAM and speed that they lead to
#[derive(clap::Args)]
pub(super) struct Args {
    /// GGUF file, Hugging Face folder or llama2.c `.bin` [default: the built-in homectl]
    model: Option<PathBuf>,
    /// Built-in platform, or a profile's TOML file (see `edgegen platforms`)
    #[arg(long, value_name = "P")]
    platform: String,
    /// Tokens that a session holds [default: the platform's, at most the model's]
    #[arg(long, value_name = "N")]
    context: Option<usize>,
    /// Tokenizer of a llama2.c model [default: `tokenizer.bin` beside it]
    #[arg(long, value_name = "FILE", requires = "model")]
    tokenizer: Option<PathBuf>,
    /// Print this in place of the steps; `program` is the operations, and where each matrix lies
    #[arg(long, value_name = "WHAT", conflicts_with = "json")]
    show: Option<Show>,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Show {
    Program,
}

pub(super) fn run(args: &Args) -> Result<String> {
    let profile = Profile::load(&args.platform)?;
    let model = progress::spin("reading the model", || match &args.model {
        Some(path) => import_with_tokenizer(path, args.tokenizer.as_deref()),
        None => built_in(),
    })?;
    let request = Request {
        context: args.context,
        ..Request::default()
    };
    let schedule = schedule(&model, &profile, &request)?;
    if let Some(Show::Program) = args.show {
        // Weights take no part in the text.
        let model = schedule.shape.outline(&model)?;
        let program = progress::count("packing the weights", |step| {
            compress(&model, &schedule.plan, step)
        })?;
        return Ok(program.to_string());
    }
    let shown = Shown {
        args,
        name: model.name(),
        profile: &profile,
        fit: Fit::of(schedule.plan.footprint(), &profile),
        schedule: &schedule,
    };
    Ok(if args.json {
        json(&shown.json())
    } else {
        shown.text()
    })
}

struct Shown<'a> {
    args: &'a Args,
    name: &'a str,
    profile: &'a Profile,
    fit: Fit,
    schedule: &'a Schedule,
}

impl Shown<'_> {
    fn tokens_per_second(&self) -> Option<f64> {
        self.schedule.cost.tokens_per_second(self.profile.speed())
    }

    fn json(&self) -> Value {
        let schedule = self.schedule;
        let steps = schedule.steps.iter().map(|step| {
            serde_json::json!({
                "step": step.action.name(),
                "reason": step.reason,
                "bytes_before": step.before,
                "bytes_after": step.after,
            })
        });
        serde_json::json!({
            "model": self.name,
            "platform": self.profile.name(),
            "fp32_bytes": schedule.fp32_bytes,
            "steps": steps.collect::<Vec<_>>(),
            "flash_bytes": schedule.plan.footprint().flash(),
            "ram_bytes": schedule.plan.footprint().ram(),
            "context": schedule.plan.sizes().context,
            "fits": self.fit.json(),
            "bytes_per_token": schedule.cost.bytes,
            "multiply_adds_per_token": schedule.cost.multiply_adds,
            "tokens_per_second": self.tokens_per_second(),
            "quant": schedule.quant.map(|quant| quant.to_string()),
            "intermediate_size": schedule.shape.intermediate_size,
        })
    }

    fn text(&self) -> String {
        let schedule = self.schedule;
        let footprint = schedule.plan.footprint();
        let mut text = format!(
            "model    {}, {} in fp32\n",
            self.name,
            format_size(schedule.fp32_bytes)
        );
        for (index, step) in schedule.steps.iter().enumerate() {
            let head = if index == 0 { "steps" } else { "" };
            let _ = writeln!(text, "{head:<9}{}", line(index + 1, step));
        }
        let _ = writeln!(
            text,
            "flash    {} of weights and tables{}",
            format_size(footprint.flash() as u64),
            self.fit.flash()
        );
        let _ = writeln!(
            text,
            "RAM      {} a session of {} tokens{}",
            format_size(footprint.ram() as u64),
            schedule.plan.sizes().context,
            self.fit.ram()
        );
        if let Some(device) = self.fit.device() {
            let _ = writeln!(text, "device   {device}");
        }
        let _ = match self.tokens_per_second() {
            Some(speed) => writeln!(
                text,
                "speed    {speed:.1} tokens/s at the start of the context, reading {} a token",
                format_size(schedule.cost.bytes)
            ),
            None => writeln!(
                text,
                "speed    unknown: the profile has no `[speed]`; `edgegen profile` measures one"
            ),
        };
        if let Some(command) = self.command() {
            let _ = writeln!(text, "emit     `{command}` does this");
        }
        text
    }

    /// The command that carries the schedule out, if there is one.
    fn command(&self) -> Option<String> {
        let mut command = "edgegen emit".to_owned();
        let mut option = |name: &str, value: &dyn Display| {
            let _ = write!(command, " {name}{value}");
        };
        if let Some(model) = &self.args.model {
            option("", &quoted(model));
        }
        option("--platform ", &quoted(Path::new(&self.args.platform)));
        if let Some(tokenizer) = &self.args.tokenizer {
            option("--tokenizer ", &quoted(tokenizer));
        }
        option("--quant ", &self.schedule.quant?);
        if let Some(size) = self.schedule.shape.intermediate_size {
            option("--intermediate-size ", &size);
        }
        if let Some(context) = self.args.context {
            option("--context ", &context);
        }
        if !self.fit.all() {
            option("--allow-oversize", &"");
        }
        Some(command)
    }
}

fn line(number: usize, step: &Step) -> String {
    let [before, after] = [step.before, step.after].map(|bytes| format_size(bytes as u64));
    format!(
        "{number}. {}: {before} → {after}; {}",
        step.action, step.reason
    )
}
