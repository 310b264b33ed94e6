//! `edgegen plan`.

use std::fmt::{Display, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::Value;

use crate::compress::outline;
use crate::error::{Error, Remedy, Result, Setting};
use crate::model::Model;
use crate::plan::{Request, Schedule, Sizes, Step, schedule};
use crate::profile::Profile;
use crate::program::{CacheFormat, check_sessions};
use crate::search::Loss;
use crate::size::format_size;
use crate::text::Texts;

use super::compression::KvCache;
use super::fit::Fit;
use super::number::whole;
use super::policy::{Goals, Policy};
use super::reading::Reading;
use super::{json, output, quoted, warnings};

/// Show the steps that bring a model to a platform, and the flash, RAM and speed that they lead to
#[derive(clap::Args)]
pub(super) struct Args {
    /// GGUF file, Hugging Face folder, llama2.c `.bin`, or name on the hub: `hf:OWNER/NAME`
    /// [default: the built-in homectl]
    model: Option<PathBuf>,
    /// Built-in platform, or a profile's TOML file (see `edgegen platforms`)
    #[arg(long, value_name = "P")]
    platform: String,
    /// How formats are chosen
    #[arg(long, value_enum, default_value_t = Policy::Search)]
    policy: Policy,
    #[command(flatten)]
    goals: Goals,
    /// Text of the kind that the model will see, UTF-8: most of it for calibration, its end for measurements
    /// [default: built-in ones, English]
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,
    /// Write what a search found, for `emit --plan` and `eval --plan`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file
    #[arg(long, requires = "out")]
    force: bool,
    /// Tokens that a session holds [default: the platform's, at most the model's]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole)]
    context: Option<usize>,
    #[command(flatten)]
    kv_cache: KvCache,
    #[command(flatten)]
    reading: Reading,
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

impl Args {
    /// The model's path, if there is one.
    pub(super) fn model(&self) -> Option<&Path> {
        self.model.as_deref()
    }
}

pub(super) fn run(args: &Args) -> Result<String> {
    let profile = Profile::load(&args.platform)?;
    let basic = args.policy == Policy::Basic;
    let out = args.out.as_ref().map(|_| "out");
    let text = args.calibration.as_ref().map(|_| "calibration");
    if let Some(option) = out.or(text).or(args.goals.first()).filter(|_| basic) {
        return Err(
            Error::option(option, "the basic policy has no such thing").remedy(
                Remedy::from("leave it out")
                    .or(Remedy::from("take ").set(Setting::text("policy", Policy::Search))),
            ),
        );
    }
    if let Some(path) = &args.out {
        output::check(path, args.force)?;
    }
    let texts = Texts::read(args.calibration.as_deref())?;
    let source = args.reading.find(args.model())?;
    if let Some(path) = &args.out {
        let given = [args.calibration.as_deref(), Profile::file(&args.platform)];
        let inputs = source.inputs()?;
        let inputs = inputs.iter().map(PathBuf::as_path);
        output::check_apart(path, inputs.chain(given.into_iter().flatten()))?;
    }
    let model = source.read()?;
    let request = Request {
        context: args.context,
        kv_cache: args.kv_cache.format,
        ..Request::default()
    };
    let (model, schedule, loss) = if basic {
        let schedule = schedule(&model, &profile, &request)?;
        (model, schedule, None)
    } else {
        let found = args.goals.search(model, &profile, &request, &texts)?;
        if let Some(path) = &args.out {
            output::write("the plan", path, &found.file.write())?;
        }
        (found.model, found.schedule, found.loss)
    };
    if let Some(Show::Program) = args.show {
        // Weights take no part in the text.
        let model = schedule.shape.outline(&model)?;
        return Ok(outline(&model, &schedule.plan)?.to_string());
    }
    let shown = Shown {
        args,
        model: &model,
        profile: &profile,
        fit: Fit::of(schedule.plan.footprint(), &profile),
        schedule: &schedule,
        loss,
        emission: check_sessions(1, &[&schedule.plan.shapes(&model)]),
    };
    Ok(if args.json {
        json(&shown.json())
    } else {
        shown.text()
    })
}

struct Shown<'a> {
    args: &'a Args,
    model: &'a Model,
    profile: &'a Profile,
    fit: Fit,
    schedule: &'a Schedule,
    loss: Option<Loss>,
    /// Whether `emit` can run what it emits, on this machine.
    emission: Result<()>,
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
            "model": self.model.name(),
            "warnings": self.model.notes(),
            "platform": self.profile.name(),
            "fp32_bytes": schedule.fp32_bytes,
            "steps": steps.collect::<Vec<_>>(),
            "flash_bytes": schedule.plan.footprint().flash(),
            "ram_bytes": schedule.plan.footprint().ram(),
            "context": schedule.plan.sizes().context,
            "kv_cache": schedule.plan.sizes().kv_cache.name(),
            "fits": self.fit.json(),
            "bytes_per_token": schedule.cost.bytes,
            "multiply_adds_per_token": schedule.cost.multiply_adds,
            "tokens_per_second": self.tokens_per_second(),
            "quant": schedule.quant.map(|quant| quant.to_string()),
            "intermediate_size": schedule.shape.intermediate_size,
            "loss": self.loss,
            "emit": self.emission.is_ok().then(|| self.command()),
        })
    }

    fn text(&self) -> String {
        let schedule = self.schedule;
        let footprint = schedule.plan.footprint();
        let mut text = format!(
            "model    {}, {} in fp32\n",
            self.model.name(),
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
            "RAM      {} a session of {}{}",
            format_size(footprint.ram() as u64),
            session(schedule.plan.sizes()),
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
        let _ = match &self.emission {
            Ok(()) => writeln!(text, "emit     `{}` does this", self.command()),
            Err(error) => writeln!(text, "emit     not on this machine: {}", error.problem()),
        };
        text + &warnings(self.model)
    }

    /// The command that carries the schedule out.
    fn command(&self) -> String {
        let mut command = "edgegen emit".to_owned();
        let mut option = |name: &str, value: &dyn Display| {
            let _ = write!(command, " {name}{value}");
        };
        if let Some(model) = &self.args.model {
            option("", &quoted(model));
        }
        option("--platform ", &quoted(Path::new(&self.args.platform)));
        for (name, value) in self.args.reading.beside.options() {
            option(&format!("{name} "), &value);
        }
        match (self.args.policy, &self.args.out) {
            (Policy::Search, Some(path)) => option("--plan ", &quoted(path)),
            (policy, _) => option("--policy ", &policy),
        }
        if self.args.out.is_none() && self.args.goals.first().is_some() {
            option("", &self.args.goals);
        }
        if let Some(path) = &self.args.calibration {
            option("--calibration ", &quoted(path));
        }
        if let Some(context) = self.args.context {
            option("--context ", &context);
        }
        let kv_cache = self.args.kv_cache.format;
        if kv_cache != CacheFormat::default() {
            option("--kv-cache ", &kv_cache);
        }
        if !self.fit.all() {
            option("--allow-oversize", &"");
        }
        command
    }
}

/// What a session holds, and in which format if that is not the usual one.
pub(super) fn session(sizes: Sizes) -> String {
    let format = sizes.kv_cache;
    if format == CacheFormat::default() {
        format!("{} tokens", sizes.context)
    } else {
        format!("{} tokens, KV cache in {format}", sizes.context)
    }
}

fn line(number: usize, step: &Step) -> String {
    let [before, after] = [step.before, step.after].map(|bytes| format_size(bytes as u64));
    format!(
        "{number}. {}: {before} → {after}; {}",
        step.action, step.reason
    )
}
