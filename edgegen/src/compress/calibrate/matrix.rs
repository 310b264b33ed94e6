//! A matrix in few bits, where the inputs' second moments say which errors matter.

use half::f16;
use rayon::prelude::*;
use runtime_kernels::Isa;

use crate::compress::dense::Dense;
use crate::isa;

use super::factor::Factor;
use super::trellis::{Code, Encode, LANES};

/// A matrix in codes.
pub(super) struct Coded {
    /// One a row; a weight is its level times its row's scale.
    pub(super) scales: Vec<f16>,
    /// `[rows][padded cols]`.
    pub(super) codes: Vec<u8>,
    /// The weights that the codes stand for.
    pub(super) values: Dense,
}

/// Encodes a matrix whose inputs have these second moments.
pub(super) fn encode(weights: &Dense, moments: &Dense, code: Code) -> Coded {
    let cols = weights.cols;
    let padded = cols.next_multiple_of(32);
    let columns: Vec<usize> = (0..padded)
        .map(|step| step / 32 * 32 + code.column(step % 32))
        .collect();
    let factor = Factor::new(moments, &columns);
    let mut coded = Coded {
        scales: vec![f16::ZERO; weights.rows],
        codes: vec![0; weights.rows * padded],
        values: Dense::zeros(weights.rows, cols),
    };
    coded
        .values
        .values
        .par_chunks_mut(LANES * cols)
        .zip(coded.codes.par_chunks_mut(LANES * padded))
        .zip(coded.scales.par_chunks_mut(LANES))
        .enumerate()
        .for_each(|(group, ((values, codes), scales))| {
            let rows: Vec<&[f32]> = (0..scales.len())
                .map(|lane| weights.row(group * LANES + lane))
                .collect();
            group_of_rows(&rows, code, &columns, &factor, scales, codes);
            for (lane, values) in values.chunks_exact_mut(cols).enumerate() {
                let codes = &codes[lane * padded..][..cols];
                let scale = scales[lane].to_f32();
                for (value, &c) in values.iter_mut().zip(codes) {
                    *value = code.level(c) * scale;
                }
            }
        });
    coded
}

fn group_of_rows(
    rows: &[&[f32]],
    code: Code,
    columns: &[usize],
    factor: &Factor,
    scales: &mut [f16],
    codes: &mut [u8],
) {
    let padded = columns.len();
    for (row, scale) in rows.iter().zip(scales.iter_mut()) {
        let squares: f32 = row.iter().map(|w| w * w).sum();
        *scale = f16::from_f32((squares / row.len() as f32).sqrt() / code.deviation());
    }
    let mut weights = vec![[0.0f32; LANES]; padded];
    for (weights, &column) in weights.iter_mut().zip(columns) {
        for (lane, row) in rows.iter().enumerate() {
            let scale = scales[lane].to_f32();
            if column < row.len() && scale > 0.0 {
                weights[lane] = row[column] / scale;
            }
        }
    }
    let mut chosen = vec![[0u8; LANES]; padded];
    isa::with(
        isa::best(),
        Run(Encode {
            code,
            weights: &weights,
            factor,
            codes: &mut chosen,
        }),
    );
    for (lane, scale) in scales.iter_mut().enumerate() {
        let gain = factor.gain(
            weights.iter().map(|w| w[lane]),
            chosen.iter().map(|c| code.level(c[lane])),
        );
        *scale = f16::from_f32(scale.to_f32() * gain);
        for (chosen, &column) in chosen.iter().zip(columns) {
            codes[lane * padded + column] = chosen[lane];
        }
    }
}

struct Run<'a>(Encode<'a>);

impl isa::Run for Run<'_> {
    fn run<I: Isa>(self, isa: I) {
        isa.run(self.0);
    }
}
#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn probe() {
        let n = 128;
        let mut s = 1u64;
        let mut r = || { s = s.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407); ((s >> 33) as f32 / (1u64 << 31) as f32) - 0.5 };
        let mut g = || (0..12).map(|_| r()).sum::<f32>();
        let w = Dense { rows: 16, cols: n, values: (0..16 * n).map(|_| g()).collect() };
        for corr in [0.0, 1.0, 3.0] {
            let mut x = Dense::zeros(1000, n);
            for t in 0..1000 { let c = g() * corr; for i in 0..n { x.values[t * n + i] = g() + c; } }
            let h = x.transposed().times(&x.transposed());
            for code in [Code::T2, Code::T3, Code::T4] {
                let id = { let mut d = Dense::zeros(n, n); for i in 0..n { d.values[i * n + i] = 1.0 } d };
                for m in [&h, &id] {
                    let q = encode(&w, m, code).values;
                    let e = Dense { rows: 16, cols: n, values: w.values.iter().zip(&q.values).map(|(a, b)| a - b).collect() };
                    let loss = |e: &Dense| { let y = e.times(&x); y.values.iter().map(|v| v * v).sum::<f32>() };
                    let sq = |e: &Dense| e.values.iter().map(|v| v * v).sum::<f32>();
                    println!("corr {corr} {code:?} out {:.4} weights {:.4}", loss(&e) / loss(&w), sq(&e) / sq(&w));
                }
            }
        }
    }
}
