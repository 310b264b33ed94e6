//! The shape of a decoder-only transformer, in Hugging Face's names.

use crate::architectures::Family;
use crate::error::{Error, Result};

/// Shapes and constants of the network. Sizes are in elements.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// What its files call things, and how its network is built.
    pub(crate) family: &'static Family,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the feed-forward network.
    pub intermediate_size: usize,
    /// Number of transformer layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads; divides `num_attention_heads`.
    pub num_key_value_heads: usize,
    /// Width of one head; not always `hidden_size / num_attention_heads`.
    pub head_dim: usize,
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// The context that the model was trained for, in tokens.
    pub max_position_embeddings: usize,
    /// Epsilon of the norms.
    pub rms_norm_eps: f32,
    /// Rotary position embedding, where the network has it.
    pub rope: Option<Rope>,
    /// Factor on `q · k` before the softmax; `1 / sqrt(head_dim)` in `llama`.
    pub attention_scale: f32,
    /// The windows of the first layers' attention, in tokens, itself included; elsewhere, and where
    /// there is `None`, a token sees all before it.
    pub windows: Vec<Option<usize>>,
}

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
    Factors(Vec<f32>),
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
        /// The context before stretching, in tokens.
        original_max_position_embeddings: usize,
    },
}

/// What a tensor is for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Token embedding, `[vocab_size, hidden_size]`.
    Embedding,
    /// Learned embedding of each position, `[max_position_embeddings, hidden_size]`.
    Positions,
    /// Gain of the norm before attention, `[hidden_size]`.
    AttentionNorm,
    /// Bias of a LayerNorm before attention, `[hidden_size]`.
    AttentionNormBias,
    /// Query projection, `[num_attention_heads * head_dim, hidden_size]`.
    Query,
    /// Bias of the query projection.
    QueryBias,
    /// Gain of the norm of each head's query, `[head_dim]`.
    QueryNorm,
    /// Key projection, `[num_key_value_heads * head_dim, hidden_size]`.
    Key,
    /// Bias of the key projection.
    KeyBias,
    /// Gain of the norm of each head's key, `[head_dim]`.
    KeyNorm,
    /// Value projection, `[num_key_value_heads * head_dim, hidden_size]`.
    Value,
    /// Bias of the value projection.
    ValueBias,
    /// Attention output projection, `[hidden_size, num_attention_heads * head_dim]`.
    AttentionOutput,
    /// Bias of the attention output projection.
    AttentionOutputBias,
    /// Gain of the norm before the feed-forward network, `[hidden_size]`.
    FeedForwardNorm,
    /// Bias of a LayerNorm before the feed-forward network, `[hidden_size]`.
    FeedForwardNormBias,
    /// Gate projection, `[intermediate_size, hidden_size]`.
    Gate,
    /// Bias of the gate projection.
    GateBias,
    /// Up projection, `[intermediate_size, hidden_size]`.
    Up,
    /// Bias of the up projection.
    UpBias,
    /// Down projection, `[hidden_size, intermediate_size]`.
    Down,
    /// Bias of the down projection.
    DownBias,
    /// Gain of the norm after the last layer, `[hidden_size]`.
    OutputNorm,
    /// Bias of a LayerNorm after the last layer, `[hidden_size]`.
    OutputNormBias,
    /// Mixes the last norm's output before the output projection, `[hidden_size, hidden_size]`. No
    /// file has it: it takes the last norm's gain where the output projection is the embedding.
    OutputMix,
    /// Output projection, `[vocab_size, hidden_size]`; absent when it is the embedding.
    Output,
}

/// A tensor's place in the network. Orders by layer, tensors outside the layers first,
/// then by [`Role`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct TensorKey {
    /// The layer, or `None` outside the layers.
    pub layer: Option<usize>,
    /// What it is for.
    pub role: Role,
}

impl TensorKey {
    /// A tensor outside the layers.
    pub const fn global(role: Role) -> Self {
        Self { layer: None, role }
    }

    /// A tensor of layer `layer`, from 0.
    pub const fn layer(layer: usize, role: Role) -> Self {
        Self {
            layer: Some(layer),
            role,
        }
    }
}

impl Role {
    /// Every role, in order.
    pub const ALL: [Self; 26] = [
        Self::Embedding,
        Self::Positions,
        Self::AttentionNorm,
        Self::AttentionNormBias,
        Self::Query,
        Self::QueryBias,
        Self::QueryNorm,
        Self::Key,
        Self::KeyBias,
        Self::KeyNorm,
        Self::Value,
        Self::ValueBias,
        Self::AttentionOutput,
        Self::AttentionOutputBias,
        Self::FeedForwardNorm,
        Self::FeedForwardNormBias,
        Self::Gate,
        Self::GateBias,
        Self::Up,
        Self::UpBias,
        Self::Down,
        Self::DownBias,
        Self::OutputNorm,
        Self::OutputNormBias,
        Self::OutputMix,
        Self::Output,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Embedding => "embedding",
            Self::Positions => "positions",
            Self::AttentionNorm => "attention_norm",
            Self::AttentionNormBias => "attention_norm_bias",
            Self::Query => "query",
            Self::QueryBias => "query_bias",
            Self::QueryNorm => "query_norm",
            Self::Key => "key",
            Self::KeyBias => "key_bias",
            Self::KeyNorm => "key_norm",
            Self::Value => "value",
            Self::ValueBias => "value_bias",
            Self::AttentionOutput => "attention_output",
            Self::AttentionOutputBias => "attention_output_bias",
            Self::FeedForwardNorm => "feed_forward_norm",
            Self::FeedForwardNormBias => "feed_forward_norm_bias",
            Self::Gate => "gate",
            Self::GateBias => "gate_bias",
            Self::Up => "up",
            Self::UpBias => "up_bias",
            Self::Down => "down",
            Self::DownBias => "down_bias",
            Self::OutputNorm => "output_norm",
            Self::OutputNormBias => "output_norm_bias",
            Self::OutputMix => "output_mix",
            Self::Output => "output",
        }
    }

    /// The role of that name, if it is that of a matrix.
    ///
    /// # Errors
    ///
    /// Lists the names that there are.
    pub fn matrix(name: &str) -> Result<Self> {
        let matrices = Self::ALL.into_iter().filter(|role| role.is_matrix());
        let found = matrices.clone().find(|role| role.name() == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = matrices.map(Self::name).collect();
            Error::unknown("matrix", name, &names)
        })
    }

    /// Whether it is the weight of a product; the others are vectors.
    pub fn is_matrix(self) -> bool {
        matches!(
            self,
            Self::Embedding
                | Self::Query
                | Self::Key
                | Self::Value
                | Self::AttentionOutput
                | Self::Gate
                | Self::Up
                | Self::Down
                | Self::OutputMix
                | Self::Output
        )
    }

    /// What is added to what it gives.
    pub(crate) fn bias(self) -> Option<Self> {
        Some(match self {
            Self::Query => Self::QueryBias,
            Self::Key => Self::KeyBias,
            Self::Value => Self::ValueBias,
            Self::AttentionOutput => Self::AttentionOutputBias,
            Self::Gate => Self::GateBias,
            Self::Up => Self::UpBias,
            Self::Down => Self::DownBias,
            _ => return None,
        })
    }

    /// Whether every layer has its own.
    pub fn is_per_layer(self) -> bool {
        !matches!(
            self,
            Self::Embedding
                | Self::Positions
                | Self::OutputNorm
                | Self::OutputNormBias
                | Self::OutputMix
                | Self::Output
        )
    }

    /// Whether RoPE rotates what its rows give.
    pub fn is_rotated(self) -> bool {
        matches!(
            self,
            Self::Query
                | Self::QueryBias
                | Self::QueryNorm
                | Self::Key
                | Self::KeyBias
                | Self::KeyNorm
        )
    }
}

impl Architecture {
    /// The window of a layer's attention.
    pub fn window(&self, layer: usize) -> Option<usize> {
        self.windows.get(layer).copied().flatten()
    }

    /// Rows and columns of the tensor of a role; a vector has one row.
    pub fn shape(&self, role: Role) -> (usize, usize) {
        let hidden = self.hidden_size;
        let query = self.num_attention_heads * self.head_dim;
        let key = self.num_key_value_heads * self.head_dim;
        match role {
            Role::Embedding | Role::Output => (self.vocab_size, hidden),
            Role::Positions => (self.max_position_embeddings, hidden),
            Role::AttentionNorm
            | Role::AttentionNormBias
            | Role::FeedForwardNorm
            | Role::FeedForwardNormBias
            | Role::OutputNorm
            | Role::OutputNormBias => (1, hidden),
            Role::OutputMix => (hidden, hidden),
            Role::Query => (query, hidden),
            Role::QueryBias => (1, query),
            Role::QueryNorm | Role::KeyNorm => (1, self.head_dim),
            Role::Key | Role::Value => (key, hidden),
            Role::KeyBias | Role::ValueBias => (1, key),
            Role::AttentionOutput => (hidden, query),
            Role::AttentionOutputBias | Role::DownBias => (1, hidden),
            Role::Gate | Role::Up => (self.intermediate_size, hidden),
            Role::GateBias | Role::UpBias => (1, self.intermediate_size),
            Role::Down => (hidden, self.intermediate_size),
        }
    }

    /// Checks that sizes are sane and agree with each other.
    ///
    /// # Errors
    /// Names the first size that is not.
    pub fn check(&self) -> Result<()> {
        const SIZE: usize = 1 << 20;
        for (name, value, most) in [
            ("hidden_size", self.hidden_size, SIZE),
            ("intermediate_size", self.intermediate_size, SIZE),
            ("num_hidden_layers", self.num_hidden_layers, 1 << 10),
            ("num_attention_heads", self.num_attention_heads, 1 << 12),
            ("num_key_value_heads", self.num_key_value_heads, 1 << 12),
            ("head_dim", self.head_dim, 1 << 12),
            ("vocab_size", self.vocab_size, 1 << 22),
            (
                "max_position_embeddings",
                self.max_position_embeddings,
                1 << 24,
            ),
        ] {
            if value == 0 || value > most {
                return Err(Error::new(format!("{value} is outside 1 to {most}"))
                    .at(name)
                    .remedy("the file is damaged or describes a model far beyond edge devices"));
            }
        }
        let Self {
            num_attention_heads: heads,
            num_key_value_heads: key_heads,
            head_dim,
            ..
        } = *self;
        if heads % key_heads != 0 {
            return Err(Error::new(format!(
                "{heads} query heads cannot share {key_heads} key and value heads evenly"
            ))
            .at("num_key_value_heads")
            .remedy("the number of query heads must be a multiple of it"));
        }
        for (name, value) in [
            ("rms_norm_eps", f64::from(self.rms_norm_eps)),
            ("attention_scale", f64::from(self.attention_scale)),
        ] {
            if !(value.is_finite() && value > 0.0) {
                return Err(
                    Error::new(format!("{value} is no positive number of 32 bits"))
                        .at(name)
                        .remedy("correct the value in the model's configuration"),
                );
            }
        }
        self.rope
            .as_ref()
            .map_or(Ok(()), |rope| rope.check(head_dim))
    }
}

impl Rope {
    fn check(&self, head_dim: usize) -> Result<()> {
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
        let context = |tokens: usize| positive("original context", &[tokens as f64]);
        match &self.scaling {
            RopeScaling::None => Ok(()),
            RopeScaling::Linear { factor } => positive("factor", &[*factor]),
            RopeScaling::Factors(factors) => {
                if factors.len() != dim / 2 {
                    return Err(Error::new(format!(
                        "{} factors for {} frequencies",
                        factors.len(),
                        dim / 2
                    ))
                    .at("rope_freqs.weight")
                    .remedy("the file is damaged; fetch or convert it again"));
                }
                let factors: Vec<f64> = factors.iter().map(|&f| f64::from(f)).collect();
                positive("factors", &factors)
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
                original_max_position_embeddings,
            } => {
                positive("factor", &[*factor, *attention_factor])?;
                positive("beta", &[*beta_slow, *beta_fast])?;
                context(*original_max_position_embeddings)
            }
        }
    }
}
