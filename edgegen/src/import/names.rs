//! Tensors by their names.

use std::collections::BTreeMap;

use crate::architectures::{Family, Names};
use crate::error::{Error, Place, Result};
use crate::model::{Role, Tensor, TensorKey};

/// A text that says something.
pub(super) fn stated(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Gives each tensor its role by its name.
///
/// # Errors
/// When a name is unknown or two tensors have one role.
pub(super) fn assign(
    family: &Family,
    tensors: impl IntoIterator<Item = Tensor>,
    pattern: fn(&Names) -> &'static str,
) -> Result<BTreeMap<TensorKey, Tensor>> {
    let mut assigned = BTreeMap::new();
    for tensor in tensors {
        let name = tensor.name();
        if family.skipped.iter().any(|end| name.ends_with(end)) {
            continue;
        }
        let key = family
            .tensors
            .iter()
            .find_map(|names| key(names.role, pattern(names), name))
            .ok_or_else(|| {
                Error::unsupported(format!("no part of the architecture {} has this tensor", family.gguf))
                    .at(Place::tensor(name))
                    .remedy("the model is a variation that is not supported; leaving the tensor out would change its answers")
            })?;
        assigned.insert(key, tensor);
    }
    Ok(assigned)
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
