//! How fast a token is decoded.

use crate::graph::Tensors;
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
        for tensors in layout.code.operations().flat_map(Operation::tensors) {
            match tensors {
                Tensors::Matrix(matrix) => {
                    let bytes = matrix.parts.iter().map(|part| part.range.len());
                    cost.bytes += bytes.sum::<usize>() as u64;
                    let weights = (matrix.rows * matrix.cols) as u64;
                    cost.multiply_adds += weights;
                    cost.work += weights * unpacking(matrix.format) / 10;
                }
                Tensors::Vector(vector) => cost.bytes += vector.part.range.len() as u64,
                // A row is read.
                Tensors::Lookup(_) | Tensors::Table(_) => {}
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
        WeightFormat::Q8 | WeightFormat::TQ2 => 6,
        WeightFormat::Q4 => 10,
        WeightFormat::Q4M | WeightFormat::IQ4NL | WeightFormat::IQ4XS | WeightFormat::MXFP4 => 12,
        WeightFormat::Q5 | WeightFormat::Q5M | WeightFormat::Q4K | WeightFormat::Q2K => 13,
        WeightFormat::T4 => 15,
        WeightFormat::Q5K | WeightFormat::Q6K | WeightFormat::Q3K => 16,
        WeightFormat::T3 | WeightFormat::T2 | WeightFormat::TQ1 => 18,
        WeightFormat::F32 | WeightFormat::F16 => 25,
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

    /// Every weight of a pass is read once and multiplied once; formats differ in how long
    /// unpacking takes. The biases and gains are read, and the rows of the embedding are not.
    #[test]
    fn a_token_costs_every_weight_of_a_pass() {
        let model = crate::import::built_in().unwrap();
        let profile = crate::profile::Profile::load("host").unwrap();
        let cost = |format| {
            let request = crate::plan::Request {
                quant: crate::plan::Quant::To(format),
                ..crate::plan::Request::default()
            };
            let plan = crate::plan::plan(&model, &profile, &request).unwrap();
            TokenCost::of(&plan.layout(&model))
        };
        let a = model.architecture();
        let (hidden, inner) = (a.hidden_size as u64, a.intermediate_size as u64);
        let heads = (a.num_attention_heads * a.head_dim) as u64;
        let keys = (a.num_key_value_heads * a.head_dim) as u64;
        let layer = hidden * (2 * heads + 2 * keys + 3 * inner);
        let weights = a.num_hidden_layers as u64 * layer + hidden * a.vocab_size as u64;
        let gains = 4 * hidden * (2 * a.num_hidden_layers as u64 + 1);
        for (format, tenths) in [
            (WeightFormat::F32, 25),
            (WeightFormat::F16, 25),
            (WeightFormat::Q8, 6),
            (WeightFormat::Q4M, 12),
            (WeightFormat::Q4, 10),
            (WeightFormat::T4, 15),
            (WeightFormat::T3, 18),
            (WeightFormat::T2, 18),
        ] {
            let cost = cost(format);
            let mix = cost.multiply_adds - weights;
            assert!(mix == 0 || mix == hidden * hidden, "{format}: {mix}");
            // Tenths are cut off for each matrix, and the mix has a format of its own.
            let most = weights * tenths / 10;
            let least = most - 10 * a.num_hidden_layers as u64;
            let work = least..=most + 6 * mix;
            assert!(work.contains(&cost.work), "{format}: {}", cost.work);
            if format == WeightFormat::F32 {
                assert_eq!(cost.bytes, 4 * weights + gains);
            }
        }
    }
}
