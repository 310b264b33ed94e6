//! Tensors by their names.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::architectures::{Family, Form, Names};
use crate::error::{Error, Place, Remedy, Result, Setting};
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
    /// Those of Hugging Face of a model that has a text model as a part.
    Wrapped,
}

impl Format {
    /// What the text model calls a tensor by itself; nothing, if it is of another part.
    pub(super) fn in_text_model(self, name: &str) -> Option<Cow<'_, str>> {
        if self != Self::Wrapped {
            return Some(name.into());
        }
        if let Some(inner) = name.strip_prefix("language_model.") {
            return Some(inner.into());
        }
        let mut models = ["model.language_model.", "model.text_model."].into_iter();
        if let Some(inner) = models.find_map(|model| name.strip_prefix(model)) {
            return Some(format!("model.{inner}").into());
        }
        let ends = [
            "lm_head.",
            "model.embed_tokens.",
            "model.layers.",
            "model.norm.",
        ];
        let own = ends.iter().any(|end| name.starts_with(end));
        own.then_some(name.into())
    }
}

/// The refusal of a tensor that an architecture has not.
fn stranger(family: &Family, name: &str) -> Error {
    let is_adapter = [".lora_A.", ".lora_B."]
        .iter()
        .any(|part| name.contains(part));
    let error = match is_adapter {
        true => Error::unsupported("this tensor is of a LoRA adapter").remedy(
            Remedy::from("give the model without it, and the adapter as PEFT wrote it with ")
                .set(Setting::text("lora", "FOLDER")),
        ),
        false => Error::unsupported(format!(
            "no part of the architecture {} has this tensor",
            family.model_type
        ))
        .remedy(
            "the model is a variation that is not supported; leaving the tensor out would change \
             its answers",
        ),
    };
    error.at(Place::tensor(name))
}

/// What the text model calls a tensor by itself; nothing, if it has no use for it.
pub(super) fn taken<'a>(family: &Family, name: &'a str, format: Format) -> Option<Cow<'a, str>> {
    let called = format.in_text_model(name);
    called.filter(|called| !family.skips(called))
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
    let mut by_head: BTreeMap<TensorKey, BTreeMap<usize, Tensor>> = BTreeMap::new();
    for tensor in tensors {
        let Some(called) = taken(family, tensor.name(), format) else {
            continue;
        };
        let named = find(family, &called, format);
        let named = named.ok_or_else(|| stranger(family, tensor.name()))?;
        let form = match format {
            Format::Gguf => Form::Rows,
            Format::HuggingFace | Format::Wrapped => named.names.hf_form,
        };
        match (named.head, named.keys().next()) {
            (Some(head), Some(key)) if form == Form::PerHead => {
                check_head(architecture, &tensor)?;
                by_head.entry(key).or_default().insert(head, tensor);
            }
            _ => assigned.extend(named.taken_apart(architecture, form, tensor)?),
        }
    }
    for (key, heads) in by_head {
        if let Some(missing) = (0..heads.len()).find(|head| !heads.contains_key(head)) {
            let name = heads.values().next().map_or("", Tensor::name);
            return Err(
                Error::new(format!("the tensor of head {missing} beside it is missing"))
                    .at(Place::tensor(name))
                    .remedy("the file is incomplete; fetch it again"),
            );
        }
        assigned.insert(key, Tensor::joined(heads.values())?);
    }
    Ok(assigned)
}

/// A tensor that an architecture knows, and whose it is.
#[derive(Clone, Copy)]
pub(super) struct Named {
    pub(super) names: &'static Names,
    layer: Option<usize>,
    /// Where each head has a tensor of its own.
    head: Option<usize>,
}

/// The tensor of this name in a text model.
pub(super) fn find(family: &Family, name: &str, format: Format) -> Option<Named> {
    family.tensors.iter().copied().flatten().find_map(|names| {
        let (pattern, name) = match format {
            Format::Gguf => (names.gguf, name),
            Format::HuggingFace | Format::Wrapped => (
                names.hf,
                name.strip_prefix(family.hf_prefix).unwrap_or(name),
            ),
        };
        let numbers = numbers(pattern, name)?;
        let (layer, head) = (numbers.first().copied(), numbers.get(1).copied());
        Some(Named { names, layer, head })
    })
}

impl Named {
    /// The places of what it holds.
    pub(super) fn keys(self) -> impl Iterator<Item = TensorKey> {
        let layer = self.layer;
        let roles = self.names.roles.iter();
        roles.map(move |&role| TensorKey { layer, role })
    }

    /// What it holds, stored in this form, by places.
    ///
    /// # Errors
    /// When it has not the rows of its roles.
    pub(super) fn taken_apart(
        self,
        architecture: &Architecture,
        form: Form,
        tensor: Tensor,
    ) -> Result<Vec<(TensorKey, Tensor)>> {
        let tensor = match form {
            Form::Columns => tensor.transposed()?,
            Form::LessOne => tensor.plus_one()?,
            Form::Rows if self.names.hf_form == Form::PerHead => {
                check_head(architecture, &tensor)?;
                tensor.in_one_row()
            }
            Form::Rows | Form::ByHead | Form::PerHead => tensor,
        };
        let parts = match self.names.roles {
            [_] => vec![tensor],
            roles => parts(architecture, roles, form, &tensor)?,
        };
        Ok(self.keys().zip(parts).collect())
    }
}

/// Checks that rows have the width of a head.
fn check_head(architecture: &Architecture, tensor: &Tensor) -> Result<()> {
    let (found, width) = (tensor.cols(), architecture.head_dim);
    match found == width {
        true => Ok(()),
        false => Err(Error::new(format!(
            "rows have {found} elements, the configuration makes it {width}"
        ))
        .at(Place::tensor(tensor.name()))
        .remedy("weights and configuration are of different models; fetch both again")),
    }
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

/// The numbers in a name, if it is of this pattern: those of the layer and of the head.
fn numbers(pattern: &str, name: &str) -> Option<Vec<usize>> {
    let mut parts = pattern.split("{}");
    let mut rest = name.strip_prefix(parts.next()?)?;
    let mut numbers = Vec::new();
    for part in parts {
        let end = rest.find(|c: char| !c.is_ascii_digit());
        let (digits, after) = rest.split_at(end.unwrap_or(rest.len()));
        let number: usize = digits.parse().ok()?;
        // One name for one number: not `01`.
        if number.to_string() != digits {
            return None;
        }
        numbers.push(number);
        rest = after.strip_prefix(part)?;
    }
    rest.is_empty().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_have_one_spelling() {
        let find = |name| numbers("blk.{}.attn_q.weight", name);
        assert_eq!(find("blk.12.attn_q.weight"), Some(vec![12]));
        for name in [
            "blk.01.attn_q.weight",
            "blk.+1.attn_q.weight",
            "blk..attn_q.weight",
            "blk.1.attn_q.bias",
            "blk.99999999999999999999.attn_q.weight",
        ] {
            assert_eq!(find(name), None, "{name}");
        }
        assert_eq!(numbers("norm", "norm"), Some(vec![]));
        assert_eq!(numbers("norm", "norms"), None);
        let heads = |name| numbers("{}.norms.{}", name);
        assert_eq!(heads("3.norms.10"), Some(vec![3, 10]));
        assert_eq!(heads("3.norms.1x"), None);
    }
}
