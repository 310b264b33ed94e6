//! A matrix in few bits, where the inputs' second moments say which errors matter.

use rayon::prelude::*;

use crate::compress::encode::Block;
use crate::forward::Dense;
use crate::half::F16;
use crate::isa;
use crate::program::{COLUMN_PADDING, WeightFormat};

use super::coded::{Coded, Levels};
use super::factor::{Factor, Order};
use super::grid::{self, Grid};
use super::lanes::LANES;
use super::trellis::{self, Code};

/// How a matrix is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Code(Code),
    Grid(Grid),
}

impl Method {
    /// That of a format; `None` if its weights are not encoded but rounded, each by itself.
    pub(super) fn of(format: WeightFormat) -> Option<Self> {
        Code::of(format)
            .map(Self::Code)
            .or_else(|| Grid::of(format).map(Self::Grid))
    }

    /// The order of a block's columns.
    pub(super) fn order(self) -> Order {
        match self {
            Self::Code(code) => code.order(),
            Self::Grid(_) => std::array::from_fn(|step| step),
        }
    }
}

/// Encodes a matrix whose inputs have the second moments of `factor`, which has the method's order of
/// columns, and gives the weights that the result stands for.
pub(super) fn encode(weights: &Dense, factor: &Factor, method: Method) -> (Coded, Dense) {
    match method {
        Method::Code(code) => {
            let (levels, values) = in_levels(weights, factor, code);
            (Coded::Levels(levels), values)
        }
        Method::Grid(grid) => {
            let (blocks, values) = in_blocks(weights, factor, grid);
            (Coded::Blocks(blocks), values)
        }
    }
}

fn in_blocks(weights: &Dense, factor: &Factor, grid: Grid) -> (Vec<Block>, Dense) {
    let cols = weights.cols;
    let blocks = factor.columns.len() / COLUMN_PADDING;
    let groups = weights.rows.div_ceil(LANES);
    let mut encoded = vec![Block::Q8(0, [0; COLUMN_PADDING]); groups * LANES * blocks];
    let mut values = Dense::zeros(weights.rows, cols);
    values
        .values
        .par_chunks_mut(LANES * cols)
        .zip(encoded.par_chunks_mut(LANES * blocks))
        .enumerate()
        .for_each(|(group, (values, encoded))| {
            let mut columns = vec![[0.0; LANES]; blocks * COLUMN_PADDING];
            for lane in 0..values.len() / cols {
                let row = weights.row(group * LANES + lane);
                for (column, &weight) in columns.iter_mut().zip(row) {
                    column[lane] = weight;
                }
            }
            let mut chosen = vec![[Block::Q8(0, [0; COLUMN_PADDING]); LANES]; blocks];
            let mut stood_for = columns.clone();
            isa::run(grid::Encode {
                grid,
                weights: &columns,
                factor,
                blocks: &mut chosen,
                values: &mut stood_for,
            });
            for (lane, values) in values.chunks_exact_mut(cols).enumerate() {
                for (value, lanes) in values.iter_mut().zip(&stood_for) {
                    *value = lanes[lane];
                }
            }
            for (lane, encoded) in encoded.chunks_exact_mut(blocks).enumerate() {
                for (block, chosen) in encoded.iter_mut().zip(&chosen) {
                    *block = chosen[lane];
                }
            }
        });
    (encoded, values)
}

fn in_levels(weights: &Dense, factor: &Factor, code: Code) -> (Levels, Dense) {
    let cols = weights.cols;
    let padded = factor.columns.len();
    let mut levels = Levels {
        code,
        scales: vec![F16::ZERO; weights.rows],
        codes: vec![0; weights.rows * padded],
    };
    let mut values = Dense::zeros(weights.rows, cols);
    values
        .values
        .par_chunks_mut(LANES * cols)
        .zip(levels.codes.par_chunks_mut(LANES * padded))
        .zip(levels.scales.par_chunks_mut(LANES))
        .enumerate()
        .for_each(|(group, ((values, codes), scales))| {
            let rows: Vec<&[f32]> = (0..scales.len())
                .map(|lane| weights.row(group * LANES + lane))
                .collect();
            rows_of_group(&rows, factor, code, scales, codes);
            for (lane, values) in values.chunks_exact_mut(cols).enumerate() {
                let scale = scales[lane].to_f32();
                for (value, &c) in values.iter_mut().zip(&codes[lane * padded..]) {
                    *value = code.level(c) * scale;
                }
            }
        });
    (levels, values)
}

fn rows_of_group(
    rows: &[&[f32]],
    factor: &Factor,
    code: Code,
    scales: &mut [F16],
    codes: &mut [u8],
) {
    let columns = &factor.columns;
    for (row, scale) in rows.iter().zip(scales.iter_mut()) {
        let squares: f32 = row.iter().map(|w| w * w).sum();
        *scale = F16::from_f32((squares / row.len() as f32).sqrt() / code.deviation());
    }
    let mut weights = vec![[0.0f32; LANES]; columns.len()];
    for (weights, &column) in weights.iter_mut().zip(columns) {
        for (lane, row) in rows.iter().enumerate() {
            let scale = scales[lane].to_f32();
            if column < row.len() && scale > 0.0 {
                weights[lane] = row[column] / scale;
            }
        }
    }
    let mut chosen = vec![[0u8; LANES]; columns.len()];
    isa::run(trellis::Encode {
        code,
        weights: &weights,
        factor,
        codes: &mut chosen,
    });
    for (lane, scale) in scales.iter_mut().enumerate() {
        let gain = factor.gain(
            weights.iter().map(|w| w[lane]),
            chosen.iter().map(|c| code.level(c[lane])),
        );
        *scale = F16::from_f32(scale.to_f32() * gain);
        for (chosen, &column) in chosen.iter().zip(columns) {
            codes[lane * columns.len() + column] = chosen[lane];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sensitivity::relative_error;
    use super::*;

    /// Normal weights, and inputs that have something in common.
    fn example() -> (Dense, Dense) {
        let mut state = 1u64;
        let mut uniform = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f32 / (1u64 << 31) as f32 - 0.5
        };
        let mut normal = || (0..12).map(|_| uniform()).sum::<f32>();
        let mut weights = Dense::zeros(16, 128);
        weights.values.iter_mut().for_each(|w| *w = normal());
        let mut inputs = Dense::zeros(1000, 128);
        for t in 0..inputs.rows {
            let common = normal();
            for x in &mut inputs.values[t * 128..][..128] {
                *x = normal() + common;
            }
        }
        (weights, inputs)
    }

    fn error(weights: &Dense, coded: &Dense) -> Dense {
        let mut error = weights.clone();
        for (error, coded) in error.values.iter_mut().zip(&coded.values) {
            *error -= coded;
        }
        error
    }

    fn square(x: &Dense) -> f32 {
        x.values.iter().map(|x| x * x).sum()
    }

    fn encoded(weights: &Dense, moments: &Dense, format: WeightFormat) -> (Coded, Dense) {
        let method = Method::of(format).unwrap();
        encode(weights, &Factor::new(moments, &method.order()), method)
    }

    fn unit(size: usize) -> Dense {
        let mut unit = Dense::zeros(size, size);
        for i in 0..size {
            unit.values[i * size + i] = 1.0;
        }
        unit
    }

    /// Shannon's bound for normal weights is a quarter for each bit, Lloyd and Max's quantizer
    /// reaches 0.1175, 0.0345 and 0.0095 with 2, 3 and 4.
    #[test]
    fn plain_errors_are_those_of_the_formats() {
        let (weights, _) = example();
        for (format, most) in [
            (WeightFormat::T2, 0.096),
            (WeightFormat::T3, 0.0285),
            (WeightFormat::T4, 0.0105),
            (WeightFormat::Q4, 0.0065),
            (WeightFormat::Q4M, 0.0055),
            (WeightFormat::Q8, 0.00003),
        ] {
            let (_, values) = encoded(&weights, &unit(128), format);
            let loss = square(&error(&weights, &values)) / square(&weights);
            assert!(loss < most, "{format}: {loss}");
            let expected = relative_error(format) as f32;
            assert!((loss / expected - 1.0).abs() < 0.1, "{format}: {loss}");
        }
    }

    /// What the kernels read is what was chosen.
    #[test]
    fn packed_rows_have_the_values() {
        use runtime_kernels::{Format, Q4, Q4M, Q8, T2, T3, T4};
        type Row = fn(&[u8], usize, &mut [f32]);
        let (weights, inputs) = example();
        let transposed = inputs.transposed();
        let moments = transposed.times(&transposed);
        for (format, row) in [
            (WeightFormat::T2, T2::row as Row),
            (WeightFormat::T3, T3::row),
            (WeightFormat::T4, T4::row),
            (WeightFormat::Q4, Q4::row),
            (WeightFormat::Q4M, Q4M::row),
            (WeightFormat::Q8, Q8::row),
        ] {
            let (coded, values) = encoded(&weights, &moments, format);
            let bytes = format.group_bytes(128);
            let mut packed = vec![0; 2 * bytes];
            super::super::pack(&[&coded], 0, format, 128, &mut packed);
            for index in 0..weights.rows {
                let mut out = vec![0.0; 128];
                row(&packed[index / 8 * bytes..][..bytes], index % 8, &mut out);
                assert_eq!(out, values.row(index), "{format} row {index}");
            }
        }
    }

    /// Later columns make good what earlier ones did wrong.
    #[test]
    fn outputs_lose_less_than_weights() {
        let (weights, inputs) = example();
        let transposed = inputs.transposed();
        let moments = transposed.times(&transposed);
        for format in [
            WeightFormat::T2,
            WeightFormat::T3,
            WeightFormat::T4,
            WeightFormat::Q4,
            WeightFormat::Q4M,
        ] {
            let (_, values) = encoded(&weights, &moments, format);
            let error = error(&weights, &values);
            let outputs = square(&error.times(&inputs)) / square(&weights.times(&inputs));
            let plain = square(&error) / square(&weights);
            assert!(outputs < 0.6 * plain, "{format}: {outputs} of {plain}");
        }
    }

    /// Scales beyond f16 are seen, whichever format it is.
    #[test]
    fn overflow_is_seen() {
        let (mut weights, _) = example();
        weights.values[3 * 128 + 5] = 1e9;
        for format in [WeightFormat::Q8, WeightFormat::Q4, WeightFormat::Q4M] {
            let (coded, _) = encoded(&weights, &unit(128), format);
            assert_eq!(coded.overflow(128), Some(3), "{format}");
        }
    }
}
