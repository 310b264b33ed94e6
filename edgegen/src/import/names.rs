//! Tensors by their names.

use std::collections::BTreeMap;

use crate::architectures::Form;
use crate::error::{Error, Place, Result};
use crate::model::{Architecture, Role, Tensor, TensorKey};

/// A text that says something.
pub(super) fn stated(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Whose names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Gguf,
    HuggingFace,
}

/// Gives each tensor its role by its name; one that holds the rows of several is taken apart.
///
/// # Errors
/// When a name is unknown or a tensor has not the rows of its roles.
pub(super) fn assign(
    architecture: &Architecture,
    tensors: impl IntoIterator<Item = Tensor>,
    format: Format,
) -> Result<BTreeMap<TensorKey, Tensor>> {
    let family = architecture.family;
    let mut assigned = BTreeMap::new();
    for tensor in tensors {
        let name = tensor.name();
        if family.skips(name) {
            continue;
        }
        let known = family.tensors.iter().copied().flatten().find_map(|names| {
            let (pattern, name) = match format {
                Format::Gguf => (names.gguf, name),
                Format::HuggingFace => (
                    names.hf,
                    name.strip_prefix(family.hf_prefix).unwrap_or(name),
                ),
            };
            Some((names, key(names.roles[0], pattern, name)?))
        });
        let (names, TensorKey { layer, .. }) = known.ok_or_else(|| {
            Error::unsupported(format!("no part of the architecture {} has this tensor", family.model_type))
                .at(Place::tensor(name))
                .remedy("the model is a variation that is not supported; leaving the tensor out would change its answers")
        })?;
        let form = match format {
            Format::Gguf => Form::Rows,
            Format::HuggingFace => names.hf_form,
        };
        let tensor = match form {
            Form::Columns => tensor.transposed()?,
            Form::LessOne => tensor.plus_one()?,
            Form::Rows | Form::ByHead => tensor,
        };
        match names.roles {
            [role] => {
                assigned.insert(TensorKey { layer, role: *role }, tensor);
            }
            roles => {
                let parts = parts(architecture, roles, form, &tensor)?;
                for (role, part) in roles.iter().zip(parts) {
                    assigned.insert(TensorKey { layer, role: *role }, part);
                }
            }
        }
    }
    Ok(assigned)
}

/// The parts of a tensor that holds the rows of several roles, or of a vector of them.
fn parts(
    architecture: &Architecture,
    roles: &[Role],
    form: Form,
    tensor: &Tensor,
) -> Result<Vec<Tensor>> {
    let matrix = roles[0].is_matrix();
    let (size, all) = match matrix {
        true => (tensor.rows(), "rows"),
        false => (tensor.cols(), "elements"),
    };
    let sizes = roles.iter().map(|&role| {
        let (rows, cols) = architecture.shape(role);
        if matrix { rows } else { cols }
    });
    let sizes: Vec<usize> = sizes.collect();
    let expected: usize = sizes.iter().sum();
    if size != expected {
        return Err(Error::new(format!(
            "there are {size} {all}, the configuration makes it {expected}"
        ))
        .at(Place::tensor(tensor.name()))
        .remedy("weights and configuration are of different models; fetch both again"));
    }
    // Of neighbours in a part, so many lie side by side; then come those of the other parts.
    let run = |size: usize| match form {
        Form::ByHead => architecture.head_dim.min(size),
        _ => size,
    };
    let stride: usize = sizes.iter().map(|&size| run(size)).sum();
    let mut start = 0;
    let parts = sizes.iter().map(|&size| {
        let run = run(size);
        let place = |element: usize| (start + element / run * stride + element % run) as u32;
        let places: Vec<u32> = (0..size).map(place).collect();
        start += run;
        match matrix {
            true => tensor.gather(&places),
            false => tensor.gather_columns(&places),
        }
    });
    parts.collect()
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
