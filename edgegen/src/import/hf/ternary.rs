//! BitNet's ternary matrices, by transformers' integrations/bitnet.py.

use std::collections::{BTreeMap, BTreeSet};

use safetensors::tensor::Dtype;

use crate::error::{Error, Place, Result};
use crate::import::config::unsupported;
use crate::model::{DType, Tensor, View};

use super::config::Fields;
use super::weights::Stored;

/// How the matrices of layers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ternary {
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
pub(super) fn read(fields: &Fields<'_>) -> Result<Option<Ternary>> {
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

/// A matrix of bytes: the lowest two bits of all bytes are the first quarter of the rows, each weight
/// more by 1.
fn unpacked(name: &str, shape: &[usize], data: &View) -> Result<Tensor> {
    let &[quarter, cols] = shape else {
        return Err(refused(name, &format!("the shape {shape:?} is no matrix")));
    };
    let bytes = data.bytes();
    let code =
        |row: usize, col: usize| bytes[row % quarter * cols + col] >> (2 * (row / quarter)) & 3;
    if bytes.iter().any(|byte| byte & byte >> 1 & 0x55 != 0) {
        return Err(refused(
            name,
            "2 bits with the value 3 are no ternary weight",
        ));
    }
    Tensor::ternary(name, 4 * quarter, cols, 1.0, code)
}

/// The tensors of a folder, with matrices that are ternary and times their scales.
pub(super) fn tensors(stored: Vec<Stored>, how: Ternary) -> Result<Vec<Tensor>> {
    let tensors = stored.into_iter().map(|tensor| match tensor.dtype {
        Dtype::U8 => unpacked(&tensor.name, &tensor.shape, &tensor.data),
        _ => tensor.plain(),
    });
    scaled(tensors.collect::<Result<_>>()?, how)
}

fn scaled(tensors: Vec<Tensor>, how: Ternary) -> Result<Vec<Tensor>> {
    let (scales, others): (Vec<Tensor>, Vec<Tensor>) = tensors
        .into_iter()
        .partition(|tensor| how != Ternary::Online && tensor.name().ends_with(SCALE));
    let scales = scales.iter().map(|scale| {
        let of = scale.name().strip_suffix(SCALE).unwrap_or_default();
        Ok((of.to_owned(), value(scale)?))
    });
    let scales: BTreeMap<String, f32> = scales.collect::<Result<_>>()?;
    let mut alone: BTreeSet<&str> = scales.keys().map(String::as_str).collect();
    let mut changed = Vec::new();
    for tensor in others {
        let (of, end) = tensor.name().rsplit_once('.').unwrap_or_default();
        let is_matrix = end == "weight" && tensor.rows() > 1 && of.contains(".layers.");
        let is_packed = matches!(tensor.dtype(), DType::Ternary { .. });
        changed.push(match (how, scales.get(of)) {
            _ if is_packed && !is_matrix => {
                let problem = "a ternary matrix outside the layers is not supported";
                return Err(refused(tensor.name(), problem));
            }
            (Ternary::Online, _) if is_matrix => tensor.rounded_to_ternary()?,
            (_, None) if is_matrix => {
                return Err(refused(&(of.to_owned() + SCALE), "the tensor is missing"));
            }
            (_, Some(&scale)) if is_matrix => {
                alone.remove(of);
                tensor.times(match how {
                    Ternary::Over => 1.0 / scale,
                    _ => scale,
                })?
            }
            // What is added to the product before it is scaled.
            (Ternary::Times, Some(&scale)) if end == "bias" => tensor.times(scale)?,
            _ => tensor,
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
