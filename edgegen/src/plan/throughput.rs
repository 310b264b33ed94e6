//! How fast a token is decoded.

use crate::layout::Layout;
use crate::profile::Speed;
use crate::program::{Operation, WeightFormat};

/// What decoding one token takes, at the start of the context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenCost {
    /// Bytes of weights that are read.
    pub bytes: u64,
    /// Multiplications of a weight with an activation.
    pub multiply_adds: u64,
    /// The same, as so many with weights in `q4`, which the profile's rate is of.
    pub work: u64,
}

impl TokenCost {
    pub(super) fn of(layout: &Layout) -> Self {
        let mut cost = Self {
            bytes: 0,
            multiply_adds: 0,
            work: 0,
        };
        for operation in layout.operations() {
            match operation {
                Operation::MatMul { matrix, .. } => {
                    let bytes = matrix.parts.iter().map(|part| part.range.len());
                    cost.bytes += bytes.sum::<usize>() as u64;
                    let weights = (matrix.rows * matrix.cols) as u64;
                    cost.multiply_adds += weights;
                    cost.work += weights * unpacking(matrix.format) / 10;
                }
                Operation::RmsNorm { gain, .. } => cost.bytes += gain.part.range.len() as u64,
                Operation::AddBias { bias, .. } => cost.bytes += bias.part.range.len() as u64,
                _ => {}
            }
        }
        cost
    }

    /// Tokens per second at that speed: reading the weights, and computing with them. `None` if the
    /// profile knows of neither.
    pub fn tokens_per_second(self, speed: Speed) -> Option<f64> {
        let reading = seconds(self.bytes, speed.read_bandwidth);
        let computing = seconds(self.work, speed.int8_rate);
        if reading.is_none() && computing.is_none() {
            return None;
        }
        Some(1.0 / (reading.unwrap_or(0.0) + computing.unwrap_or(0.0)))
    }
}

/// Tenths of the work of `q4` for each weight: what fits the speed of SmolLM2 in each format on
/// AVX-512 (`bench-formats`, docs/compression.md).
fn unpacking(format: WeightFormat) -> u64 {
    match format {
        WeightFormat::Q8 => 6,
        WeightFormat::Q4 => 10,
        WeightFormat::Q4M => 12,
        WeightFormat::T4 => 15,
        WeightFormat::F32 | WeightFormat::F16 => 25,
        WeightFormat::T3 | WeightFormat::T2 => 60,
    }
}

fn seconds(amount: u64, rate: Option<u64>) -> Option<f64> {
    rate.map(|rate| amount as f64 / rate as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_and_computing_add_up() {
        let cost = TokenCost {
            bytes: 100,
            multiply_adds: 25,
            work: 50,
        };
        for (read_bandwidth, int8_rate, expected) in [
            (None, None, None),
            (Some(1000), None, Some(10.0)),
            (None, Some(1000), Some(20.0)),
            (Some(1000), Some(100), Some(1.0 / 0.6)),
            (Some(400), Some(200), Some(2.0)),
        ] {
            let speed = Speed {
                read_bandwidth,
                int8_rate,
            };
            assert_eq!(cost.tokens_per_second(speed), expected);
        }
    }
}
