//! The shape of a decoder-only transformer, in Hugging Face's names.

use crate::architectures::Family;
use crate::error::{Error, Result};

use super::{Rope, Window};

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
    /// The window of some layers' attention.
    pub window: Option<Window>,
    /// Bounds of scores and logits.
    pub caps: Caps,
    /// Other constant factors.
    pub multipliers: Multipliers,
    /// Whether both branches of a layer read the residual stream at its beginning, if the file says it
    /// of networks that may have it so.
    pub parallel_residual: Option<bool>,
    /// What bends the gate of networks whose files may say one or the other.
    pub gate: Gate,
    /// Whether what the matrices of layers read is rounded to 8 bits a value (BitNet).
    pub rounded: bool,
}

/// What a gate bends by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Gate {
    /// `x / (1 + e^-x)`.
    #[default]
    Silu,
    /// `max(0, x)²`.
    Relu2,
}

/// Bounds by `c * tanh(x / c)` (Bello et al. 2016, arXiv:1611.09940).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Caps {
    /// On the scores of attention, before the softmax.
    pub scores: Option<f32>,
    /// On the logits.
    pub logits: Option<f32>,
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
    /// Tokens that a token sees in a layer, itself included; all before it, if `None`.
    pub fn window(&self, layer: usize) -> Option<usize> {
        let window = self.window.as_ref()?;
        window.is_in(layer).then_some(window.size)
    }

    /// RoPE in a layer.
    pub(crate) fn rope(&self, layer: usize) -> Option<&Rope> {
        let window = self.window.as_ref().filter(|window| window.is_in(layer));
        let own = window.and_then(|window| window.rope.as_ref());
        own.or(self.rope.as_ref()).filter(|rope| rope.is_in(layer))
    }

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
        let places = |layers: &mut Vec<usize>| {
            let place = |layer| kept.binary_search(layer).ok();
            *layers = layers.iter().filter_map(place).collect();
        };
        if let Some(rope) = &mut self.rope {
            places(&mut rope.skipped);
        }
        if let Some(window) = &mut self.window {
            places(&mut window.layers);
            if let Some(rope) = &mut window.rope {
                places(&mut rope.skipped);
            }
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
        for (name, cap) in [
            ("attn_logit_softcapping", self.caps.scores),
            ("final_logit_softcapping", self.caps.logits),
        ] {
            if let Some(cap) = cap.filter(|cap| !(cap.is_finite() && *cap > 0.0)) {
                return Err(
                    Error::new(format!("{cap} is no positive number of 32 bits"))
                        .at(name)
                        .remedy("correct the value in the model's configuration"),
                );
            }
        }
        if let Some(rope) = &self.rope {
            rope.check(head_dim)?;
        }
        match &self.window {
            Some(window) => window.check(head_dim),
            None => Ok(()),
        }
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
