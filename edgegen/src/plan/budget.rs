//! Predicted flash and RAM, and what to do when they exceed the limits.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::model::{Model, TensorKey};
use crate::profile::Profile;
use crate::program::tokenizer::TokenizerTables;
use crate::program::{Arena, COLUMN_PADDING, Prefix, Shapes, WeightFormat};

/// Predicted memory of a generated crate, in bytes. Exact but for the
/// alignment of tensors in flash, and the header of a file of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// Matrices.
    pub matrices: usize,
    /// Norm gains, biases, rotation tables, tokenizer, grammar and prefix.
    pub tables: usize,
    /// The KV cache, the tokens in it, and answers to give again.
    pub kv_cache: usize,
    /// Activations.
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
    /// Tokens that one prefill step takes together.
    pub batch: usize,
    /// Tokens of prompts and answers to give again.
    pub answer_cache: usize,
}

/// Bytes for each token of the context that a session without an allocator keeps for prompts.
const PROMPT_BYTES: usize = 24;

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
        batch: sizes.batch,
        answer_cache: sizes.answer_cache,
        rms_norm_eps: a.rms_norm_eps,
        attention_scale: a.attention_scale,
        rope_pairs: a.rope.dim / 2,
    }
}

/// Sizes of the crate with these formats.
pub(super) fn footprint(
    model: &Model,
    formats: &BTreeMap<TensorKey, WeightFormat>,
    sizes: Sizes,
    std: bool,
) -> Footprint {
    let context = sizes.context;
    let shapes = shapes(model, sizes);
    let mut matrices = 0;
    let mut vectors = 0;
    for (key, tensor) in model.tensors() {
        match formats.get(key) {
            Some(format) => matrices += format.matrix_bytes(tensor.rows(), tensor.cols()),
            None => vectors += tensor.cols().next_multiple_of(COLUMN_PADDING) * 4,
        }
    }
    let rope = context * shapes.rope_pairs * 2 * 4;
    let tokenizer = TokenizerTables::new(model.tokenizer()).blob().len();
    let grammar = model.grammar().map_or(0, |grammar| grammar.blob().len());
    let prefix = Prefix::bytes(model.prefix().len(), &shapes);
    let arena = Arena::new(&shapes);
    Footprint {
        matrices,
        tables: vectors + rope + tokenizer + grammar + prefix,
        kv_cache: (shapes.kv_cache_len() + context + sizes.answer_cache) * 4,
        activations: arena.len() * 4
            + activation_blocks(&shapes) * size_of::<runtime_kernels::Q8Block>()
            + if std { 0 } else { PROMPT_BYTES * context },
    }
}

/// Blocks of i8 activations that a session holds.
pub fn activation_blocks(shapes: &Shapes) -> usize {
    let widest = shapes
        .hidden_size
        .max(shapes.intermediate_size)
        .max(shapes.num_attention_heads * shapes.head_dim);
    widest.div_ceil(COLUMN_PADDING) * shapes.batch
}

/// Refuses what exceeds the profile's limits.
pub(super) fn check(
    model: &Model,
    profile: &Profile,
    footprint: &Footprint,
    sizes: Sizes,
) -> Result<()> {
    let context = sizes.context;
    let flash = (footprint.flash(), profile.model_size());
    let ram = (footprint.ram(), profile.ram());
    let exceeds =
        |(size, limit): (usize, Option<u64>)| limit.is_some_and(|limit| size as u64 > limit);
    if !exceeds(flash) && !exceeds(ram) {
        return Ok(());
    }
    let mut problems = Vec::new();
    let mut remedies = Vec::new();
    if exceeds(flash) {
        let limit = profile.model_size().unwrap_or(u64::MAX);
        problems.push(format!(
            "the weights take {}, the limit is {}",
            mb(flash.0 as u64),
            mb(limit)
        ));
        remedies.push(smaller_format(model, limit, sizes));
    }
    if exceeds(ram) {
        let limit = profile.ram().unwrap_or(u64::MAX);
        problems.push(format!(
            "a session of {context} tokens takes {} of RAM, the limit is {}",
            mb(ram.0 as u64),
            mb(limit)
        ));
        remedies.push(shorter_context(model, limit, sizes, profile.std()));
    }
    remedies.push("`--allow-oversize` emits all the same".into());
    Err(Error::new(format!(
        "the model does not fit the profile `{}`: {}",
        profile.name(),
        problems.join("; ")
    ))
    .remedy(remedies.join("; ")))
}

fn smaller_format(model: &Model, limit: u64, sizes: Sizes) -> String {
    let sizes: Vec<(WeightFormat, usize)> = WeightFormat::ALL
        .into_iter()
        .map(|format| {
            let formats = super::choice::formats(model, super::Quant::To(format));
            (format, footprint(model, &formats, sizes, true).flash())
        })
        .collect();
    match sizes.iter().find(|(_, size)| *size as u64 <= limit) {
        Some((format, size)) => format!("`--quant {format}` makes it {}", mb(*size as u64)),
        None => {
            let (format, size) = sizes
                .iter()
                .min_by_key(|(_, size)| *size)
                .expect("there are formats");
            format!(
                "no format is small enough (`--quant {format}` is {}): take a smaller model or another profile",
                mb(*size as u64)
            )
        }
    }
}

fn shorter_context(model: &Model, limit: u64, sizes: Sizes, std: bool) -> String {
    let none = BTreeMap::new();
    let fits = |context: usize| {
        let shorter = Sizes {
            context,
            batch: sizes.batch.min(context),
            ..sizes
        };
        footprint(model, &none, shorter, std).ram() as u64 <= limit
    };
    let longest = (0..sizes.context.ilog2())
        .map(|shift| sizes.context >> (shift + 1))
        .find(|&context| fits(context));
    match longest {
        Some(context) => format!("`--context {context}` fits"),
        None => "no context is short enough: take a smaller model or another profile".into(),
    }
}

/// A size in MB (10^6 bytes), for people.
pub(crate) fn mb(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}
