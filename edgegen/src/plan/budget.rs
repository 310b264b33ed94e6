//! Predicted flash and RAM, and what to do when they exceed the limits.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::model::{Model, TensorKey};
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
        let profile = self.profile;
        let [flash, ram] = [footprint.flash(), footprint.ram()].map(|bytes| mb(bytes as u64));
        let limit = |limit: Option<u64>| mb(limit.unwrap_or(u64::MAX));
        let mut problems = Vec::new();
        let mut remedies = Vec::new();
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
        if excess.flash || (excess.device && !excess.ram) {
            remedies.push(self.smaller_format(sizes, excess));
            remedies.push("`edgegen plan` finds what fits with the least loss".into());
        }
        if excess.ram || (excess.device && !excess.flash) {
            remedies.extend(self.smaller_cache(formats, sizes, excess));
            remedies.push(self.shorter_context(formats, sizes, excess));
        }
        remedies.push("`--allow-oversize` emits all the same".into());
        Err(Error::new(format!(
            "the model does not fit the profile `{}`: {}",
            profile.name(),
            problems.join("; ")
        ))
        .remedy(remedies.join("; ")))
    }

    fn smaller_format(self, sizes: Sizes, excess: Excess) -> String {
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
        match fitting {
            Some((format, footprint)) => {
                format!(
                    "`--quant {format}` makes it {}",
                    mb(footprint.flash() as u64)
                )
            }
            None => {
                let (format, footprint) = candidates
                    .iter()
                    .min_by_key(|(_, footprint)| footprint.flash())
                    .expect("there are formats");
                format!(
                    "no format alone is small enough (`--quant {format}` is {}): leave out tokens (`--vocab-size N`), or take a smaller model or another profile",
                    mb(footprint.flash() as u64)
                )
            }
        }
    }

    /// The KV cache in fewer bits, if that is enough.
    fn smaller_cache(
        self,
        formats: &BTreeMap<TensorKey, WeightFormat>,
        sizes: Sizes,
        excess: Excess,
    ) -> Option<String> {
        let kv_cache = CacheFormat::I8;
        let narrow = self.model.architecture().head_dim <= kv_cache.max_head_dim();
        let smaller = Sizes { kv_cache, ..sizes };
        let enough =
            excess.only_flash_left(Excess::of(&self.footprint(formats, smaller), self.profile));
        (narrow && sizes.kv_cache != kv_cache && enough)
            .then(|| format!("`--kv-cache {kv_cache}` fits"))
    }

    fn shorter_context(
        self,
        formats: &BTreeMap<TensorKey, WeightFormat>,
        sizes: Sizes,
        excess: Excess,
    ) -> String {
        let fits = |context: usize| {
            let shorter = Sizes {
                context,
                batch: sizes.batch.min(context),
                ..sizes
            };
            excess.only_flash_left(Excess::of(&self.footprint(formats, shorter), self.profile))
        };
        let longest = (0..sizes.context.ilog2())
            .map(|shift| sizes.context >> (shift + 1))
            .find(|&context| fits(context));
        match longest {
            Some(context) => format!("`--context {context}` fits"),
            None => "no context is short enough: take a smaller model or another profile".into(),
        }
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
