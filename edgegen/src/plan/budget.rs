//! Predicted flash and RAM, and what to do when they exceed the limits.

use std::collections::BTreeMap;

use crate::error::{Error, Remedy, Result, Setting};
use crate::layout::{self, Layout};
use crate::model::{Model, Role, TensorKey};
use crate::profile::Profile;
use crate::program::{
    CacheFormat, Placement, Prefix, Shapes, WeightFormat, cache_bytes, joined, working_bytes,
};
use crate::size::{apart, mb};

use super::vocabularies::least_vocabulary;

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

/// Bytes of the matrices that no choice of formats and tokens goes below.
pub(crate) fn least_bytes(model: &Model) -> usize {
    let matrices = model.tensors().keys().filter(|key| key.role.is_matrix());
    let bytes = matrices.map(|key| {
        let (rows, cols) = model.architecture().shape(key.role);
        let rows = match key.role {
            Role::Embedding | Role::Output => least_vocabulary(rows),
            _ => rows,
        };
        WeightFormat::T2.matrix_bytes(rows, cols)
    });
    bytes.sum()
}

/// The shapes that the model has in a session of these sizes.
pub(crate) fn shapes(
    model: &Model,
    formats: &BTreeMap<TensorKey, WeightFormat>,
    sizes: Sizes,
) -> Shapes {
    let a = model.architecture();
    let mut shapes = Shapes {
        hidden_size: a.hidden_size,
        intermediate_size: a.intermediate_size,
        num_hidden_layers: a.num_hidden_layers,
        num_attention_heads: a.num_attention_heads,
        num_key_value_heads: a.num_key_value_heads,
        head_dim: a.head_dim,
        vocab_size: a.vocab_size,
        context: sizes.context,
        windows: (0..a.num_hidden_layers)
            .map(|layer| a.window(layer))
            .collect(),
        kv_cache: sizes.kv_cache,
        batch: sizes.batch,
        answer_cache: sizes.answer_cache,
        arena: 0,
        activation_blocks: 0,
    };
    (shapes.arena, shapes.activation_blocks) = layout::activations(model, formats, &shapes);
    shapes
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
        let shapes = shapes(model, formats, sizes);
        let layout = Layout::new(model, formats, &shapes);
        let matrices = layout.matrix_bytes();
        let files = files_bytes(&layout, self.weights);
        let tokenizer = model.tokenizer().tables().blob().len();
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
        let mut ways = match (excess.flash, self.session_exceeds(excess)) {
            (true, true) => self.smaller_both(sizes),
            (true, false) => self.smaller_weights(sizes),
            (false, _) => match self.smaller_session(formats, sizes, Excess::none) {
                // Where no session is small enough, smaller weights are of no use.
                Err(none) => vec![none],
                Ok(settings) => {
                    let weights = match excess.ram || !self.profile.weights_in_ram() {
                        true => Vec::new(),
                        false => self.smaller_weights(sizes),
                    };
                    let fits = |setting| Remedy::from(setting).say(" fits");
                    weights
                        .into_iter()
                        .chain(settings.into_iter().map(fits))
                        .collect()
                }
            },
        };
        ways.push(oversize);
        Err(self.refusal(footprint, sizes, excess, ways))
    }

    /// Whether the session is too large whatever the weights are.
    fn session_exceeds(self, excess: Excess) -> bool {
        excess.ram || (excess.device && !self.profile.weights_in_ram())
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
        let all = self.model.architecture().vocab_size;
        (!excess.none()).then(|| {
            Remedy::from(format!(
                "take a smaller model or another profile: in {}, with {} of its {all} tokens, this one \
                 still has {}",
                WeightFormat::T2,
                least_vocabulary(all),
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
        if !self.session_exceeds(excess) {
            return Ok(());
        }
        let settings = self.smaller_session(formats, sizes, |left| !self.session_exceeds(left));
        let ways = match settings {
            Err(none) => vec![none],
            Ok(settings) => settings
                .into_iter()
                .map(|setting| Remedy::from(setting).say(" is enough"))
                .collect(),
        };
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
        let (flash, ram) = (footprint.flash() as u64, footprint.ram() as u64);
        let mut problems = Vec::new();
        if let (true, Some(limit)) = (excess.flash, profile.model_size()) {
            let [flash, limit] = apart(flash, limit);
            problems.push(format!("the weights take {flash}, the limit is {limit}"));
        }
        if let (true, Some(limit)) = (excess.ram, profile.ram()) {
            let [ram, limit] = apart(ram, limit);
            problems.push(format!(
                "a session of {} tokens takes {ram} of RAM, the limit is {limit}",
                sizes.context,
            ));
        }
        if let (true, Some(memory)) = (excess.device, profile.memory()) {
            let [taken, budget] = apart(memory.taken(flash, ram), memory.budget());
            problems.push(match memory.weights_in_flash {
                true => format!(
                    "a session of {} tokens takes {taken} of the device's RAM, which has {budget} \
                     for it",
                    sizes.context
                ),
                false => format!(
                    "model and session take {taken} of the device's RAM, which has {budget} for them"
                ),
            });
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

    /// Weights in all formats, the most exact first.
    fn candidates(self) -> impl Iterator<Item = (WeightFormat, BTreeMap<TensorKey, WeightFormat>)> {
        WeightFormat::MADE.into_iter().map(move |format| {
            let request = super::Request {
                quant: super::Quant::To(format),
                ..super::Request::default()
            };
            (format, super::choice::formats(self.model, &request))
        })
    }

    /// What measures, where there is a text to measure on.
    fn search(self) -> Vec<Remedy> {
        if self.model.is_built_in() {
            return Vec::new();
        }
        let search = Remedy::from(Setting::text("policy", "search"));
        let plan = Remedy::from(
            "`edgegen plan MODEL --platform P --out FILE` writes a plan that fits, for ",
        )
        .set(Setting::named("plan"));
        vec![search.say(" takes what fits with the least loss"), plan]
    }

    /// Weights in fewer bits, so that all fits.
    fn smaller_weights(self, sizes: Sizes) -> Vec<Remedy> {
        let candidates: Vec<_> = self
            .candidates()
            .map(|(format, formats)| (format, self.footprint(&formats, sizes)))
            .collect();
        let fitting = candidates
            .iter()
            .find(|(_, footprint)| Excess::of(footprint, self.profile).none());
        let mut ways = self.search();
        ways.push(match fitting {
            Some((format, footprint)) => smaller(*format, footprint),
            None => {
                let (format, footprint) = candidates
                    .iter()
                    .min_by_key(|(_, footprint)| footprint.flash())
                    .expect("there are formats");
                Remedy::from("no format alone is small enough (")
                    .set(Setting::text("quant", format))
                    .say(format!(
                        " is {}): leave out tokens (",
                        mb(footprint.flash() as u64)
                    ))
                    .set(Setting::bare("vocab_size", "N"))
                    .say("), or take a smaller model or another profile")
            }
        });
        ways
    }

    /// Weights in fewer bits, and with them a smaller session.
    fn smaller_both(self, sizes: Sizes) -> Vec<Remedy> {
        let fitting = self.candidates().find_map(|(format, formats)| {
            let settings = self.smaller_session(&formats, sizes, Excess::none).ok()?;
            Some((smaller(format, &self.footprint(&formats, sizes)), settings))
        });
        let Some((way, settings)) = fitting else {
            let none =
                "no format and context are small enough: take a smaller model or another profile";
            return vec![none.into()];
        };
        let search = self.search().into_iter().next();
        let with_session = |way: Remedy| {
            let with = |(way, word): (Remedy, _), setting: &Setting| {
                (way.say(word).set(setting.clone()), " or ")
            };
            settings.iter().fold((way, ", with "), with).0
        };
        search.into_iter().chain([way]).map(with_session).collect()
    }

    /// The KV cache in fewer bits, if that is enough, and a shorter context; or that there is none.
    /// `enough` says whether what is still too much may be.
    fn smaller_session(
        self,
        formats: &BTreeMap<TensorKey, WeightFormat>,
        sizes: Sizes,
        enough: impl Fn(Excess) -> bool,
    ) -> Result<Vec<Setting>, Remedy> {
        let fits = |sizes: Sizes| enough(Excess::of(&self.footprint(formats, sizes), self.profile));
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
        let ways: Vec<_> = [
            smaller.then(|| Setting::text("kv_cache", kv_cache)),
            longest.map(|context| Setting::bare("context", context)),
        ]
        .into_iter()
        .flatten()
        .collect();
        match ways.is_empty() {
            true => {
                Err("no context is short enough: take a smaller model or another profile".into())
            }
            false => Ok(ways),
        }
    }
}

/// Weights in a format, their size and what it costs.
fn smaller(format: WeightFormat, footprint: &Footprint) -> Remedy {
    let size = mb(footprint.flash() as u64);
    Remedy::from(Setting::text("quant", format)).say(format!(" makes it {size}{}", cost(format)))
}

/// What a format costs, where it is much: by `docs/compression.md`.
fn cost(format: WeightFormat) -> &'static str {
    match format {
        WeightFormat::Q4M | WeightFormat::Q4 | WeightFormat::T4 => ", with some loss",
        WeightFormat::T3 => ", with much loss",
        WeightFormat::T2 => ", at several times the perplexity",
        _ => "",
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

    /// Whether RAM is exceeded.
    pub(super) fn in_ram(self) -> bool {
        self.ram || self.device
    }

    /// Whether everything fits.
    pub fn none(self) -> bool {
        !(self.flash || self.ram || self.device)
    }
}

#[cfg(test)]
mod tests;
