//! How fast a token is decoded.

use crate::layout::Layout;
use crate::profile::Speed;
use crate::program::Operation;

/// What decoding one token takes, at the start of the context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenCost {
    /// Bytes of weights that are read.
    pub bytes: u64,
    /// Multiplications of a weight with an activation.
    pub multiply_adds: u64,
}

impl TokenCost {
    pub(super) fn of(layout: &Layout) -> Self {
        let mut cost = Self {
            bytes: 0,
            multiply_adds: 0,
        };
        for operation in layout.operations() {
            match operation {
                Operation::MatMul { matrix, .. } => {
                    let bytes = matrix.parts.iter().map(|part| part.range.len());
                    cost.bytes += bytes.sum::<usize>() as u64;
                    cost.multiply_adds += (matrix.rows * matrix.cols) as u64;
                }
                Operation::RmsNorm { gain, .. } => cost.bytes += gain.part.range.len() as u64,
                Operation::AddBias { bias, .. } => cost.bytes += bias.part.range.len() as u64,
                _ => {}
            }
        }
        cost
    }

    /// Tokens per second at that speed: reading the weights or computing, whichever is slower.
    /// `None` if the profile knows of neither.
    pub fn tokens_per_second(self, speed: Speed) -> Option<f64> {
        let reading = seconds(self.bytes, speed.read_bandwidth);
        let computing = seconds(self.multiply_adds, speed.int8_rate);
        match (reading, computing) {
            (Some(a), Some(b)) => Some(1.0 / a.max(b)),
            (one, other) => one.or(other).map(|seconds| 1.0 / seconds),
        }
    }
}

fn seconds(amount: u64, rate: Option<u64>) -> Option<f64> {
    rate.map(|rate| amount as f64 / rate as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slower_of_reading_and_computing_counts() {
        let cost = TokenCost {
            bytes: 100,
            multiply_adds: 50,
        };
        for (read_bandwidth, int8_rate, expected) in [
            (None, None, None),
            (Some(1000), None, Some(10.0)),
            (None, Some(1000), Some(20.0)),
            (Some(1000), Some(100), Some(2.0)),
            (Some(1000), Some(5000), Some(10.0)),
        ] {
            let speed = Speed {
                read_bandwidth,
                int8_rate,
            };
            assert_eq!(cost.tokens_per_second(speed), expected);
        }
    }
}
