//! Model + Plan → Program: fuses, permutes, quantizes and packs.

mod calibrate;
mod encode;
mod pack;
mod prepare;
mod rotation;
mod rows;

use std::collections::BTreeMap;

use runtime_kernels::in_default_mode;

use crate::cache::{Cache, Key};
use crate::error::Result;
use crate::forward::{RopePermutation, rope};
use crate::graph::Table;
use crate::layout::{Content, Layout};
use crate::memory;
use crate::model::{Model, Tensor, TensorKey};
use crate::plan::Plan;
use crate::program::{Prefix, Program, Provenance, WeightFiles, WeightFormat};
use crate::progress::Steps;

use calibrate::{Calibrated, Coded, calibrate};
pub use calibrate::{Sensitivity, sensitivity};
use rows::Rows;

/// Carries the plan out.
///
/// # Errors
///
/// When a weight does not fit its format's range, the text of what is calibrated is too short, or
/// this machine has not the memory.
pub fn compress(model: &Model, plan: &Plan, progress: Steps<'_>) -> Result<Program> {
    compress_cached(model, plan, &Cache::none(), progress)
}

/// As [`compress`]; what is calibrated is taken from the cache, and kept there.
///
/// # Errors
///
/// As [`compress`].
pub fn compress_cached(
    model: &Model,
    plan: &Plan,
    cache: &Cache,
    progress: Steps<'_>,
) -> Result<Program> {
    let (layout, mut files) = empty(model, plan)?;
    let key = plan.calibrated().then(|| key(model, plan));
    let known = key.as_ref().and_then(|key| cache.get(key));
    if !known.is_some_and(|bytes| files.fill(&bytes)) {
        in_default_mode(|| pack(model, plan, &layout, &mut files, progress))?;
        if let Some(key) = key {
            cache.put(&key, &files.joined());
        }
    }
    Ok(program(model, plan, layout, files))
}

/// The program without its weights: for its text, in which they take no part.
///
/// # Errors
///
/// When this machine has not the memory.
pub fn outline(model: &Model, plan: &Plan) -> Result<Program> {
    let (layout, files) = empty(model, plan)?;
    Ok(program(model, plan, layout, files))
}

/// Where the weights will be.
fn empty(model: &Model, plan: &Plan) -> Result<(Layout, WeightFiles)> {
    let layout = plan.layout(model);
    memory::check(
        "what the crate has in flash takes",
        layout.files.lens().sum(),
    )?;
    let files = WeightFiles::new(&layout.files);
    Ok((layout, files))
}

fn program(model: &Model, plan: &Plan, layout: Layout, files: WeightFiles) -> Program {
    let shapes = plan.shapes(model);
    Program {
        shapes,
        code: layout.code,
        files,
        tokenizer: model.tokenizer().tables().clone(),
        chat: model.chat_template().cloned(),
        grammar: model.grammar().cloned(),
        prefix: Prefix::new(model.prefix()),
        provenance: Provenance {
            model: model.name().to_owned(),
            format: model.format().to_owned(),
            sources: model.sources().clone(),
            origin: model.origin().map(str::to_owned),
            licences: model.licences().to_vec(),
            parameters: model
                .tensors()
                .values()
                .map(|tensor| (tensor.rows() * tensor.cols()) as u64)
                .sum(),
            left_out: model.left_out(),
            conversions: plan.conversions().iter().map(ToString::to_string).collect(),
        },
    }
}

/// What the bytes of the weight files depend on.
fn key(model: &Model, plan: &Plan) -> Key {
    let mut key = Key::new("weights")
        .with(model.digest())
        .with_value(model.architecture())
        .with(plan.sizes().context.to_string())
        .with(plan.calibration());
    for token in model.tokenizer().tokens() {
        key = key.with(&token.bytes);
    }
    for format in plan.formats().values() {
        key = key.with(format.name());
    }
    key
}

/// Writes all weights.
fn pack(
    model: &Model,
    plan: &Plan,
    layout: &Layout,
    files: &mut WeightFiles,
    progress: Steps<'_>,
) -> Result<()> {
    let context = plan.sizes().context;
    let calibrated = plan
        .calibrated()
        .then(|| {
            calibrate(
                &model.in_context(context),
                plan.formats(),
                plan.calibration(),
                progress,
            )
        })
        .transpose()?;
    let (weights, coded) = match &calibrated {
        Some(Calibrated { model, coded }) => (model, coded),
        None => (model, &BTreeMap::new()),
    };
    for (done, slice) in layout.slices.iter().enumerate() {
        fill(weights, coded, &slice.content, files.bytes_mut(&slice.part))?;
        progress(done + 1, layout.slices.len());
    }
    Ok(())
}

/// Writes what belongs into a part of a weight file.
fn fill(
    model: &Model,
    coded: &BTreeMap<TensorKey, Coded>,
    content: &Content,
    out: &mut [u8],
) -> Result<()> {
    let architecture = model.architecture();
    let permutation = |key: TensorKey| RopePermutation::of(key.role, architecture);
    match content {
        Content::Matrix {
            keys,
            format,
            groups,
        } => {
            if let Some(matrices) = keys
                .iter()
                .map(|key| coded.get(key))
                .collect::<Option<Vec<_>>>()
            {
                let (_, cols) = architecture.shape(keys[0].role);
                calibrate::pack(&matrices, groups.start, *format, cols, out);
                return Ok(());
            }
            let mut rows = Rows::default();
            for &key in keys {
                let tensor = tensor(model, key);
                // All threads look together here: one that packs must not wait for others.
                if *format == WeightFormat::Q4 {
                    tensor.is_on_grid();
                }
                rows.append(tensor, permutation(key));
            }
            let cols = tensor(model, keys[0]).cols();
            return pack::groups(&rows, groups.clone(), cols, *format, out);
        }
        Content::Vector(key) => {
            let tensor = tensor(model, *key);
            let mut values = vec![0.0; tensor.cols()];
            tensor.dequantize_rows(0..1, &mut values);
            match permutation(*key) {
                Some(order) => put(out, (0..values.len()).map(|row| values[order.source(row)])),
                None => put(out, values),
            }
        }
        Content::Table {
            table: Table::Rope(rope),
            context,
        } => put(out, rope::table(rope, *context)),
        Content::Table {
            table: Table::Tensor(key),
            context,
        } => {
            let tensor = tensor(model, *key);
            let mut row = vec![0.0; tensor.cols()];
            for (index, out) in out.chunks_exact_mut(out.len() / context).enumerate() {
                tensor.dequantize_rows(index..index + 1, &mut row);
                put(out, row.iter().copied());
            }
        }
    }
    Ok(())
}

/// Writes f32s, and leaves what follows them.
fn put(out: &mut [u8], values: impl IntoIterator<Item = f32>) {
    for (out, value) in out.as_chunks_mut().0.iter_mut().zip(values) {
        *out = value.to_le_bytes();
    }
}

fn tensor(model: &Model, key: TensorKey) -> &Tensor {
    model
        .tensor(key)
        .expect("Model holds every tensor that its architecture needs")
}
