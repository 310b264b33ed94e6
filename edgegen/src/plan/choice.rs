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
                Quant::Keep if keeps(tensor, WeightFormat::Q4) => WeightFormat::Q4,
                Quant::Keep => nearest(tensor.origin()),
                Quant::To(format) => format,
            };
            (
                key,
                request.tensors.get(&key.role).copied().unwrap_or(format),
            )
        })
        .collect();
    // A rotated network's last gain is a matrix, where the output projection is the embedding.
    if calibrated(request, &formats) && model.is_mixed() {
        formats.insert(TensorKey::global(Role::OutputMix), WeightFormat::Q8);
    }
    formats
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

/// The nearest format of at least as many bits. Types with a minimum go to the
/// format with a minimum.
pub(crate) fn nearest(dtype: DType) -> WeightFormat {
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
    lossless(tensor.dtype(), to) || to == WeightFormat::Q4 && tensor.is_on_grid()
}

/// Whether a conversion keeps every value, whatever the weights are.
fn lossless(from: DType, to: WeightFormat) -> bool {
    match to {
        WeightFormat::F32 => true,
        WeightFormat::F16 => from == DType::F16,
        WeightFormat::Q8 => from == DType::Q8_0,
        WeightFormat::Q4 => from == DType::Q4_0,
        WeightFormat::Q4M => from == DType::Q4_1,
        WeightFormat::T4 | WeightFormat::T3 | WeightFormat::T2 => false,
    }
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
    fn every_type_has_its_format_and_what_keeps_its_values() {
        use WeightFormat::{F16, F32, Q4, Q4M, Q8};
        let codes = |bits, zeros| DType::Codes {
            bits,
            zeros,
            group_size: 32,
        };
        // The type, the nearest format, and those that keep every value.
        let types: [(DType, WeightFormat, &[WeightFormat]); 27] = [
            (DType::F32, F32, &[F32]),
            (DType::F16, F16, &[F32, F16]),
            (DType::BF16, F16, &[F32]),
            (DType::Q4_0, Q4, &[F32, Q4]),
            (DType::Q4_1, Q4M, &[F32, Q4M]),
            (DType::Q5_0, Q8, &[F32]),
            (DType::Q5_1, Q8, &[F32]),
            (DType::Q8_0, Q8, &[F32, Q8]),
            (DType::Q2_K, Q4M, &[F32]),
            (DType::Q3_K, Q4, &[F32]),
            (DType::Q4_K, Q4M, &[F32]),
            (DType::Q5_K, Q8, &[F32]),
            (DType::Q6_K, Q8, &[F32]),
            (DType::IQ4_NL, Q4, &[F32]),
            (DType::IQ4_XS, Q4, &[F32]),
            (DType::TQ1_0, Q4, &[F32]),
            (DType::TQ2_0, Q4, &[F32]),
            (DType::MXFP4, Q4, &[F32]),
            (DType::Q1_0, Q4, &[F32]),
            (DType::Q2_0, Q4, &[F32]),
            (codes(4, false), Q4, &[F32]),
            (codes(4, true), Q4M, &[F32]),
            (codes(8, false), Q8, &[F32]),
            (codes(8, true), Q8, &[F32]),
            (DType::F8_E4M3 { group_size: 128 }, Q8, &[F32]),
            (DType::Q8Groups { group_size: 32 }, Q8, &[F32]),
            (codes(2, false), Q4, &[F32]),
        ];
        for (dtype, format, keep) in types {
            assert_eq!(nearest(dtype), format, "{}", dtype.name());
            for to in WeightFormat::ALL {
                let kept = keep.contains(&to);
                assert_eq!(lossless(dtype, to), kept, "{} → {to}", dtype.name());
            }
        }
    }
}
