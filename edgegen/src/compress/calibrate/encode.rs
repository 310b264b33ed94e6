//! A matrix in few bits, where the inputs' second moments say which errors matter.

use half::f16;
use rayon::prelude::*;

use crate::forward::Dense;
use crate::isa;

use super::coded::Coded;
use super::factor::Factor;
use super::trellis::{Encode, LANES};

/// Encodes a matrix whose inputs have the second moments of `factor`, and gives the weights that
/// the codes stand for.
pub(super) fn encode(weights: &Dense, factor: &Factor) -> (Coded, Dense) {
    let cols = weights.cols;
    let padded = factor.columns.len();
    let code = factor.code;
    let mut coded = Coded {
        code,
        scales: vec![f16::ZERO; weights.rows],
        codes: vec![0; weights.rows * padded],
    };
    let mut values = Dense::zeros(weights.rows, cols);
    values
        .values
        .par_chunks_mut(LANES * cols)
        .zip(coded.codes.par_chunks_mut(LANES * padded))
        .zip(coded.scales.par_chunks_mut(LANES))
        .enumerate()
        .for_each(|(group, ((values, codes), scales))| {
            let rows: Vec<&[f32]> = (0..scales.len())
                .map(|lane| weights.row(group * LANES + lane))
                .collect();
            rows_of_group(&rows, factor, scales, codes);
            for (lane, values) in values.chunks_exact_mut(cols).enumerate() {
                let scale = scales[lane].to_f32();
                for (value, &c) in values.iter_mut().zip(&codes[lane * padded..]) {
                    *value = code.level(c) * scale;
                }
            }
        });
    (coded, values)
}

fn rows_of_group(rows: &[&[f32]], factor: &Factor, scales: &mut [f16], codes: &mut [u8]) {
    let (code, columns) = (factor.code, &factor.columns);
    for (row, scale) in rows.iter().zip(scales.iter_mut()) {
        let squares: f32 = row.iter().map(|w| w * w).sum();
        *scale = f16::from_f32((squares / row.len() as f32).sqrt() / code.deviation());
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
    isa::run(Encode {
        weights: &weights,
        factor,
        codes: &mut chosen,
    });
    for (lane, scale) in scales.iter_mut().enumerate() {
        let gain = factor.gain(
            weights.iter().map(|w| w[lane]),
            chosen.iter().map(|c| code.level(c[lane])),
        );
        *scale = f16::from_f32(scale.to_f32() * gain);
        for (chosen, &column) in chosen.iter().zip(columns) {
            codes[lane * columns.len() + column] = chosen[lane];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::trellis::Code;
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

    /// Shannon's bound for normal weights is a quarter for each bit, Lloyd and Max's quantizer
    /// reaches 0.1175, 0.0345 and 0.0095.
    #[test]
    fn plain_errors_are_those_of_the_codes() {
        let (weights, _) = example();
        let mut unit = Dense::zeros(128, 128);
        for i in 0..128 {
            unit.values[i * 128 + i] = 1.0;
        }
        for (code, most) in [(Code::T2, 0.096), (Code::T3, 0.0285), (Code::T4, 0.0105)] {
            let (_, values) = encode(&weights, &Factor::new(&unit, code));
            let loss = square(&error(&weights, &values)) / square(&weights);
            assert!(loss < most, "{code:?}: {loss}");
        }
    }

    /// What the kernels read is what was chosen.
    #[test]
    fn packed_rows_have_the_values() {
        use runtime_kernels::{Format, T2, T3, T4};
        let (weights, inputs) = example();
        let transposed = inputs.transposed();
        let moments = transposed.times(&transposed);
        for (code, bytes, row) in [
            (
                Code::T2,
                T2::group_bytes(4),
                T2::row as fn(&[u8], usize, &mut [f32]),
            ),
            (Code::T3, T3::group_bytes(4), T3::row),
            (Code::T4, T4::group_bytes(4), T4::row),
        ] {
            let (coded, values) = encode(&weights, &Factor::new(&moments, code));
            let mut packed = vec![0; 2 * bytes];
            super::super::pack([&coded].into_iter(), 0, bytes, &mut packed);
            for index in 0..weights.rows {
                let mut out = vec![0.0; 128];
                row(&packed[index / 8 * bytes..][..bytes], index % 8, &mut out);
                assert_eq!(out, values.row(index), "{code:?} row {index}");
            }
        }
    }

    /// Later columns make good what earlier ones did wrong.
    #[test]
    fn outputs_lose_less_than_weights() {
        let (weights, inputs) = example();
        let transposed = inputs.transposed();
        let moments = transposed.times(&transposed);
        for code in [Code::T2, Code::T3, Code::T4] {
            let (_, values) = encode(&weights, &Factor::new(&moments, code));
            let error = error(&weights, &values);
            let outputs = square(&error.times(&inputs)) / square(&weights.times(&inputs));
            let plain = square(&error) / square(&weights);
            assert!(outputs < 0.6 * plain, "{code:?}: {outputs} of {plain}");
        }
    }
}
