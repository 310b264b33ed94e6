//! The shape of a decoder-only transformer, in Hugging Face's names.

/// Shapes and constants of the network. Sizes are in elements.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// The architecture's name in GGUF: `llama`.
    pub name: &'static str,
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
    /// Epsilon of RMSNorm.
    pub rms_norm_eps: f32,
    /// Rotary position embedding.
    pub rope: Rope,
    /// Factor on `q · k` before the softmax; `1 / sqrt(head_dim)` in `llama`.
    pub attention_scale: f32,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Token embedding, `[vocab_size, hidden_size]`.
    Embedding,
    /// RMSNorm gain before attention, `[hidden_size]`.
    AttentionNorm,
    /// Query projection, `[num_attention_heads * head_dim, hidden_size]`.
    Query,
    /// Bias of the query projection.
    QueryBias,
    /// Key projection, `[num_key_value_heads * head_dim, hidden_size]`.
    Key,
    /// Bias of the key projection.
    KeyBias,
    /// Value projection, `[num_key_value_heads * head_dim, hidden_size]`.
    Value,
    /// Bias of the value projection.
    ValueBias,
    /// Attention output projection, `[hidden_size, num_attention_heads * head_dim]`.
    AttentionOutput,
    /// Bias of the attention output projection.
    AttentionOutputBias,
    /// RMSNorm gain before the feed-forward network, `[hidden_size]`.
    FeedForwardNorm,
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
    /// RMSNorm gain after the last layer, `[hidden_size]`.
    OutputNorm,
    /// Output projection, `[vocab_size, hidden_size]`; absent when it is the embedding.
    Output,
}

/// A tensor's place in the network. Orders as the network runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TensorKey {
    /// The layer, or `None` outside the layers.
    pub layer: Option<usize>,
    /// What it is for.
    pub role: Role,
}
