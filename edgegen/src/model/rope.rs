//! Rotary position embedding.

use crate::error::{Error, Result};

/// Rotary position embedding (Su et al. 2021, arXiv:2104.09864).
#[derive(Debug, Clone, PartialEq)]
pub struct Rope {
    /// Base of the frequencies.
    pub theta: f64,
    /// Leading dimensions of a head that are rotated; even, at most `head_dim`.
    pub dim: usize,
    /// How the rows of Q and K are ordered in the file.
    pub layout: RopeLayout,
    /// How frequencies are stretched to a longer context.
    pub scaling: RopeScaling,
    /// Layers whose queries and keys it leaves as they are, ascending.
    pub skipped: Vec<usize>,
}

/// Which two elements of a head rotate together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RopeLayout {
    /// `(2i, 2i + 1)`: GGUF's `llama`, llama2.c.
    Interleaved,
    /// `(i, i + dim / 2)`: Hugging Face.
    Halves,
}

/// Stretching of the rotary frequencies.
#[derive(Debug, Clone, PartialEq)]
pub enum RopeScaling {
    /// As trained.
    None,
    /// Positions divided by a factor.
    Linear {
        /// Ratio of the new context to the trained one.
        factor: f64,
    },
    /// Frequency `i` divided by `factors[i]` (`rope_freqs.weight` in GGUF).
    Factors {
        /// One for each frequency.
        factors: Vec<f32>,
        /// Factor on cos and sin.
        attention_factor: f64,
    },
    /// LongRoPE (Ding et al. 2024, arXiv:2402.13753).
    LongRope {
        /// Divisors of the frequencies in the context before stretching.
        short: Vec<f32>,
        /// The same in a longer one.
        long: Vec<f32>,
        /// Factor on cos and sin, in any context.
        attention_factor: f64,
        /// The context before stretching, in tokens.
        original_max_position_embeddings: usize,
    },
    /// Llama 3.1's piecewise interpolation.
    Llama3 {
        /// Divisor of the low frequencies.
        factor: f64,
        /// Wavelengths longer than `original / low_freq_factor` are divided.
        low_freq_factor: f64,
        /// Wavelengths shorter than `original / high_freq_factor` are kept.
        high_freq_factor: f64,
        /// The context before stretching, in tokens.
        original_max_position_embeddings: usize,
    },
    /// YaRN (Peng et al. 2023, arXiv:2309.00071).
    Yarn {
        /// Ratio of the new context to the trained one.
        factor: f64,
        /// Factor on cos and sin; `0.1 ln(factor) + 1` unless the file says otherwise.
        attention_factor: f64,
        /// Rotations below which a dimension is interpolated.
        beta_slow: f64,
        /// Rotations above which a dimension is kept.
        beta_fast: f64,
        /// Whether the ends of the ramp between them are whole dimensions.
        truncate: bool,
        /// The context before stretching, in tokens.
        original_max_position_embeddings: usize,
    },
}

impl RopeScaling {
    /// What it is in this context, which is all that a generated crate ever has: transformers
    /// changes divisors, and with them all keys, while a text grows.
    pub(crate) fn at(&self, context: usize) -> Self {
        match self {
            Self::LongRope {
                short,
                long,
                attention_factor,
                original_max_position_embeddings,
            } => Self::Factors {
                factors: match context > *original_max_position_embeddings {
                    true => long.clone(),
                    false => short.clone(),
                },
                attention_factor: *attention_factor,
            },
            other => other.clone(),
        }
    }
}

impl Rope {
    /// Whether a layer has it.
    pub(crate) fn is_in(&self, layer: usize) -> bool {
        self.skipped.binary_search(&layer).is_err()
    }

    pub(super) fn check(&self, head_dim: usize) -> Result<()> {
        let (dim, theta) = (self.dim, self.theta);
        if !(theta.is_finite() && theta > 0.0) {
            return Err(
                Error::new(format!("{theta} is no positive number of 32 bits"))
                    .at("rope_theta")
                    .remedy("correct the value in the model's configuration"),
            );
        }
        if dim == 0 || !dim.is_multiple_of(2) || dim > head_dim {
            return Err(Error::new(format!(
                "{dim} is no even number from 2 to the head's width {head_dim}"
            ))
            .at("rope dimension")
            .remedy("correct the value in the model's configuration"));
        }
        let positive = |name: &str, values: &[f64]| match values
            .iter()
            .find(|v| !(v.is_finite() && **v > 0.0))
        {
            None => Ok(()),
            Some(value) => Err(Error::new(format!("{value} is not a positive number"))
                .at(format!("rope scaling {name}"))
                .remedy("correct the value in the model's configuration")),
        };
        let divisors = |name: &str, factors: &[f32]| {
            if factors.len() != dim / 2 {
                let (found, needed) = (factors.len(), dim / 2);
                let problem = format!("{found} factors for {needed} frequencies");
                return Err(Error::new(problem)
                    .at(name)
                    .remedy("the file is damaged; fetch or convert it again"));
            }
            let factors: Vec<f64> = factors.iter().map(|&f| f64::from(f)).collect();
            positive("factors", &factors)
        };
        let context = |tokens: usize| positive("original context", &[tokens as f64]);
        match &self.scaling {
            RopeScaling::None => Ok(()),
            RopeScaling::Linear { factor } => positive("factor", &[*factor]),
            RopeScaling::Factors {
                factors,
                attention_factor,
            } => {
                positive("attention factor", &[*attention_factor])?;
                divisors("rope_freqs.weight", factors)
            }
            RopeScaling::LongRope {
                short,
                long,
                attention_factor,
                original_max_position_embeddings,
            } => {
                positive("attention factor", &[*attention_factor])?;
                divisors("short_factor", short)?;
                divisors("long_factor", long)?;
                context(*original_max_position_embeddings)
            }
            RopeScaling::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_max_position_embeddings,
            } => {
                positive("factor", &[*factor, *low_freq_factor, *high_freq_factor])?;
                if low_freq_factor >= high_freq_factor {
                    return Err(Error::new(format!(
                        "low_freq_factor {low_freq_factor} is not below high_freq_factor {high_freq_factor}"
                    ))
                    .at("rope_scaling")
                    .remedy("correct the value in the model's configuration"));
                }
                context(*original_max_position_embeddings)
            }
            RopeScaling::Yarn {
                factor,
                attention_factor,
                beta_slow,
                beta_fast,
                truncate: _,
                original_max_position_embeddings,
            } => {
                positive("factor", &[*factor, *attention_factor])?;
                positive("beta", &[*beta_slow, *beta_fast])?;
                context(*original_max_position_embeddings)
            }
        }
    }
}
