//! The shape of a decoder-only transformer, in Hugging Face's names.

use crate::architectures::Family;
use crate::error::{Error, Result};

use super::Rope;

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
    /// Other constant factors.
    pub multipliers: Multipliers,
    /// Whether both branches of a layer read the residual stream at its beginning.
    pub parallel_residual: bool,
}

/// Constant factors; without them, 1.
///
/// None is multiplied into weights, which are as the file has them: a factor is an operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Multipliers {
    /// On the tokens' rows of the embedding.
    pub embedding: f32,
    /// On what a branch adds to the residual stream.
    pub residual: f32,
    /// On the logits; taken on what the output projection reads, which is shorter.
    pub logits: f32,
}

impl Default for Multipliers {
    fn default() -> Self {
        Self {
            embedding: 1.0,
            residual: 1.0,
            logits: 1.0,
        }
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
    /// The width of all queries of a token.
    pub(super) fn query_size(&self) -> usize {
        self.num_attention_heads * self.head_dim
    }

    /// The width of all keys of a token, and of all values.
    pub(super) fn key_size(&self) -> usize {
        self.num_key_value_heads * self.head_dim
    }

    /// Keeps these layers, ascending.
    pub(crate) fn keep_layers(&mut self, kept: &[usize]) {
        self.num_hidden_layers = kept.len();
        if let Some(rope) = &mut self.rope {
            let place = |layer| kept.binary_search(layer).ok();
            rope.skipped = rope.skipped.iter().filter_map(place).collect();
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
            ("embedding_scale", f64::from(self.multipliers.embedding)),
            ("residual_scale", f64::from(self.multipliers.residual)),
            ("logits_scale", f64::from(self.multipliers.logits)),
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

#[cfg(test)]
mod tests {
    use crate::import::built_in;

    #[test]
    fn layers_without_rope_are_those_that_were_kept() {
        let mut architecture = built_in().unwrap().architecture().clone();
        let rope = |architecture: &super::Architecture| architecture.rope.clone().unwrap();
        architecture.rope.as_mut().unwrap().skipped = vec![1, 3];
        architecture.keep_layers(&[0, 2, 3, 5]);
        assert_eq!(architecture.num_hidden_layers, 4);
        assert_eq!(rope(&architecture).skipped, [2]);
    }
}
