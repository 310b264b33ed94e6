//! The rotation tables, computed once here: sin, cos and pow differ between
//! machines' libraries, so one implementation (`libm`) serves every host.

use crate::model::{Rope, RopeScaling};

/// `[position][cos, sin][pair]`.
pub(crate) fn table(rope: &Rope, context: usize) -> Vec<f32> {
    let scaling = rope.scaling.at(context);
    let frequencies = frequencies(rope, &scaling);
    let magnitude = match scaling {
        RopeScaling::Yarn {
            attention_factor, ..
        }
        | RopeScaling::Factors {
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
fn frequencies(rope: &Rope, scaling: &RopeScaling) -> Vec<f64> {
    let pairs = rope.dim / 2;
    let base = (0..pairs).map(|i| libm::pow(rope.theta, -((2 * i) as f64) / rope.dim as f64));
    match scaling {
        RopeScaling::None => base.collect(),
        RopeScaling::Linear { factor } => base.map(|f| f / factor).collect(),
        RopeScaling::LongRope { .. } => unreachable!("a context has its factors"),
        RopeScaling::Factors { factors, .. } => base
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
            truncate,
            original_max_position_embeddings,
            ..
        } => {
            // The pair whose wavelength makes `rotations` turns in the original context.
            let pair = |rotations: f64| {
                let turns =
                    *original_max_position_embeddings as f64 / (rotations * std::f64::consts::TAU);
                rope.dim as f64 * libm::log(turns) / (2.0 * libm::log(rope.theta))
            };
            let (low, high) = match (pair(*beta_fast), pair(*beta_slow)) {
                (low, high) if *truncate => (libm::floor(low), libm::ceil(high)),
                exact => exact,
            };
            let (low, high) = (low.max(0.0), high.min(rope.dim as f64 - 1.0));
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

    fn rope() -> Rope {
        Rope {
            theta: 10_000.0,
            dim: 8,
            layout: RopeLayout::Halves,
            scaling: RopeScaling::None,
            skipped: Vec::new(),
        }
    }

    fn scaled(scaling: RopeScaling) -> Vec<f64> {
        frequencies(&rope(), &scaling)
    }

    #[test]
    fn position_zero_does_not_rotate() {
        let table = table(&rope(), 2);
        assert_eq!(table[..8], [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(table[8], 1f64.cos() as f32);
        assert_eq!(table[12], 1f64.sin() as f32);
    }

    #[test]
    fn llama3_keeps_fast_pairs_and_divides_slow_ones() {
        let divided = scaled(RopeScaling::Llama3 {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_max_position_embeddings: 64,
        });
        let plain = scaled(RopeScaling::None);
        assert_eq!(divided[0], plain[0]);
        assert_eq!(divided[3], plain[3] / 8.0);
    }

    /// A text that is shorter than the context does not change it.
    #[test]
    fn long_rope_has_the_divisors_of_its_context() {
        let mut rope = rope();
        rope.scaling = RopeScaling::LongRope {
            short: vec![1.0, 2.0, 4.0, 8.0],
            long: vec![2.0, 4.0, 8.0, 16.0],
            attention_factor: 0.5,
            original_max_position_embeddings: 64,
        };
        let angles = |factors: [f64; 4]| {
            let plain = scaled(RopeScaling::None);
            let angles = plain.into_iter().zip(factors);
            angles.map(|(f, factor)| (0.5 * libm::cos(f / factor)) as f32)
        };
        let short = table(&rope, 64);
        assert!(
            short[8..12]
                .iter()
                .copied()
                .eq(angles([1.0, 2.0, 4.0, 8.0]))
        );
        let long = table(&rope, 65);
        assert!(
            long[8..12]
                .iter()
                .copied()
                .eq(angles([2.0, 4.0, 8.0, 16.0]))
        );
        rope.scaling = rope.scaling.at(65);
        assert_eq!(table(&rope, 64), long[..64 * 8]);
    }

    #[test]
    fn yarn_keeps_fast_pairs_and_divides_slow_ones() {
        let divided = scaled(RopeScaling::Yarn {
            factor: 4.0,
            attention_factor: 1.1386,
            beta_slow: 1.0,
            beta_fast: 32.0,
            truncate: true,
            original_max_position_embeddings: 256,
        });
        let plain = scaled(RopeScaling::None);
        assert_eq!(divided[0], plain[0]);
        assert_eq!(divided[3], plain[3] / 4.0);
    }
}
