//! What is told of an architecture.

use std::fmt;

use crate::graph::Builder;
use crate::model::{Role, RopeLayout};

/// An architecture in the words of each format.
pub(crate) struct Family {
    /// `general.architecture` in GGUF; prefix of its metadata keys.
    pub(crate) gguf: &'static str,
    /// `model_type` in a Hugging Face `config.json`.
    pub(crate) model_type: &'static str,
    /// Order of Q and K rows in GGUF.
    pub(crate) gguf_layout: RopeLayout,
    /// Order of Q and K rows in Hugging Face.
    pub(crate) hf_layout: RopeLayout,
    /// Fields of `config.json`, beside those of Llama, that change nothing with these values; any,
    /// if there are none.
    pub(crate) fields: &'static [(&'static str, &'static [&'static str])],
    /// Names of tensors; `{}` stands for the layer.
    pub(crate) tensors: &'static [Names],
    /// Ends of names of tensors that hold nothing a model needs.
    pub(crate) skipped: &'static [&'static str],
    /// Writes the network down.
    pub(crate) build: fn(&mut Builder<'_>),
}

/// What the tensor of a role is called.
pub(crate) struct Names {
    pub(crate) role: Role,
    pub(crate) gguf: &'static str,
    pub(crate) hf: &'static str,
}

/// The names of a tensor in both formats.
pub(super) const fn names(role: Role, gguf: &'static str, hf: &'static str) -> Names {
    Names { role, gguf, hf }
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.gguf)
    }
}

impl PartialEq for Family {
    fn eq(&self, other: &Self) -> bool {
        self.gguf == other.gguf
    }
}
