//! What an architecture is called and how its tensors are named, as data.
//! A further architecture of the same kind is a further [`Description`].

use std::collections::BTreeMap;

use crate::error::{Error, Place, Result};
use crate::model::{Role, RopeLayout, Tensor, TensorKey};

/// An architecture in the words of each format.
pub(super) struct Description {
    /// `general.architecture` in GGUF; prefix of its metadata keys.
    pub gguf: &'static str,
    /// `model_type` in a Hugging Face `config.json`.
    pub model_type: &'static str,
    /// Order of Q and K rows in GGUF.
    pub gguf_layout: RopeLayout,
    /// Order of Q and K rows in Hugging Face.
    pub hf_layout: RopeLayout,
    /// Names of tensors; `{}` stands for the layer.
    pub tensors: &'static [Names],
    /// Ends of names of tensors that hold nothing a model needs.
    pub skipped: &'static [&'static str],
}

/// What the tensor of a role is called.
pub(super) struct Names {
    pub role: Role,
    pub gguf: &'static str,
    pub hf: &'static str,
}

/// All architectures.
pub(super) const ALL: [&Description; 1] = [&super::llama::LLAMA];

/// The names of all architectures, for messages.
pub(super) fn supported() -> String {
    ALL.map(|d| d.gguf).join(", ")
}

/// A text that says something.
pub(super) fn stated(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

impl Description {
    /// Gives each tensor its role by its name.
    ///
    /// # Errors
    /// When a name is unknown or two tensors have one role.
    pub(super) fn assign(
        &self,
        tensors: impl IntoIterator<Item = Tensor>,
        pattern: fn(&Names) -> &'static str,
    ) -> Result<BTreeMap<TensorKey, Tensor>> {
        let mut assigned = BTreeMap::new();
        for tensor in tensors {
            let name = tensor.name();
            if self.skipped.iter().any(|end| name.ends_with(end)) {
                continue;
            }
            let key = self
                .tensors
                .iter()
                .find_map(|names| key(names.role, pattern(names), name))
                .ok_or_else(|| {
                    Error::unsupported(format!("no part of the architecture {} has this tensor", self.gguf))
                        .at(Place::tensor(name))
                        .remedy("the model is a variation that is not supported; leaving the tensor out would change its answers")
                })?;
            assigned.insert(key, tensor);
        }
        Ok(assigned)
    }
}

/// The key of a tensor of this name, if the pattern is of this name.
fn key(role: Role, pattern: &str, name: &str) -> Option<TensorKey> {
    let Some((before, after)) = pattern.split_once("{}") else {
        return (pattern == name).then(|| TensorKey::global(role));
    };
    let digits = name.strip_prefix(before)?.strip_suffix(after)?;
    let layer: usize = digits.parse().ok()?;
    // One name for one layer: neither `+1` nor `01`.
    (layer.to_string() == digits).then(|| TensorKey::layer(layer, role))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_have_one_spelling() {
        let find = |name| key(Role::Query, "blk.{}.attn_q.weight", name);
        assert_eq!(
            find("blk.12.attn_q.weight"),
            Some(TensorKey::layer(12, Role::Query))
        );
        for name in [
            "blk.01.attn_q.weight",
            "blk.+1.attn_q.weight",
            "blk..attn_q.weight",
            "blk.1.attn_q.bias",
            "blk.99999999999999999999.attn_q.weight",
        ] {
            assert_eq!(find(name), None, "{name}");
        }
    }
}
