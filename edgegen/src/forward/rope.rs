//! The rotation tables, computed once here: sin, cos and pow differ between
//! machines' libraries, so one implementation (`libm`) serves every host.

use crate::model::{Rope, RopeScaling};

/// `[position][cos, sin][pair]`.
pub(crate) fn table(rope: &Rope, context: usize) -> Vec<f32> {
    let frequencies = frequencies(rope);
    let magnitude = match rope.scaling {
        RopeScaling::Yarn {
            attention_factor, ..
        } => attention_factor,
        _ => 1.0,
    };
    let mut table = Vec::with_capacity(context * rope.dim);
    for position in 0..context {
        let angle = |frequency: &f64| position as f64 * frequency;
        table.extend(
            frequencies
                .iter()
                .map(|f| (libm::cos(angle(f)) * magnitude) as f32),
        );
        table.extend(
            frequencies
                .iter()
                .map(|f| (libm::sin(angle(f)) * magnitude) as f32),
        );
    }
    table
}

/// Radians a position, one for each pair.
fn frequencies(rope: &Rope) -> Vec<f64> {
    let pairs = rope.dim / 2;
    let base = (0..pairs).map(|i| libm::pow(rope.theta, -((2 * i) as f64) / rope.dim as f64));
    match &rope.scaling {
        RopeScaling::None => base.collect(),
        RopeScaling::Linear { factor } => base.map(|f| f / factor).collect(),
        RopeScaling::Factors(factors) => base
            .zip(factors)
            .map(|(f, &factor)| f / f64::from(factor))
            .collect(),
        RopeScaling::Llama3 {
            factor,
            low_freq_factor,
            high_freq_factor,
            original_max_position_embeddings,
        } => base
            .map(|f| {
                let rotations =
                    *original_max_position_embeddings as f64 * f / std::f64::consts::TAU;
                let kept = ((rotations - low_freq_factor) / (high_freq_factor - low_freq_factor))
                    .clamp(0.0, 1.0);
                (1.0 - kept) * f / factor + kept * f
            })
            .collect(),
        RopeScaling::Yarn {
            factor,
            beta_slow,
            beta_fast,
            original_max_position_embeddings,
            ..
        } => {
            // The pair whose wavelength makes `rotations` turns in the original context.
            let pair = |rotations: f64| {
                let turns =
                    *original_max_position_embeddings as f64 / (rotations * std::f64::consts::TAU);
                rope.dim as f64 * libm::log(turns) / (2.0 * libm::log(rope.theta))
            };
            let low = libm::floor(pair(*beta_fast)).max(0.0);
            let high = libm::ceil(pair(*beta_slow)).min(rope.dim as f64 - 1.0);
            base.enumerate()
                .map(|(i, f)| {
                    let interpolated = ((i as f64 - low) / (high - low).max(0.001)).clamp(0.0, 1.0);
                    f / factor * interpolated + f * (1.0 - interpolated)
                })
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RopeLayout;

    fn rope(scaling: RopeScaling) -> Rope {
        Rope {
            theta: 10_000.0,
            dim: 8,
            layout: RopeLayout::Halves,
            scaling,
        }
    }

    #[test]
    fn position_zero_does_not_rotate() {
        let table = table(&rope(RopeScaling::None), 2);
        assert_eq!(table[..8], [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(table[8], 1f64.cos() as f32);
        assert_eq!(table[12], 1f64.sin() as f32);
    }

    #[test]
    fn llama3_keeps_fast_pairs_and_divides_slow_ones() {
        let scaled = frequencies(&rope(RopeScaling::Llama3 {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_max_position_embeddings: 64,
        }));
        let plain = frequencies(&rope(RopeScaling::None));
        assert_eq!(scaled[0], plain[0]);
        assert_eq!(scaled[3], plain[3] / 8.0);
    }

    #[test]
    fn yarn_keeps_fast_pairs_and_divides_slow_ones() {
        let scaled = frequencies(&rope(RopeScaling::Yarn {
            factor: 4.0,
            attention_factor: 1.1386,
            beta_slow: 1.0,
            beta_fast: 32.0,
            original_max_position_embeddings: 256,
        }));
        let plain = frequencies(&rope(RopeScaling::None));
        assert_eq!(scaled[0], plain[0]);
        assert_eq!(scaled[3], plain[3] / 4.0);
    }
}
