//! One row of weights as blocks of a format: repacked where the source already
//! holds such blocks, quantized otherwise. IEEE operations only, so that every
//! host writes the same bytes.

use crate::error::{Error, Place, Result};
use crate::half::F16;
use crate::model::{DType, SuperBlock, on_grid};
use crate::program::{COLUMN_PADDING, WeightFormat};

use super::rows::Row;

/// 32 weights of one row, or 256.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Block {
    F32([f32; 32]),
    F16([u16; 32]),
    /// Scale (f16 bits) and i8 quants.
    Q8(u16, [i8; 32]),
    /// Scale (f16 bits) and nibbles, offset by 8 or codes of levels.
    Q4(u16, [u8; 32]),
    /// Scale, minimum (f16 bits) and nibbles.
    Q4M(u16, u16, [u8; 32]),
    /// Scale (f16 bits) and 5 bits, offset by 16.
    Q5(u16, [u8; 32]),
    /// Scale, minimum (f16 bits) and 5 bits.
    Q5M(u16, u16, [u8; 32]),
    /// The power of 2 and codes.
    MXFP4(i8, [u8; 32]),
    /// 256 weights of a format of super-blocks.
    Super(SuperBlock),
}

impl Block {
    /// A block of zeros, for padding.
    pub(super) fn zero(format: WeightFormat) -> Self {
        match format {
            WeightFormat::F32 => Self::F32([0.0; 32]),
            WeightFormat::F16 => Self::F16([0; 32]),
            WeightFormat::Q8 => Self::Q8(0, [0; 32]),
            WeightFormat::Q4 | WeightFormat::IQ4NL => Self::Q4(0, [8; 32]),
            WeightFormat::Q4M => Self::Q4M(0, 0, [0; 32]),
            WeightFormat::Q5 => Self::Q5(0, [16; 32]),
            WeightFormat::Q5M => Self::Q5M(0, 0, [0; 32]),
            WeightFormat::MXFP4 => Self::MXFP4(0, [0; 32]),
            WeightFormat::Q6K
            | WeightFormat::Q5K
            | WeightFormat::Q4K
            | WeightFormat::Q3K
            | WeightFormat::Q2K
            | WeightFormat::IQ4XS
            | WeightFormat::TQ2
            | WeightFormat::TQ1 => Self::Super(SuperBlock {
                codes: [0; 256],
                scales: [0; 16],
                minimums: [0; 16],
                units: [0; 2],
            }),
            WeightFormat::T4 | WeightFormat::T3 | WeightFormat::T2 => {
                unreachable!("rows of these are encoded by calibration")
            }
        }
    }
}

impl Block {
    /// Whether scale and minimum are finite.
    pub(super) fn is_finite(&self) -> bool {
        let finite = |bits: u16| F16::from_bits(bits).is_finite();
        match *self {
            Self::F32(_) | Self::F16(_) | Self::MXFP4(..) => true,
            Self::Q8(scale, _) | Self::Q4(scale, _) | Self::Q5(scale, _) => finite(scale),
            Self::Q4M(scale, minimum, _) | Self::Q5M(scale, minimum, _) => {
                finite(scale) && finite(minimum)
            }
            Self::Super(block) => block.units.into_iter().all(finite),
        }
    }
}

/// The blocks of one row; the last is padded with zeros.
pub(super) fn row(row: Row<'_>, format: WeightFormat, blocks: &mut Vec<Block>) -> Result<()> {
    let tensor = row.tensor;
    let stored = &tensor.bytes()[row.index * tensor.row_bytes()..][..tensor.row_bytes()];
    match (tensor.dtype(), format) {
        (DType::Q8_0, WeightFormat::Q8) => {
            blocks.extend(stored.chunks_exact(34).map(|block| {
                let quants = std::array::from_fn(|i| block[2 + i].cast_signed());
                Block::Q8(u16_at(block, 0), quants)
            }));
        }
        (DType::Q4_0, WeightFormat::Q4) | (DType::IQ4_NL, WeightFormat::IQ4NL) => {
            blocks.extend(
                stored
                    .chunks_exact(18)
                    .map(|block| Block::Q4(u16_at(block, 0), nibbles(&block[2..]))),
            );
        }
        (DType::Q4_1, WeightFormat::Q4M) => {
            blocks.extend(
                stored.chunks_exact(20).map(|block| {
                    Block::Q4M(u16_at(block, 0), u16_at(block, 2), nibbles(&block[4..]))
                }),
            );
        }
        (DType::Q5_0, WeightFormat::Q5) => {
            blocks.extend(
                stored
                    .chunks_exact(22)
                    .map(|block| Block::Q5(u16_at(block, 0), five_bits(&block[6..], &block[2..6]))),
            );
        }
        (DType::Q5_1, WeightFormat::Q5M) => {
            blocks.extend(stored.chunks_exact(24).map(|block| {
                let codes = five_bits(&block[8..], &block[4..8]);
                Block::Q5M(u16_at(block, 0), u16_at(block, 2), codes)
            }));
        }
        (DType::MXFP4, WeightFormat::MXFP4) => {
            // The levels are doubled, so that the power is halved.
            blocks.extend(stored.chunks_exact(17).map(|block| {
                Block::MXFP4(
                    block[0].wrapping_sub(128).cast_signed(),
                    nibbles(&block[1..]),
                )
            }));
        }
        // Rounding to -8..=7 would not have both 1 and -1 exactly.
        (DType::Codes { bits: bits @ 2, .. }, WeightFormat::Q4) => {
            let (scale, codes) = tensor.row_codes(row.index, bits);
            let scale = F16::from_f32(scale).to_bits();
            blocks.extend(codes.chunks(COLUMN_PADDING).map(|chunk| {
                let mut block = [8; 32];
                for (nibble, code) in block.iter_mut().zip(chunk) {
                    *nibble = code + 6;
                }
                Block::Q4(scale, block)
            }));
        }
        (DType::F16, WeightFormat::F16) => {
            let values: Vec<u16> = stored.chunks_exact(2).map(|pair| u16_at(pair, 0)).collect();
            blocks.extend(values.chunks(COLUMN_PADDING).map(|chunk| {
                let mut block = [0; 32];
                block[..chunk.len()].copy_from_slice(chunk);
                Block::F16(block)
            }));
        }
        (dtype, format) if format.block_columns() > COLUMN_PADDING => {
            let parts = stored.chunks_exact(dtype.block_bytes());
            blocks.extend(
                parts
                    .filter_map(|block| SuperBlock::of(dtype, block))
                    .map(Block::Super),
            );
        }
        _ => {
            let mut values = vec![0.0; tensor.cols()];
            tensor.dequantize_rows(row.index..row.index + 1, &mut values);
            values.resize(values.len().next_multiple_of(COLUMN_PADDING), 0.0);
            let trained = format == WeightFormat::Q4 && tensor.is_on_grid();
            for chunk in values.as_chunks::<32>().0 {
                let trained = trained.then(|| as_trained(chunk)).flatten();
                let block = trained.or_else(|| quantize(chunk, format)).ok_or_else(|| {
                    Error::new(format!("a weight is too large for `{format}`"))
                        .at(Place::tensor(&format!(
                            "tensor {}, row {}",
                            tensor.name(),
                            row.index
                        )))
                        .remedy(format!("store it in `{}`", WeightFormat::F32))
                })?;
                blocks.push(block);
            }
        }
    }
    Ok(())
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// GGUF's order: byte `i` holds element `i` low and element `i + 16` high.
fn nibbles(bytes: &[u8]) -> [u8; 32] {
    std::array::from_fn(|i| {
        if i < 16 {
            bytes[i] & 15
        } else {
            bytes[i - 16] >> 4
        }
    })
}

/// Nibbles with their fifth bits.
fn five_bits(low: &[u8], high: &[u8]) -> [u8; 32] {
    let mut codes = nibbles(low);
    for (at, code) in codes.iter_mut().enumerate() {
        *code |= (high[at / 8] >> (at % 8) & 1) << 4;
    }
    codes
}

/// A block of `q4` that holds these values as they are.
fn as_trained(values: &[f32; 32]) -> Option<Block> {
    let (scale, integers) = on_grid(values)?;
    Some(Block::Q4(
        scale.to_bits(),
        integers.map(|integer| (integer + 8) as u8),
    ))
}

/// `None` when a value or a scale exceeds the range of f16.
fn quantize(values: &[f32; 32], format: WeightFormat) -> Option<Block> {
    Some(match format {
        WeightFormat::F32 => Block::F32(*values),
        WeightFormat::F16 => {
            let halves = values.map(F16::from_f32);
            if halves.iter().any(|half| !half.is_finite()) {
                return None;
            }
            Block::F16(halves.map(F16::to_bits))
        }
        WeightFormat::Q8 => {
            let largest = values.iter().fold(0.0, |m: f32, v| m.max(v.abs()));
            let scale = finite(largest / 127.0)?;
            let inverse = inverse(scale);
            Block::Q8(
                scale.to_bits(),
                values.map(|v| (v * inverse).round().clamp(-127.0, 127.0) as i8),
            )
        }
        WeightFormat::Q4 => {
            // The value of largest magnitude maps to -8, the end with one more step.
            let extreme = values
                .iter()
                .fold(0.0, |m: f32, &v| if v.abs() > m.abs() { v } else { m });
            let scale = finite(extreme / -8.0)?;
            let inverse = inverse(scale);
            Block::Q4(
                scale.to_bits(),
                values.map(|v| ((v * inverse).round() + 8.0).clamp(0.0, 15.0) as u8),
            )
        }
        WeightFormat::Q4M => {
            let low = values.iter().fold(values[0], |m: f32, &v| m.min(v));
            let high = values.iter().fold(values[0], |m: f32, &v| m.max(v));
            let minimum = finite(low)?;
            let scale = finite((high - minimum.to_f32()) / 15.0)?;
            let inverse = inverse(scale);
            Block::Q4M(
                scale.to_bits(),
                minimum.to_bits(),
                values.map(|v| ((v - minimum.to_f32()) * inverse).round().clamp(0.0, 15.0) as u8),
            )
        }
        _ => unreachable!("planning gives no such format to these weights"),
    })
}

fn finite(value: f32) -> Option<F16> {
    let half = F16::from_f32(value);
    half.is_finite().then_some(half)
}

/// 0 where the scale vanished, so that all quants are 0 too.
fn inverse(scale: F16) -> f32 {
    if scale.to_f32() == 0.0 {
        0.0
    } else {
        1.0 / scale.to_f32()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(block: &Block, i: usize) -> f32 {
        let half = |bits| F16::from_bits(bits).to_f32();
        match block {
            Block::F32(v) => v[i],
            Block::F16(v) => half(v[i]),
            Block::Q8(scale, q) => f32::from(q[i]) * half(*scale),
            Block::Q4(scale, q) => (f32::from(q[i]) - 8.0) * half(*scale),
            Block::Q4M(scale, minimum, q) => f32::from(q[i]) * half(*scale) + half(*minimum),
            _ => unreachable!("nothing is brought into these"),
        }
    }

    proptest! {
        /// The error of a weight is at most a step of the format's grid.
        #[test]
        fn quantization_error_is_bounded(values in prop::array::uniform32(-4.0f32..4.0)) {
            let low = values.iter().copied().fold(f32::INFINITY, f32::min);
            let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let largest = low.abs().max(high.abs());
            for (format, step) in [
                (WeightFormat::F32, 0.0),
                (WeightFormat::F16, largest / 2048.0),
                (WeightFormat::Q8, largest / 127.0 * 0.6),
                (WeightFormat::Q4, largest / 8.0 * 1.01),
                (WeightFormat::Q4M, (high - low) / 15.0 * 0.51 + largest / 512.0),
            ] {
                let block = quantize(&values, format).unwrap();
                for (i, v) in values.iter().enumerate() {
                    let error = (value(&block, i) - v).abs();
                    prop_assert!(error <= step, "{format}: {v} is off by {error} > {step}");
                }
            }
        }

        /// What is on the grid stays as it is.
        #[test]
        fn grid_points_are_kept(quants in prop::array::uniform32(-127i8..=127), exponent in -10i32..4) {
            let scale = 2f32.powi(exponent);
            let mut values = quants.map(|q| f32::from(q) * scale);
            values[0] = 127.0 * scale;
            let block = quantize(&values, WeightFormat::Q8).unwrap();
            for (i, v) in values.iter().enumerate() {
                prop_assert_eq!(value(&block, i), *v);
            }
        }
    }

    #[test]
    fn zeros_and_overflow() {
        for format in WeightFormat::MADE
            .into_iter()
            .filter(|format| !format.calibrated())
        {
            let block = quantize(&[0.0; 32], format).unwrap();
            assert!((0..32).all(|i| value(&block, i) == 0.0), "{format}");
            let zero = Block::zero(format);
            assert!((0..32).all(|i| value(&zero, i) == 0.0), "{format}");
        }
        assert_eq!(quantize(&[1e9; 32], WeightFormat::F16), None);
        assert_eq!(quantize(&[1e9; 32], WeightFormat::Q4M), None);
    }
}
