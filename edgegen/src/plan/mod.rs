//! Model + Profile → Plan: each tensor's format, the context, and whether it all fits.

mod budget;
mod choice;
mod file;
mod policy;
mod schedule;
mod steps;
mod throughput;
mod vocabularies;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Remedy, Result, Setting};
use crate::layout::Layout;
use crate::model::{Architecture, Model, Role, TensorKey};
use crate::profile::Profile;
use crate::program::{CacheFormat, Placement, Shapes, WeightFormat};
use crate::text;
use edgegen_templates::grammar::State;

pub use budget::{Excess, Footprint, Sizes};
pub(crate) use budget::{files_bytes, least_bytes, shapes};
pub use choice::Conversion;
pub(crate) use choice::{keeps, nearest};
pub use file::PlanFile;
pub use policy::basic;
pub use schedule::{Schedule, schedule};
pub use steps::{Action, Step};
pub use throughput::TokenCost;
pub(crate) use vocabularies::vocabularies;

use budget::Subject;

/// What the user asks of the planner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The weight format.
    pub quant: Quant,
    /// Other formats for the matrices of some roles.
    pub tensors: BTreeMap<Role, WeightFormat>,
    /// In place of both: the format of each matrix, [`Role::OutputMix`] among them where the model
    /// needs that.
    pub formats: Option<BTreeMap<TensorKey, WeightFormat>>,
    /// Whether `q8`, `q4` and `q4m` are calibrated too: scales and roundings then are those that do
    /// least harm on a text. Formats that are [calibrated](WeightFormat::calibrated) need no asking,
    /// and these become so beside them.
    pub calibrate: bool,
    /// Text of the kind that the model will see, for what is calibrated; the built-in one, if
    /// absent.
    pub calibration: Option<String>,
    /// Positions of the KV cache; the profile's default, at most the model's, if absent.
    pub context: Option<usize>,
    /// How the KV cache holds keys and values.
    pub kv_cache: CacheFormat,
    /// Tokens of prompts and answers that a session keeps to give answers again; those of four
    /// contexts where the profile's RAM allows it, if absent.
    pub answer_cache: Option<usize>,
    /// Where the weights shall be.
    pub weights: Placement,
    /// Plan even if the profile's limits are exceeded.
    pub allow_oversize: bool,
}

/// The choice of weight format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Quant {
    /// The file's own, repacked without loss where the formats allow it.
    #[default]
    Keep,
    /// One format for all matrices.
    To(WeightFormat),
}

impl FromStr for Quant {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "keep" => Ok(Self::Keep),
            _ => text.parse().map(Self::To),
        }
    }
}

impl fmt::Display for Quant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep => f.write_str("keep"),
            Self::To(format) => format.fmt(f),
        }
    }
}

/// What `compress` carries out.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    formats: BTreeMap<TensorKey, WeightFormat>,
    calibrated: bool,
    calibration: Option<String>,
    conversions: Vec<Conversion>,
    sizes: Sizes,
    weights: Placement,
    footprint: Footprint,
}

/// Chooses formats and context, and checks them against the profile's limits.
///
/// # Errors
///
/// When the context is longer than the model's or has no room after the system message, when
/// the profile's crate cannot have its weights there, or when the result exceeds the profile's
/// limits and [`Request::allow_oversize`] is not set; the message gives the figures and what
/// would make it fit.
pub fn plan(model: &Model, profile: &Profile, request: &Request) -> Result<Plan> {
    let formats = choice::formats(model, request);
    let architecture = model.architecture();
    let weights = request.weights.on(profile)?;
    let context = context(architecture, profile, request.context)?;
    check_prefix(
        model.prefix().len(),
        context,
        architecture.max_position_embeddings,
    )?;
    check_tensors(model, request)?;
    choice::check(model, request, &formats)?;
    check_cache(architecture.head_dim, request.kv_cache)?;
    let subject = Subject {
        model,
        profile,
        weights,
    };
    let with_cache = |answer_cache| {
        let sizes = Sizes {
            context,
            kv_cache: request.kv_cache,
            batch: profile.batch().min(context),
            answer_cache,
        };
        (sizes, subject.footprint(&formats, sizes))
    };
    let (sizes, footprint) = match request.answer_cache {
        Some(tokens) => with_cache(answer_cache(tokens)?),
        None => Some(with_cache(4 * context))
            .filter(|(_, footprint)| !Excess::of(footprint, profile).in_ram())
            .unwrap_or_else(|| with_cache(0)),
    };
    if !request.allow_oversize {
        subject.check(&formats, &footprint, sizes)?;
    }
    let calibrated = choice::calibrated(request, &formats);
    let conversions = choice::conversions(model, &formats, calibrated);
    Ok(Plan {
        formats,
        calibrated,
        calibration: request.calibration.clone(),
        conversions,
        sizes,
        weights,
        footprint,
    })
}

/// Refuses a plan that no choice of formats and tokens makes fit.
///
/// # Errors
///
/// Gives the figures, and what would make the session fit.
pub(crate) fn check_before_search(model: &Model, profile: &Profile, plan: &Plan) -> Result<()> {
    let subject = Subject {
        model,
        profile,
        weights: plan.weights,
    };
    subject.check_before_search(&plan.formats, &plan.footprint, plan.sizes)
}

fn context(architecture: &Architecture, profile: &Profile, asked: Option<usize>) -> Result<usize> {
    let longest = architecture.max_position_embeddings;
    match asked {
        None => Ok(profile.default_context().min(longest)),
        Some(0) => Err(
            Error::option("context", "a context of 0 tokens holds nothing")
                .remedy(format!("give 1 to {longest}")),
        ),
        Some(context) if context > longest => Err(Error::option(
            "context",
            format!("the model was trained for {longest} tokens, {context} were asked for"),
        )
        .remedy(format!("give at most {longest}"))),
        Some(context) => Ok(context),
    }
}

/// As much as any device could want.
fn answer_cache(tokens: usize) -> Result<usize> {
    const MOST: usize = 1 << 24;
    if tokens <= MOST {
        return Ok(tokens);
    }
    Err(Error::option(
        "answer_cache",
        format!("an answer cache of {tokens} tokens is too large"),
    )
    .remedy(format!("give at most {MOST}, or 0 for none")))
}

/// A message and an answer must have room after the model's own system message.
fn check_prefix(tokens: usize, context: usize, longest: usize) -> Result<()> {
    if tokens < context {
        return Ok(());
    }
    Err(Error::option(
        "system",
        format!("the system message takes {tokens} tokens, a session holds {context}"),
    )
    .remedy(longer_context("shorten it", tokens + 1, longest)))
}

/// What to do, or to give the context that is needed, if the model has one as long.
fn longer_context(shorten: &str, needed: usize, longest: usize) -> Remedy {
    let context = Remedy::from("give at least ").set(Setting::bare("context", needed));
    match needed <= longest {
        true => context.or(shorten),
        false => Remedy::from(shorten).say(format!(": the model was trained for {longest} tokens")),
    }
}

/// Refuses a context in which the shortest answer finds no room behind a prompt of one token.
///
/// # Errors
///
/// Gives the tokens that it takes, and the room.
pub(crate) fn check_answer(model: &Model, context: usize) -> Result<()> {
    let Some(grammar) = model.grammar() else {
        return Ok(());
    };
    let needed = grammar.runtime().distance(State::default());
    let prefix = model.prefix().len();
    let room = context - prefix;
    if needed <= room {
        return Ok(());
    }
    Err(Error::option(
        "context",
        format!(
            "the shortest answer of the schema takes {needed} tokens, there is room for {room}"
        ),
    )
    .remedy(longer_context(
        "ask for less in the schema",
        needed + prefix,
        model.architecture().max_position_embeddings,
    )))
}

/// What is said of a matrix must be of one that there is.
fn check_tensors(model: &Model, request: &Request) -> Result<()> {
    let mut roles = request.tensors.keys();
    let has = |role: &Role| model.tensors().keys().any(|key| key.role == *role);
    match roles.find(|role| !has(role)) {
        None => Ok(()),
        Some(Role::Output) => Err(Error::option("tensors", "the model has no matrix `output`")
            .remedy("give the format of `embedding`: it is the output too")),
        Some(role) => Err(Error::option(
            "tensors",
            format!("the model has no matrix `{}`", role.name()),
        )
        .remedy("leave it out")),
    }
}

/// A format of the KV cache may have a widest head.
fn check_cache(head_dim: usize, format: CacheFormat) -> Result<()> {
    let widest = format.max_head_dim();
    if head_dim <= widest {
        return Ok(());
    }
    Err(Error::option("kv_cache", format!(
        "a KV cache in {format} holds heads of at most {widest} elements, the model's have {head_dim}"
    ))
    .remedy(Remedy::from("take ").set(Setting::text("kv_cache", CacheFormat::F32))))
}

impl Plan {
    /// The shapes of a crate of the model.
    pub(crate) fn shapes(&self, model: &Model) -> Shapes {
        shapes(model, &self.formats, self.sizes)
    }

    /// What is computed and where each weight of the model lies.
    pub(crate) fn layout(&self, model: &Model) -> Layout {
        Layout::new(model, &self.formats, &self.shapes(model))
    }

    /// The format of every matrix.
    pub fn formats(&self) -> &BTreeMap<TensorKey, WeightFormat> {
        &self.formats
    }

    /// Whether a text shows which errors matter.
    pub fn calibrated(&self) -> bool {
        self.calibrated
    }

    /// The text that shows which errors matter.
    pub fn calibration(&self) -> &str {
        self.calibration.as_deref().unwrap_or(text::CALIBRATION)
    }

    /// What becomes of each type of tensor.
    pub fn conversions(&self) -> &[Conversion] {
        &self.conversions
    }

    /// What a session holds.
    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// Where the weights are.
    pub fn weights(&self) -> Placement {
        self.weights
    }

    /// Predicted flash and RAM.
    pub fn footprint(&self) -> &Footprint {
        &self.footprint
    }
}
