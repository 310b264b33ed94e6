//! `edgegen emit`.

use std::path::{Path, PathBuf};

use crate::emit::{check_apart, check_destination};
use crate::error::{Error, Remedy, Result, Setting};
use crate::import::BUILT_IN_PROMPT;
use crate::plan::{Request, plan, schedule};
use crate::program::Placement;
use crate::recipe::{Recipe, Refusal};
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::compression::Compression;
use super::emission::Emission;
use super::number::whole;
use super::policy::{Goals, Policy};
use super::reading::Reading;
use super::{json, name, progress};

/// Compile a model into a Rust crate
#[derive(clap::Args)]
pub(super) struct Args {
    /// GGUF file, Hugging Face folder, llama2.c `.bin`, or name on the hub: `hf:OWNER/NAME`
    /// [default: the built-in homectl]
    model: Option<PathBuf>,
    /// Built-in platform, or a profile's TOML file (see `edgegen platforms`)
    #[arg(long, value_name = "P")]
    platform: String,
    /// The one CPU to compile for, such as `cortex-a76` [default: the program chooses at start]
    #[arg(long, value_name = "NAME")]
    cpu: Option<String>,
    /// Folder of the crate [default: ./<crate name>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Name of the crate [default: from the model's name]
    #[arg(long, value_name = "CRATE", allow_hyphen_values = true)]
    name: Option<String>,
    #[command(flatten)]
    compression: Compression,
    /// Choose formats for the platform, in place of `--quant` and the like
    #[arg(long, value_enum, conflicts_with_all = ["quant", "tensors", "calibrate", "vocab_size", "intermediate_size", "kv_heads", "layers", "plan"])]
    policy: Option<Policy>,
    #[command(flatten)]
    goals: Goals,
    /// Tokens that a session holds [default: the platform's, at most the model's]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole)]
    context: Option<usize>,
    /// Tokens of prompts and answers that a session keeps, to give the same answer to the same request
    /// [default: those of four contexts, where the platform's RAM allows it]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole)]
    answer_cache: Option<usize>,
    /// JSON Schema that every answer shall be valid against [default: homectl's own, else none]
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// System message of every chat that gives none; computed now, so that a device need not
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    #[command(flatten)]
    reading: Reading,
    /// In the program, or in a file to be shipped with it (a flash partition on microcontrollers); in browsers they are shards
    #[arg(long, value_name = "PLACE", default_value = "embedded", value_parser = placement())]
    weights: Placement,
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

fn placement() -> impl TypedValueParser<Value = Placement> {
    let names = Placement::ALL.map(Placement::name);
    PossibleValuesParser::new(names).try_map(|text| text.parse::<Placement>())
}

impl Args {
    /// The model's path, if there is one.
    pub(super) fn model(&self) -> Option<&Path> {
        self.model.as_deref()
    }

    fn recipe(&self) -> Result<Recipe> {
        Ok(Recipe {
            model: self.model.clone(),
            beside: self.reading.beside.given(),
            platform: self.platform.clone(),
            cpu: self.cpu.clone(),
            context: self.context,
            answer_cache: self.answer_cache,
            schema: self.schema.clone(),
            system: self.system.clone(),
            weights: self.weights,
            allow_oversize: self.allow_oversize,
            compression: self.compression.options()?,
        })
    }
}

pub(super) fn run(args: &Args) -> Result<String> {
    // What is wrong with the destination shows before the long work.
    if let Some(name) = &args.name {
        name::check(name)?;
    }
    if let Some(out) = &args.out {
        check_destination(out, args.force)?;
    }
    if let Some(goal) = args.goals.first()
        && args.policy != Some(Policy::Search)
    {
        return Err(Error::option(goal, "goals are for a search")
            .remedy(Remedy::from("add ").set(Setting::text("policy", Policy::Search))));
    }
    let recipe = args.recipe()?;
    let ready = recipe.read().map_err(Refusal::into_error)?;
    let (loaded, profile) = (ready.loaded(), ready.profile());
    let source = args.reading.find(args.model())?;
    let mut inputs = source.inputs()?;
    inputs.extend(recipe.given().into_iter().map(Path::to_owned));
    if let Some(out) = &args.out {
        check_apart(out, [], &inputs)?;
    }
    let model = source.read()?;
    let model = ready.with_system(model).map_err(Refusal::into_error)?;
    // The tokens of the system message are kept.
    let (model, request) = match args.policy {
        None => {
            let model = progress::spin("choosing what is kept", || loaded.prune(model));
            let model = model.map_err(Refusal::into_error)?;
            let request = ready.request(&model).map_err(Refusal::into_error)?;
            (model, request)
        }
        Some(Policy::Search) => {
            let request = ready.plain_request();
            let found = args
                .goals
                .search(model, profile, &request, loaded.texts())?;
            let request = found.request(request);
            (found.model, request)
        }
        Some(Policy::Basic) => {
            let request = Request {
                calibration: Some(loaded.text().to_owned()),
                ..ready.plain_request()
            };
            let schedule = schedule(&model, profile, &request)?;
            // What does not fit shows before the long work.
            let outline = schedule.shape.outline(&model)?;
            let planned = Request {
                formats: Some(schedule.plan.formats().clone()),
                ..request.clone()
            };
            plan(&outline, profile, &planned)?;
            let model = progress::spin("choosing what is kept", || schedule.prune(model))?;
            (model, planned)
        }
    };
    let model = ready.bound(model).map_err(Refusal::into_error)?;
    let name = args
        .name
        .clone()
        .unwrap_or_else(|| name::of_model(model.name()));
    let done = Emission {
        model: &model,
        profile,
        request,
        out: args.out.clone().unwrap_or_else(|| PathBuf::from(&name)),
        name,
        prompt: match args.model {
            Some(_) => "Once upon a time",
            None => BUILT_IN_PROMPT,
        },
        force: args.force,
        inputs,
    }
    .run()?;
    Ok(if args.json {
        json(&done.json())
    } else {
        done.text()
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::recipe::with_every_option;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn recipe(line: &str) -> Recipe {
        let line = Line::parse_from(line.split(' '));
        line.args.recipe().unwrap()
    }

    #[test]
    fn every_option_is_of_the_recipe() {
        let line = "emit m --tokenizer t --lora a --lora b:0.5 --platform host --cpu c --quant q8 --tensor embedding=t4 --calibrate \
                    --vocab-size 300 --intermediate-size 32 --kv-heads 2 --layers 3 --calibration text \
                    --kv-cache i8 --context 50 --answer-cache 60 --schema s --system hello --allow-oversize";
        assert_eq!(recipe(line), with_every_option());
        let plan = recipe("emit --platform host --plan p --weights external");
        assert_eq!(plan.compression.plan, Some("p".into()));
        assert_ne!(plan.weights, Placement::default());
    }
}
