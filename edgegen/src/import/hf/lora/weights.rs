//! `adapter_model.safetensors`: what an adapter does to each tensor of a model.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;

use crate::error::{Error, Place, Result};
use crate::model::{Tensor, View};

use super::super::weights::file;
use super::{MERGE, from_values, not_finite};

/// What is done to one tensor.
pub(super) struct Change {
    /// A tensor in its place, of a module that was trained whole.
    pub(super) whole: Option<Tensor>,
    /// What is added.
    pub(super) low_rank: Option<LowRank>,
}

/// Two matrices, of which the product is added: `b` is `[rows, rank]`, `a` is `[rank, cols]`.
pub(super) struct LowRank {
    a: Tensor,
    pub(super) b: Tensor,
}

impl LowRank {
    pub(super) fn rank(&self) -> usize {
        self.a.rows()
    }

    /// Rows and columns of the product.
    pub(super) fn shape(&self) -> (usize, usize) {
        (self.b.rows(), self.a.cols())
    }

    /// `scale * B * A`, in F32; sums in f64.
    ///
    /// # Errors
    /// When there are more elements than memory has addresses for.
    pub(super) fn product(&self, scale: f64) -> Result<Tensor> {
        let (rows, cols) = self.shape();
        let [a, b] = [&self.a, &self.b].map(Tensor::values);
        let mut product = vec![0.0; rows * cols];
        let rows_of_both = product.par_chunks_mut(cols).zip(b.par_chunks(self.rank()));
        rows_of_both.for_each(|(out, b)| {
            let mut sums = vec![0.0; cols];
            for (&b, a) in b.iter().zip(a.chunks_exact(cols)) {
                for (sum, &a) in sums.iter_mut().zip(a) {
                    *sum += f64::from(b) * f64::from(a);
                }
            }
            out.iter_mut()
                .zip(sums)
                .for_each(|(out, sum)| *out = (scale * sum) as f32);
        });
        from_values(self.b.name(), rows, cols, &product)
    }
}

/// What a tensor of an adapter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Whole,
    A,
    B,
    /// Of an embedding, both have rows for columns.
    EmbeddingA,
    EmbeddingB,
}

/// The changes, by Hugging Face's names of the model's tensors.
///
/// # Errors
/// When a name or a shape is none of PEFT's, a tensor is without the other, and when a value is not
/// finite.
pub(super) fn read(path: &Path, view: &View) -> Result<BTreeMap<String, Change>> {
    let mut found: BTreeMap<String, BTreeMap<Part, Tensor>> = BTreeMap::new();
    for stored in file(path, view)? {
        let place = Place::tensor(&stored.name);
        let Some((name, part)) = parse(&stored.name) else {
            let problem = "an adapter has this tensor that is more than LoRA";
            return Err(Error::unsupported(problem).at(place).remedy(MERGE));
        };
        let tensor = stored.plain()?;
        if let Some(at) = tensor.find_non_finite() {
            return Err(not_finite(&tensor, at.row, at.col));
        }
        if found
            .entry(name)
            .or_default()
            .insert(part, tensor)
            .is_some()
        {
            return Err(Error::new("the adapter changes the same tensor twice")
                .at(place)
                .remedy("save each adapter in a folder of its own"));
        }
    }
    if found.is_empty() {
        return Err(Error::new("the adapter has no tensors").remedy("fetch the file again"));
    }
    let changes = found.into_iter().map(|(name, parts)| {
        let change = change(parts).map_err(|error| error.at(Place::tensor(&name)))?;
        Ok((name, change))
    });
    changes.collect()
}

fn change(mut parts: BTreeMap<Part, Tensor>) -> Result<Change> {
    let whole = parts.remove(&Part::Whole);
    let pair = |parts: &mut BTreeMap<Part, Tensor>, a, b| match (parts.remove(&a), parts.remove(&b))
    {
        (None, None) => Ok(None),
        (Some(a), Some(b)) => Ok(Some((a, b))),
        _ => Err(Error::new("one of lora_A and lora_B is missing").remedy("fetch the file again")),
    };
    let matrices = pair(&mut parts, Part::A, Part::B)?;
    let low_rank = match (
        matrices,
        pair(&mut parts, Part::EmbeddingA, Part::EmbeddingB)?,
    ) {
        (None, None) => None,
        (Some((a, b)), None) => Some(LowRank { a, b }),
        (None, Some((a, b))) => Some(LowRank {
            a: b.transposed()?,
            b: a.transposed()?,
        }),
        (Some(_), Some(_)) => {
            let problem = "the adapter changes it as a matrix and as an embedding";
            return Err(Error::new(problem).remedy("fetch the file again"));
        }
    };
    if let Some(LowRank { a, b }) = &low_rank
        && a.rows() != b.cols()
    {
        let problem = format!("lora_A has the rank {}, lora_B {}", a.rows(), b.cols());
        return Err(Error::new(problem).remedy("fetch the file again"));
    }
    Ok(Change { whole, low_rank })
}

/// The model's tensor that a tensor of an adapter is about, with the adapter's own name in it or
/// without: `base_model.model.` + module + `.lora_A.weight`, `.lora_A.default.weight` and so on.
fn parse(name: &str) -> Option<(String, Part)> {
    const PREFIX: &str = "base_model.model.";
    const LOW_RANK: [(&str, &str, Part); 4] = [
        (".lora_embedding_A", "", Part::EmbeddingA),
        (".lora_embedding_B", "", Part::EmbeddingB),
        (".lora_A", ".weight", Part::A),
        (".lora_B", ".weight", Part::B),
    ];
    // A module that was trained whole, and what another change of the same module is on top of.
    const WRAPPERS: [&str; 2] = [".modules_to_save", ".base_layer"];
    let name = name.strip_prefix(PREFIX)?;
    let own_name = |between: &str| match between.strip_prefix('.') {
        Some(adapter) => !adapter.contains('.'),
        None => between.is_empty(),
    };
    for (mark, end, part) in LOW_RANK {
        if let Some((module, rest)) = name.split_once(mark) {
            let between = rest.strip_suffix(end)?;
            return own_name(between).then(|| (format!("{module}.weight"), part));
        }
    }
    if name.contains(".lora_") {
        return None;
    }
    for wrapper in WRAPPERS {
        if let Some((module, rest)) = name.split_once(wrapper) {
            let (between, parameter) = rest.rsplit_once('.')?;
            return own_name(between).then(|| (format!("{module}.{parameter}"), Part::Whole));
        }
    }
    Some((name.to_owned(), Part::Whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_with_the_adapters_own_and_without() {
        let parsed = |name: &str| parse(&format!("base_model.model.{name}"));
        for (name, tensor, part) in [
            ("a.q.lora_A.weight", "a.q.weight", Part::A),
            ("a.q.lora_B.default.weight", "a.q.weight", Part::B),
            ("e.lora_embedding_A", "e.weight", Part::EmbeddingA),
            ("e.lora_embedding_B.mine", "e.weight", Part::EmbeddingB),
            ("head.weight", "head.weight", Part::Whole),
            (
                "head.modules_to_save.default.bias",
                "head.bias",
                Part::Whole,
            ),
            ("e.base_layer.weight", "e.weight", Part::Whole),
        ] {
            assert_eq!(parsed(name), Some((tensor.to_owned(), part)), "{name}");
        }
        for name in [
            "a.q.lora_A.bias",
            "a.q.lora_A.b.c.weight",
            "a.q.lora_Abc.weight",
            "a.q.lora_magnitude_vector",
        ] {
            assert_eq!(parsed(name), None, "{name}");
        }
        assert_eq!(parse("a.q.lora_A.weight"), None);
    }
}
