//! BitNet's ternary matrices, by transformers' integrations/bitnet.py.

use std::collections::{BTreeMap, BTreeSet};

use safetensors::tensor::Dtype;

use crate::error::{Error, Place, Result};
use crate::import::config::unsupported;
use crate::import::hf::config::Fields;
use crate::import::hf::weights::Stored;
use crate::model::Tensor;

use super::grid::{Groups, Integers};

/// How the matrices of layers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::import::hf) enum Ternary {
    /// As they were trained: they are rounded when they are read.
    Online,
    /// Rounded, with a scale beside each: the weights times it.
    Times,
    /// The same with the scale's inverse.
    Over,
}

/// The end of a scale's name.
const SCALE: &str = ".weight_scale";

/// Reads `quantization_config`.
pub(in crate::import::hf) fn read(fields: &Fields<'_>) -> Result<Option<Ternary>> {
    fields.within("quantization_config", |fields| {
        let one_of = |name: &str, usual, known: &[&'static str]| {
            let said = fields.text(name)?.unwrap_or(usual);
            let found = known.iter().find(|known| **known == said);
            found
                .copied()
                .ok_or_else(|| unsupported(name, said, &known.join(" or ")))
        };
        let method = fields.needed("quant_method", fields.text("quant_method")?)?;
        if method != "bitnet" {
            return Err(unsupported("quant_method", method, "bitnet"));
        }
        let class = one_of("linear_class", "bitlinear", &["bitlinear", "autobitlinear"])?;
        let mode = one_of("quantization_mode", "offline", &["offline", "online"])?;
        if fields.flag("use_rms_norm")? == Some(true) {
            return Err(unsupported("use_rms_norm", "true", "false"));
        }
        // It counts with `use_rms_norm` alone.
        fields.number("rms_norm_eps")?;
        let ignored = [("modules_to_not_convert", ["lm_head"].as_slice())];
        fields.refuse_unread(&[&ignored], "ternary matrices have no such setting")?;
        Ok(match (class, mode) {
            ("autobitlinear", "online") => Ternary::Online,
            ("autobitlinear", _) => Ternary::Times,
            _ => Ternary::Over,
        })
    })
}

/// The tensors of a folder, with matrices that are ternary and times their scales.
pub(in crate::import::hf) fn tensors(stored: Vec<Stored>, how: Ternary) -> Result<Vec<Tensor>> {
    let (scales, others): (Vec<Stored>, Vec<Stored>) = stored
        .into_iter()
        .partition(|tensor| how != Ternary::Online && tensor.name.ends_with(SCALE));
    let scales = scales.into_iter().map(|scale| {
        let of = scale
            .name
            .strip_suffix(SCALE)
            .unwrap_or_default()
            .to_owned();
        Ok((of, value(&scale.plain()?)?))
    });
    let scales: BTreeMap<String, f32> = scales.collect::<Result<_>>()?;
    let mut alone: BTreeSet<&str> = scales.keys().map(String::as_str).collect();
    let mut changed = Vec::new();
    for tensor in others {
        let name = tensor.name.clone();
        let (of, end) = name.rsplit_once('.').unwrap_or_default();
        let is_packed = tensor.dtype == Dtype::U8;
        let has_rows = is_packed || matches!(tensor.shape[..], [rows, _] if rows > 1);
        let is_matrix = end == "weight" && has_rows && of.contains(".layers.");
        changed.push(match (how, scales.get(of)) {
            _ if is_packed && !is_matrix => {
                let problem = "a ternary matrix outside the layers is not supported";
                return Err(refused(&name, problem));
            }
            (Ternary::Online, _) if is_packed => rounded(&unpacked(&tensor, 1.0)?)?,
            (Ternary::Online, _) if is_matrix => rounded(&tensor.plain()?)?,
            (_, None) if is_matrix => {
                return Err(refused(&(of.to_owned() + SCALE), "the tensor is missing"));
            }
            (_, Some(&scale)) if is_matrix => {
                alone.remove(of);
                let factor = match how {
                    Ternary::Over => 1.0 / scale,
                    _ => scale,
                };
                match is_packed {
                    true => unpacked(&tensor, factor)?,
                    false => tensor.plain()?.times(factor)?,
                }
            }
            // What is added to the product before it is scaled.
            (Ternary::Times, Some(&scale)) if end == "bias" => tensor.plain()?.times(scale)?,
            _ => tensor.plain()?,
        });
    }
    match alone.first() {
        None => Ok(changed),
        Some(of) => Err(refused(
            &((*of).to_owned() + SCALE),
            "no matrix is beside it",
        )),
    }
}

/// A matrix of bytes, times its scale: the lowest two bits of all bytes are the first quarter of the
/// rows, each weight more by 1.
fn unpacked(stored: &Stored, scale: f32) -> Result<Tensor> {
    let name = &stored.name;
    let &[quarter, cols] = &stored.shape[..] else {
        let problem = format!("the shape {:?} is no matrix", stored.shape);
        return Err(refused(name, &problem));
    };
    let bytes = stored.data.bytes();
    if bytes.iter().any(|byte| byte & byte >> 1 & 0x55 != 0) {
        return Err(refused(
            name,
            "2 bits with the value 3 are no ternary weight",
        ));
    }
    let more_by_1 =
        |row: usize, col: usize| bytes[row % quarter * cols + col] >> (2 * (row / quarter)) & 3;
    ternary(name, (4 * quarter, cols), scale, more_by_1)
}

/// Each weight as the nearest of -1, 0 and 1, times the mean magnitude (Ma et al. 2024,
/// arXiv:2402.17764).
fn rounded(tensor: &Tensor) -> Result<Tensor> {
    let (cols, values) = (tensor.cols(), tensor.values());
    let sum: f64 = values.iter().map(|value| f64::from(value.abs())).sum();
    let inverse = 1.0 / ((sum / values.len() as f64) as f32).max(1e-5);
    let more_by_1 = |row, col| {
        let value: f32 = values[row * cols + col];
        ((value * inverse).round_ties_even().clamp(-1.0, 1.0) + 1.0) as u8
    };
    ternary(
        tensor.name(),
        (tensor.rows(), cols),
        1.0 / inverse,
        more_by_1,
    )
}

/// A matrix of one scale and weights that are given more by 1.
fn ternary(
    name: &str,
    (rows, cols): (usize, usize),
    scale: f32,
    more_by_1: impl Fn(usize, usize) -> u8 + Sync,
) -> Result<Tensor> {
    Integers {
        name: name.to_owned(),
        rows,
        groups: Groups::of_size(cols, cols),
        bits: 2,
        scale: |_, _| scale,
        zero: |_, _| 2,
        code: |row, col| more_by_1(row, col) + 1,
    }
    .tensor()
}

fn value(scale: &Tensor) -> Result<f32> {
    if scale.len() != 1 {
        return Err(refused(scale.name(), "a matrix has one scale"));
    }
    let mut value = [0.0];
    scale.dequantize_rows(0..1, &mut value);
    Ok(value[0])
}

fn refused(tensor: &str, problem: &str) -> Error {
    Error::unsupported(problem)
        .at(Place::tensor(tensor))
        .remedy("give the original model, as it was published")
}
