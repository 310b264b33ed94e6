//! Predicted flash and RAM, and what to do when they exceed the limits.

use std::collections::BTreeMap;

use crate::error::{Error, Remedy, Result, Setting};
use crate::layout::Layout;
use crate::model::{Model, Role, TensorKey};
use crate::profile::{Memory, Profile};
use crate::program::tokenizer::TokenizerTables;
use crate::program::{CacheFormat, Prefix, Shapes, WeightFormat, joined};

use super::Placement;
use super::session::{cache_bytes, working_bytes};

/// Memory of a generated crate, in bytes, exactly: [`flash`](Self::flash) and
/// [`ram`](Self::ram) are the crate's `FLASH_BYTES` and `RAM_BYTES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// Matrices.
    pub matrices: usize,
    /// Norm gains, biases, rotation tables, tokenizer, grammar, prefix, and what aligns them.
    pub tables: usize,
    /// The KV cache, the tokens in it, and answers to give again.
    pub kv_cache: usize,
    /// Activations, and the session itself.
    pub activations: usize,
}

impl Footprint {
    /// Flash: weights and tables, without code.
    pub fn flash(&self) -> usize {
        self.matrices + self.tables
    }

    /// RAM: everything that a session owns.
    pub fn ram(&self) -> usize {
        self.kv_cache + self.activations
    }
}

/// What a session holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Positions of the KV cache.
    pub context: usize,
    /// How the KV cache holds keys and values.
    pub kv_cache: CacheFormat,
    /// Tokens that one prefill step takes together.
    pub batch: usize,
    /// Tokens of prompts and answers to give again.
    pub answer_cache: usize,
}

/// The part of its tokens that a model keeps at least, when a search chooses.
pub(crate) const LEAST_VOCABULARY: (usize, usize) = (3, 8);

/// Bytes of the matrices that no choice of formats and tokens goes below.
pub(crate) fn least_bytes(model: &Model) -> usize {
    let matrices = model.tensors().keys().filter(|key| key.role.is_matrix());
    let bytes = matrices.map(|key| {
        let (rows, cols) = model.architecture().shape(key.role);
        let rows = match key.role {
            Role::Embedding | Role::Output => rows * LEAST_VOCABULARY.0 / LEAST_VOCABULARY.1,
            _ => rows,
        };
        WeightFormat::T2.matrix_bytes(rows, cols)
    });
    bytes.sum()
}

/// The shapes that the model has in a session of these sizes.
pub fn shapes(model: &Model, sizes: Sizes) -> Shapes {
    let a = model.architecture();
    Shapes {
        hidden_size: a.hidden_size,
        intermediate_size: a.intermediate_size,
        num_hidden_layers: a.num_hidden_layers,
        num_attention_heads: a.num_attention_heads,
        num_key_value_heads: a.num_key_value_heads,
        head_dim: a.head_dim,
        vocab_size: a.vocab_size,
        context: sizes.context,
        kv_cache: sizes.kv_cache,
        batch: sizes.batch,
        answer_cache: sizes.answer_cache,
        rms_norm_eps: a.rms_norm_eps,
        attention_scale: a.attention_scale,
        rope_pairs: a.rope.dim / 2,
    }
}

/// What is planned: everything that sizes depend on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) model: &'a Model,
    pub(super) profile: &'a Profile,
    pub(super) weights: Placement,
}

impl Subject<'_> {
    /// Sizes of the crate with these formats.
    pub(super) fn footprint(
        self,
        formats: &BTreeMap<TensorKey, WeightFormat>,
        sizes: Sizes,
    ) -> Footprint {
        let model = self.model;
        let shapes = shapes(model, sizes);
        let layout = Layout::new(model, formats, sizes.context);
        let matrices = layout.matrix_bytes();
        let files = files_bytes(&layout, self.weights);
        let tokenizer = TokenizerTables::new(model.tokenizer()).blob().len();
        let grammar = model.grammar().map_or(0, |grammar| grammar.blob().len());
        let prefix = Prefix::bytes(model.prefix().len(), &shapes);
        Footprint {
            matrices,
            tables: files - matrices + tokenizer + grammar + prefix,
            kv_cache: cache_bytes(&shapes),
            activations: working_bytes(&shapes, self.profile, self.weights),
        }
    }

    /// Refuses what exceeds the profile's limits or the device's memory.
    pub(super) fn check(
        self,
        formats: &BTreeMap<TensorKey, WeightFormat>,
        footprint: &Footprint,
        sizes: Sizes,
    ) -> Result<()> {
        let excess = Excess::of(footprint, self.profile);
        if excess.none() {
            return Ok(());
        }
        let oversize = Remedy::from(Setting::on("allow_oversize")).say(" emits all the same");
        if let Some(way) = self.hopeless() {
            return Err(self.refusal(footprint, sizes, excess, vec![way, oversize]));
        }
        let mut ways = Vec::new();
        let session = match excess.ram || (excess.device && !excess.flash) {
            true => self.smaller_session(formats, sizes, excess),
            false => Ok(Vec::new()),
        };
        // Where no session is small enough, smaller weights are of no use.
        if session.is_ok() && (excess.flash || (excess.device && !excess.ram)) {
            // A search measures on a text.
            if !self.model.is_built_in() {
                let search = Remedy::from(Setting::text("policy", "search"));
                ways.push(search.say(" takes what fits with the least loss"));
                let plan = "`edgegen plan --out FILE` finds what fits with the least loss, for ";
                ways.push(Remedy::from(plan).set(Setting::named("plan")));
            }
            ways.push(self.smaller_format(sizes, excess));
        }
        ways.extend(session.unwrap_or_else(|none| vec![none]));
        ways.push(oversize);
        Err(self.refusal(footprint, sizes, excess, ways))
    }

    /// What to do where no choice of formats and tokens fits.
    fn hopeless(self) -> Option<Remedy> {
        let least = Footprint {
            matrices: least_bytes(self.model),
            tables: 0,
            kv_cache: 0,
            activations: 0,
        };
        let excess = Excess::of(&least, self.profile);
        let (part, of) = LEAST_VOCABULARY;
        (!excess.none()).then(|| {
            Remedy::from(format!(
                "take a smaller model or another profile: in {}, with {part} of {of} of its tokens, \
                 this one still has {}",
                WeightFormat::T2,
                mb(least.flash() as u64)
            ))
        })
    }

    /// Refuses what no choice of formats and tokens mends: weights that stay too many, and a session
    /// that exceeds the limit.
    pub(super) fn check_before_search(
        self,
        formats: &BTreeMap<TensorKey, WeightFormat>,
        footprint: &Footprint,
        sizes: Sizes,
    ) -> Result<()> {
        let excess = Excess::of(footprint, self.profile);
        if let Some(way) = self.hopeless() {
            return Err(self.refusal(footprint, sizes, excess, vec![way]));
        }
        if !excess.ram {
            return Ok(());
        }
        let ways = self.smaller_session(formats, sizes, excess);
        let ways = ways.unwrap_or_else(|none| vec![none]);
        Err(self.refusal(footprint, sizes, excess, ways))
    }

    /// Says all that is too much, and the ways out.
    fn refusal(
        self,
        footprint: &Footprint,
        sizes: Sizes,
        excess: Excess,
        ways: Vec<Remedy>,
    ) -> Error {
        let profile = self.profile;
        let [flash, ram] = [footprint.flash(), footprint.ram()].map(|bytes| mb(bytes as u64));
        let limit = |limit: Option<u64>| mb(limit.unwrap_or(u64::MAX));
        let mut problems = Vec::new();
        if excess.flash {
            problems.push(format!(
                "the weights take {flash}, the limit is {}",
                limit(profile.model_size())
            ));
        }
        if excess.ram {
            problems.push(format!(
                "a session of {} tokens takes {ram} of RAM, the limit is {}",
                sizes.context,
                limit(profile.ram())
            ));
        }
        if excess.device {
            let memory = profile.memory();
            let taken = memory.map(|m| m.taken(footprint.flash() as u64, footprint.ram() as u64));
            problems.push(format!(
                "model and session take {} of the device's RAM, which has {} for them",
                limit(taken),
                limit(memory.map(Memory::budget))
            ));
        }
        let error = Error::does_not_fit(format!(
            "the model does not fit the profile `{}`: {}",
            profile.name(),
            problems.join("; ")
        ));
        match ways.into_iter().reduce(Remedy::or) {
            Some(remedy) => error.remedy(remedy),
            None => error,
        }
    }

    fn smaller_format(self, sizes: Sizes, excess: Excess) -> Remedy {
        let candidates = WeightFormat::ALL.map(|format| {
            let request = super::Request {
                quant: super::Quant::To(format),
                ..super::Request::default()
            };
            let formats = super::choice::formats(self.model, &request);
            (format, self.footprint(&formats, sizes))
        });
        let fitting = candidates.iter().find(|(_, footprint)| {
            let still = Excess::of(footprint, self.profile);
            !still.flash && (excess.ram || !still.device)
        });
        let size = |footprint: &Footprint| mb(footprint.flash() as u64);
        match fitting {
            Some((format, footprint)) => Remedy::from(Setting::text("quant", format)).say(format!(
                " makes it {}{}",
                size(footprint),
                cost(*format)
            )),
            None => {
                let (format, footprint) = candidates
                    .iter()
                    .min_by_key(|(_, footprint)| footprint.flash())
                    .expect("there are formats");
                Remedy::from("no format alone is small enough (")
                    .set(Setting::text("quant", format))
                    .say(format!(" is {}): leave out tokens (", size(footprint)))
                    .set(Setting::bare("vocab_size", "N"))
                    .say("), or take a smaller model or another profile")
            }
        }
    }

    /// The KV cache in fewer bits, if that is enough, and a shorter context; or that there is none.
    fn smaller_session(
        self,
        formats: &BTreeMap<TensorKey, WeightFormat>,
        sizes: Sizes,
        excess: Excess,
    ) -> Result<Vec<Remedy>, Remedy> {
        let fits = |sizes: Sizes| {
            excess.only_flash_left(Excess::of(&self.footprint(formats, sizes), self.profile))
        };
        let kv_cache = CacheFormat::I8;
        let narrow = self.model.architecture().head_dim <= kv_cache.max_head_dim();
        let smaller = narrow && sizes.kv_cache != kv_cache && fits(Sizes { kv_cache, ..sizes });
        let longest = (0..sizes.context.ilog2())
            .map(|shift| sizes.context >> (shift + 1))
            .find(|&context| {
                fits(Sizes {
                    context,
                    batch: sizes.batch.min(context),
                    ..sizes
                })
            });
        let mut ways = Vec::new();
        if smaller {
            let setting = Setting::text("kv_cache", kv_cache);
            ways.push(Remedy::from(setting).say(" fits"));
        }
        if let Some(context) = longest {
            ways.push(Remedy::from(Setting::bare("context", context)).say(" fits"));
        }
        match ways.is_empty() {
            true => {
                Err("no context is short enough: take a smaller model or another profile".into())
            }
            false => Ok(ways),
        }
    }
}

/// What a format costs, where it is much: by `docs/compression.md`.
fn cost(format: WeightFormat) -> &'static str {
    match format {
        WeightFormat::F32 | WeightFormat::F16 | WeightFormat::Q8 => "",
        WeightFormat::Q4M | WeightFormat::Q4 | WeightFormat::T4 => ", with some loss",
        WeightFormat::T3 => ", with much loss",
        WeightFormat::T2 => ", at several times the perplexity",
    }
}

/// Bytes of the weight files.
pub(crate) fn files_bytes(layout: &Layout, weights: Placement) -> usize {
    match weights {
        Placement::Embedded => layout.files.lens().sum(),
        Placement::External => joined(layout.files.lens()).pop().unwrap_or(0),
    }
}

/// What is too much for a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Excess {
    /// Weights and tables exceed the limit of the model's size.
    pub flash: bool,
    /// The session exceeds the limit of RAM.
    pub ram: bool,
    /// Both together exceed what the device has for them.
    pub device: bool,
}

impl Excess {
    /// Compares a crate's memory with the profile's limits and the device's memory.
    pub fn of(footprint: &Footprint, profile: &Profile) -> Self {
        let (flash, ram) = (footprint.flash() as u64, footprint.ram() as u64);
        Self {
            flash: profile.model_size().is_some_and(|limit| flash > limit),
            ram: profile.ram().is_some_and(|limit| ram > limit),
            device: profile
                .memory()
                .is_some_and(|memory| memory.taken(flash, ram) > memory.budget()),
        }
    }

    /// Whether of this only what flash can mend is `left`.
    fn only_flash_left(self, left: Self) -> bool {
        !left.ram && (self.flash || !left.device)
    }

    /// Whether RAM is exceeded.
    pub(super) fn in_ram(self) -> bool {
        self.ram || self.device
    }

    /// Whether everything fits.
    pub fn none(self) -> bool {
        !(self.flash || self.ram || self.device)
    }
}

/// A size in MB (10^6 bytes), for people.
pub(crate) fn mb(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests;
