//! What is told of an architecture.

use std::fmt;

use crate::error::Result;
use crate::graph::Builder;
use crate::model::{Architecture, Role, RopeLayout};

use super::settings::Settings;

/// An architecture in the words of each format.
pub(crate) struct Family {
    /// `general.architecture` in GGUF, if it has a name there; prefix of its metadata keys. Of those
    /// that share it, the first in the list reads the files.
    pub(crate) gguf: Option<&'static str>,
    /// `model_type` in a Hugging Face `config.json`: the architecture's own name.
    pub(crate) model_type: &'static str,
    /// The class of transformers, which is among `architectures` of `config.json`.
    pub(crate) class: &'static str,
    /// Models that have it, with their sizes.
    pub(crate) models: &'static [&'static str],
    /// RoPE, where the network has it.
    pub(crate) rope: Option<Rotary>,
    /// Key of the norms' epsilon in GGUF.
    pub(crate) gguf_eps: &'static str,
    /// Llama's names of fields of `config.json`, and this architecture's (`attribute_map` in
    /// transformers).
    pub(crate) attributes: &'static [(&'static str, &'static str)],
    /// What `config.json` may leave out.
    pub(crate) defaults: Defaults,
    /// Values of `hidden_act`; the first is the default.
    pub(crate) activations: &'static [&'static str],
    /// Fields of `config.json` that say where there are biases, and of what; the others are the
    /// network's own.
    pub(crate) biases: &'static [(&'static str, &'static [Role])],
    /// Reads what only this architecture has in `config.json`.
    pub(crate) hf_fields: Read,
    /// Reads what only this architecture has among GGUF's keys, or what GGUF does not say.
    pub(crate) gguf_keys: Read,
    /// Fields of `config.json` that nobody reads, beside those that no architecture has a use for.
    pub(crate) fields: &'static [Ignored],
    /// Names of tensors, in lists that others may share; `{}` stands for the layer.
    pub(crate) tensors: &'static [&'static [Names]],
    /// Whether `quantization_config` may say that matrices are ternary.
    pub(crate) ternary: bool,
    /// Ends of names of tensors that hold nothing a model needs.
    pub(crate) skipped: &'static [&'static str],
    /// What Hugging Face's names may begin with.
    pub(crate) hf_prefix: &'static str,
    /// Writes the network down.
    pub(crate) build: fn(&mut Builder<'_>),
}

/// A key that changes nothing with these values; with any, if there are none.
pub(crate) type Ignored = (&'static str, &'static [&'static str]);

/// What an architecture has of RoPE.
pub(crate) struct Rotary {
    /// Order of Q and K rows in GGUF.
    pub(crate) gguf: RopeLayout,
    /// Order of Q and K rows in Hugging Face.
    pub(crate) hf: RopeLayout,
    /// The base, where `config.json` has none.
    pub(crate) theta: f64,
    /// The part of a head that is rotated where `partial_rotary_factor` is not there; `None` where it
    /// does not count.
    pub(crate) part: Option<f64>,
    /// Whether a GGUF must rotate whole heads, as llama.cpp asks of some.
    pub(crate) whole: bool,
    /// Whether the scaling `dynamic` is an `alpha` by which the base grows.
    pub(crate) alpha: bool,
    /// The context before stretching, where the class has a field for it beside those of RoPE and
    /// `config.json` has not.
    pub(crate) original: Option<usize>,
}

/// Reads settings of the architecture's own, by the names of one format.
pub(crate) type Read = fn(&dyn Settings, &mut Architecture) -> Result<()>;

/// There are none.
pub(super) fn nothing(_: &dyn Settings, _: &mut Architecture) -> Result<()> {
    Ok(())
}

/// Values of fields that are not there, as in transformers' class of the configuration.
pub(crate) struct Defaults {
    pub(crate) rms_norm_eps: f64,
    pub(crate) tie_word_embeddings: bool,
    /// Tokens of the context.
    pub(crate) max_position_embeddings: usize,
    /// A part of `hidden_size` for each head, if `None`.
    pub(crate) head_dim: Option<usize>,
    /// Times `hidden_size`; needed, if `None`.
    pub(crate) intermediate_size: Option<usize>,
    /// Whether a model may have fewer key and value heads than query heads, and heads of any width.
    pub(crate) grouped: bool,
    /// Whether there are biases where no field says so.
    pub(crate) biases: bool,
}

/// What a tensor is called, and what it holds.
pub(crate) struct Names {
    /// The roles whose rows are in it, one after the other.
    pub(crate) roles: &'static [Role],
    pub(crate) gguf: &'static str,
    pub(crate) hf: &'static str,
    /// How Hugging Face has it.
    pub(crate) hf_form: Form,
}

/// How a tensor is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The rows of one role after those of the other.
    Rows,
    /// The same, with columns for rows.
    Columns,
    /// The rows of all roles for the first head, then those for the next.
    ByHead,
    /// A gain less 1.
    LessOne,
    /// A tensor for each head: the second `{}` stands for it. GGUF has them in rows of one.
    PerHead,
}

/// The names of a tensor in both formats.
pub(super) const fn names(roles: &'static [Role], gguf: &'static str, hf: &'static str) -> Names {
    Names {
        roles,
        gguf,
        hf,
        hf_form: Form::Rows,
    }
}

/// The same, with columns for rows in Hugging Face.
pub(super) const fn transposed(
    roles: &'static [Role],
    gguf: &'static str,
    hf: &'static str,
) -> Names {
    Names {
        hf_form: Form::Columns,
        ..names(roles, gguf, hf)
    }
}

/// The same, with the rows of all roles head by head in Hugging Face.
pub(super) const fn by_head(roles: &'static [Role], gguf: &'static str, hf: &'static str) -> Names {
    Names {
        hf_form: Form::ByHead,
        ..names(roles, gguf, hf)
    }
}

/// The same of a gain, which Hugging Face has less 1.
pub(super) const fn less_one(
    roles: &'static [Role],
    gguf: &'static str,
    hf: &'static str,
) -> Names {
    Names {
        hf_form: Form::LessOne,
        ..names(roles, gguf, hf)
    }
}

/// The same of a gain for each head.
pub(super) const fn per_head(
    roles: &'static [Role],
    gguf: &'static str,
    hf: &'static str,
) -> Names {
    Names {
        hf_form: Form::PerHead,
        ..names(roles, gguf, hf)
    }
}

impl Family {
    /// Whether a tensor of this name holds nothing that a model needs.
    pub(crate) fn skips(&self, name: &str) -> bool {
        self.skipped.iter().any(|end| name.ends_with(end))
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.model_type)
    }
}

impl PartialEq for Family {
    fn eq(&self, other: &Self) -> bool {
        self.model_type == other.model_type
    }
}
