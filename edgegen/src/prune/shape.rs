//! The sizes that a network is pruned to.

use crate::error::{Error, Result};
use crate::model::{Architecture, Model};

use super::{heads, layers, neurons};

/// Sizes of a network that is pruned; what is `None` stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shape {
    /// Feed-forward neurons of each layer; best a multiple of 32, to which the crate pads them.
    pub intermediate_size: Option<usize>,
    /// Key and value heads of each layer, each with its query heads.
    pub num_key_value_heads: Option<usize>,
    /// Layers.
    pub num_hidden_layers: Option<usize>,
}

impl Shape {
    /// The model with these sizes: layers are left out first, then heads, then neurons, as each is
    /// measured on what is left.
    ///
    /// # Errors
    ///
    /// When a size is not between 1 and the model's, and as [`neurons`], [`heads`] and [`layers`].
    pub fn prune(self, model: Model, text: &str) -> Result<Model> {
        let a = self.architecture(model.architecture())?;
        let model = layers(model, a.num_hidden_layers, text)?;
        let model = heads(model, a.num_key_value_heads, text)?;
        neurons(model, a.intermediate_size, text)
    }

    /// A model with the sizes and types that [`prune`](Self::prune) gives, at once: what to plan
    /// with. What is smaller has no values, and of the layers the first are kept.
    ///
    /// # Errors
    ///
    /// When a size is not between 1 and the model's.
    pub fn outline(self, model: &Model) -> Result<Model> {
        let architecture = self.architecture(model.architecture())?;
        let tensors = (model.tensors().iter())
            .filter(|(key, _)| {
                key.layer
                    .is_none_or(|layer| layer < architecture.num_hidden_layers)
            })
            .map(|(&key, tensor)| {
                let (rows, cols) = architecture.shape(key.role);
                Ok((key, tensor.outline(rows, cols)?))
            });
        let tensors = tensors.collect::<Result<_>>()?;
        Ok(model.with_weights(architecture, tensors))
    }

    /// The architecture with these sizes.
    pub(super) fn architecture(self, of: &Architecture) -> Result<Architecture> {
        let size = |option: &'static str, what: &str, asked: Option<usize>, all: usize| match asked
        {
            None => Ok(all),
            Some(size) if (1..=all).contains(&size) => Ok(size),
            Some(size) => Err(Error::option(
                option,
                format!("the model has {all} {what}, not {size}"),
            )
            .remedy(format!("give 1 to {all}"))),
        };
        let intermediate_size = size(
            "intermediate_size",
            "feed-forward neurons in each layer",
            self.intermediate_size,
            of.intermediate_size,
        )?;
        let num_key_value_heads = size(
            "kv_heads",
            "key-value heads in each layer",
            self.num_key_value_heads,
            of.num_key_value_heads,
        )?;
        let num_hidden_layers = size(
            "layers",
            "layers",
            self.num_hidden_layers,
            of.num_hidden_layers,
        )?;
        let mut architecture = Architecture {
            intermediate_size,
            num_key_value_heads,
            num_attention_heads: of.num_attention_heads / of.num_key_value_heads
                * num_key_value_heads,
            ..of.clone()
        };
        architecture.keep_layers(&Vec::from_iter(0..num_hidden_layers));
        Ok(architecture)
    }
}
