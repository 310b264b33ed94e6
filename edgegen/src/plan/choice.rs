//! Which format each matrix gets.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::{Error, Remedy, Result, Setting};
use crate::model::{DType, Model, Role, Tensor, TensorKey};
use crate::plan::{Quant, Request};
use crate::program::WeightFormat;

/// What becomes of the matrices of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// The type in the source.
    pub from: DType,
    /// The format in the crate.
    pub to: WeightFormat,
    /// Matrices.
    pub count: usize,
    /// Whether every weight keeps its value, or has that of which the stored one is the rounding.
    pub lossless: bool,
}

impl fmt::Display for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.lossless {
            "without loss"
        } else {
            "requantized"
        };
        let matrices = if self.count == 1 {
            "matrix"
        } else {
            "matrices"
        };
        write!(
            f,
            "{} {matrices} {} → {}, {how}",
            self.count,
            self.from.name(),
            self.to
        )
    }
}

/// The format of every matrix, as the request says.
pub(super) fn formats(model: &Model, request: &Request) -> BTreeMap<TensorKey, WeightFormat> {
    if let Some(formats) = &request.formats {
        return formats.clone();
    }
    let mut formats: BTreeMap<TensorKey, WeightFormat> = model
        .tensors()
        .iter()
        .filter(|(key, _)| key.role.is_matrix())
        .map(|(&key, tensor)| {
            let format = match request.quant {
                Quant::Keep => kept(tensor),
                Quant::To(format) => format,
            };
            (
                key,
                request.tensors.get(&key.role).copied().unwrap_or(format),
            )
        })
        .collect();
    if calibrated(request, &formats) {
        // Weights change, and are no file's any more.
        for (key, format) in &mut formats {
            if !format.is_made()
                && let Some(tensor) = model.tensor(*key)
            {
                *format = made(tensor.origin());
            }
        }
        // A rotated network's last gain is a matrix, where the output projection is the embedding.
        if model.is_mixed() {
            formats.insert(TensorKey::global(Role::OutputMix), WeightFormat::Q8);
        }
    }
    formats
}

/// The formats of a model that lost neurons since they were chosen: what no tensor holds any more
/// is made.
pub(super) fn after_pruning(model: &Model, formats: &mut BTreeMap<TensorKey, WeightFormat>) {
    for (key, format) in formats {
        if let Some(tensor) = model.tensor(*key)
            && !format.is_made()
            && !keeps(tensor, *format)
        {
            *format = made(tensor.origin());
        }
    }
}

/// Refuses to calibrate what rounds nothing by a text, and what would be rounded again.
pub(super) fn check(
    model: &Model,
    request: &Request,
    formats: &BTreeMap<TensorKey, WeightFormat>,
) -> Result<()> {
    let chosen = formats
        .iter()
        .filter(|(key, _)| key.role != Role::OutputMix);
    let foreign = formats.iter().find(|(key, format)| {
        let holds = |tensor| keeps(tensor, **format);
        !format.is_made() && !model.tensor(**key).is_some_and(holds)
    });
    if let Some((key, format)) = foreign {
        return Err(Error::option(
            "quant",
            format!(
                "`{}` is not in `{format}` in the file, and no other weights are brought into that \
                 format",
                key.role.name()
            ),
        )
        .remedy(
            Remedy::from("take `keep`, or a format such as ")
                .set(Setting::text("quant", WeightFormat::Q8)),
        ));
    }
    let mut blocks =
        chosen.filter(|(_, format)| !matches!(format, WeightFormat::F32 | WeightFormat::F16));
    if !request.calibrate || request.formats.is_some() {
        return Ok(());
    }
    let on_grid = |key: &TensorKey| model.tensor(*key).is_some_and(Tensor::is_on_grid);
    let trained = formats
        .iter()
        .find(|(key, format)| **format == WeightFormat::Q4 && on_grid(key));
    if let Some((key, _)) = trained {
        let name = key.role.name();
        let problem =
            format!("`{name}` is on the grid of `q4` as it is, and would be rounded again");
        return Err(Error::option("calibrate", problem).remedy("leave it out"));
    }
    if blocks.next().is_some() {
        return Ok(());
    }
    Err(Error::option(
        "calibrate",
        "no matrix here has a format that is calibrated",
    )
    .remedy(
        Remedy::from("leave it out")
            .or(Remedy::from("take a format such as ")
                .set(Setting::text("quant", WeightFormat::Q4))),
    ))
}

/// Whether a text shows which errors matter.
pub(super) fn calibrated(request: &Request, formats: &BTreeMap<TensorKey, WeightFormat>) -> bool {
    request.calibrate || formats.values().any(|format| format.calibrated())
}

/// The format that `keep` gives a tensor: its own, or the nearest.
fn kept(tensor: &Tensor) -> WeightFormat {
    // What lost columns, or was added to, is not as in the file.
    let own = native(tensor.origin())
        .filter(|_| tensor.dtype() == tensor.origin())
        .filter(|&format| keeps(tensor, format));
    match own {
        Some(format) if format >= WeightFormat::Q4 => format,
        _ if tensor.is_on_grid() => WeightFormat::Q4,
        own => own.unwrap_or_else(|| made(tensor.origin())),
    }
}

/// The format that `keep` gives tensors of a type, if it knows nothing of their values.
pub(crate) fn nearest(dtype: DType) -> WeightFormat {
    native(dtype).unwrap_or_else(|| made(dtype))
}

/// The format that holds all values of a type, if there is one but f32.
fn native(dtype: DType) -> Option<WeightFormat> {
    Some(match dtype {
        DType::F32 => WeightFormat::F32,
        DType::F16 => WeightFormat::F16,
        DType::Q8_0 => WeightFormat::Q8,
        DType::Q6_K => WeightFormat::Q6K,
        DType::Q5_1 => WeightFormat::Q5M,
        DType::Q5_0 => WeightFormat::Q5,
        DType::Q5_K => WeightFormat::Q5K,
        DType::Q4_1 => WeightFormat::Q4M,
        DType::Q4_0 => WeightFormat::Q4,
        DType::Q4_K => WeightFormat::Q4K,
        DType::IQ4_NL => WeightFormat::IQ4NL,
        DType::IQ4_XS => WeightFormat::IQ4XS,
        DType::MXFP4 => WeightFormat::MXFP4,
        DType::Q3_K => WeightFormat::Q3K,
        DType::Q2_K => WeightFormat::Q2K,
        DType::TQ2_0 => WeightFormat::TQ2,
        DType::TQ1_0 => WeightFormat::TQ1,
        _ => return None,
    })
}

/// The nearest format of at least as many bits that weights are brought into. Types with a minimum
/// go to the format with a minimum.
fn made(dtype: DType) -> WeightFormat {
    match dtype {
        DType::F32 => WeightFormat::F32,
        DType::F16 | DType::BF16 => WeightFormat::F16,
        DType::Q4_0
        | DType::Q3_K
        | DType::IQ4_NL
        | DType::IQ4_XS
        | DType::TQ1_0
        | DType::TQ2_0
        | DType::MXFP4
        | DType::Q1_0
        | DType::Q2_0
        | DType::Codes {
            bits: 2 | 4,
            zeros: false,
            ..
        } => WeightFormat::Q4,
        DType::Q4_1 | DType::Q2_K | DType::Q4_K | DType::Codes { bits: 4, .. } => WeightFormat::Q4M,
        DType::Q5_0
        | DType::Q5_1
        | DType::Q8_0
        | DType::Q5_K
        | DType::Q6_K
        | DType::Codes { .. }
        | DType::F8_E4M3 { .. }
        | DType::Q8Groups { .. } => WeightFormat::Q8,
    }
}

/// Whether a conversion of a tensor keeps every value.
pub(crate) fn keeps(tensor: &Tensor, to: WeightFormat) -> bool {
    let own = native(tensor.dtype()) == Some(to);
    let own = own && (to != WeightFormat::MXFP4 || tensor.is_normal());
    own || to == WeightFormat::F32 || to == WeightFormat::Q4 && tensor.is_on_grid()
}

/// The conversions, by type and format.
pub(super) fn conversions(
    model: &Model,
    formats: &BTreeMap<TensorKey, WeightFormat>,
    calibrated: bool,
) -> Vec<Conversion> {
    let mut counts: BTreeMap<(DType, WeightFormat, bool), usize> = BTreeMap::new();
    for (key, tensor) in model.tensors() {
        if let Some(&to) = formats.get(key) {
            let lossless = keeps(tensor, to) && !calibrated;
            *counts.entry((tensor.origin(), to, lossless)).or_default() += 1;
        }
    }
    counts
        .into_iter()
        .map(|((from, to, lossless), count)| Conversion {
            from,
            to,
            count,
            lossless,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_format_and_what_is_made_of_it() {
        use WeightFormat::{
            F16, F32, IQ4NL, IQ4XS, MXFP4, Q2K, Q3K, Q4, Q4K, Q4M, Q5, Q5K, Q5M, Q6K, Q8, TQ1, TQ2,
        };
        let codes = |bits, zeros| DType::Codes {
            bits,
            zeros,
            group_size: 32,
        };
        // The type, what holds its values, and what is made of it where they change.
        let types = [
            (DType::F32, Some(F32), F32),
            (DType::F16, Some(F16), F16),
            (DType::BF16, None, F16),
            (DType::Q4_0, Some(Q4), Q4),
            (DType::Q4_1, Some(Q4M), Q4M),
            (DType::Q5_0, Some(Q5), Q8),
            (DType::Q5_1, Some(Q5M), Q8),
            (DType::Q8_0, Some(Q8), Q8),
            (DType::Q2_K, Some(Q2K), Q4M),
            (DType::Q3_K, Some(Q3K), Q4),
            (DType::Q4_K, Some(Q4K), Q4M),
            (DType::Q5_K, Some(Q5K), Q8),
            (DType::Q6_K, Some(Q6K), Q8),
            (DType::IQ4_NL, Some(IQ4NL), Q4),
            (DType::IQ4_XS, Some(IQ4XS), Q4),
            (DType::TQ1_0, Some(TQ1), Q4),
            (DType::TQ2_0, Some(TQ2), Q4),
            (DType::MXFP4, Some(MXFP4), Q4),
            (DType::Q1_0, None, Q4),
            (DType::Q2_0, None, Q4),
            (codes(4, false), None, Q4),
            (codes(4, true), None, Q4M),
            (codes(8, false), None, Q8),
            (codes(8, true), None, Q8),
            (DType::F8_E4M3 { group_size: 128 }, None, Q8),
            (DType::Q8Groups { group_size: 32 }, None, Q8),
            (codes(2, false), None, Q4),
        ];
        for (dtype, own, other) in types {
            assert_eq!(native(dtype), own, "{}", dtype.name());
            assert_eq!(made(dtype), other, "{}", dtype.name());
            assert!(other.is_made());
        }
    }
}
