//! Model + Plan → Program: fuses, permutes, quantizes and packs.

mod calibrate;
mod encode;
mod pack;
mod prepare;
mod rotation;
mod rows;

use std::collections::BTreeMap;

use crate::error::Result;
use crate::forward::{RopePermutation, rope};
use crate::layout::Content;
use crate::model::{Model, Tensor, TensorKey};
use crate::plan::{Plan, shapes};
use crate::program::tokenizer::TokenizerTables;
use crate::program::{Arena, Prefix, Program, Provenance, WeightFiles};

use calibrate::{Calibrated, Coded, calibrate};
use rows::Rows;

/// Reports progress: steps done, steps in all.
pub type Progress<'a> = &'a dyn Fn(usize, usize);

/// Carries the plan out.
///
/// # Errors
///
/// When a weight does not fit its format's range.
pub fn compress(model: &Model, plan: &Plan, progress: Progress<'_>) -> Result<Program> {
    let shapes = shapes(model, plan.sizes());
    let layout = plan.layout(model);
    let calibrated = plan.formats().values().any(|format| format.calibrated());
    let calibrated = calibrated
        .then(|| calibrate(model, plan.formats(), plan.calibration(), progress))
        .transpose()?;
    let (weights, coded) = match &calibrated {
        Some(Calibrated { model, coded }) => (model, coded),
        None => (model, &BTreeMap::new()),
    };
    let mut files = WeightFiles::new(&layout.files);
    for (done, piece) in layout.pieces.iter().enumerate() {
        fill(weights, coded, &piece.content, files.bytes_mut(&piece.part))?;
        progress(done + 1, layout.pieces.len());
    }

    Ok(Program {
        arena: Arena::new(&shapes),
        shapes,
        embedding: layout.embedding,
        layers: layout.layers,
        head: layout.head,
        rope: layout.rope,
        files,
        tokenizer: TokenizerTables::new(model.tokenizer()),
        chat: model.chat_template().cloned(),
        grammar: model.grammar().cloned(),
        prefix: Prefix::new(model.prefix()),
        provenance: Provenance {
            model: model.name().to_owned(),
            format: model.format().to_owned(),
            digest: model.digest().to_owned(),
            licence: model.licence().map(str::to_owned),
            parameters: model
                .tensors()
                .values()
                .map(|tensor| (tensor.rows() * tensor.cols()) as u64)
                .sum(),
            left_out: model.left_out(),
            conversions: plan.conversions().iter().map(ToString::to_string).collect(),
        },
    })
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
            if format.calibrated() {
                let (_, cols) = architecture.shape(keys[0].role);
                let matrices = keys.iter().map(|key| &coded[key]);
                calibrate::pack(matrices, groups.start, format.group_bytes(cols), out);
                return Ok(());
            }
            let mut rows = Rows::default();
            for &key in keys {
                rows.append(tensor(model, key), permutation(key));
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
        Content::Rope { context } => put(out, rope::table(&architecture.rope, *context)),
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
