//! Safetensors: one file, or shards with an index.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorInfo};
use serde::Deserialize;

use crate::error::{Error, Place, Result};
use crate::import::json;
use crate::model::{DType, Tensor, View};

use super::Folder;
use super::folder::{WEIGHTS, WEIGHTS_INDEX};

/// `model.safetensors.index.json`.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Index {
    /// The index in a folder.
    fn read(folder: Folder<'_>) -> Result<(Self, View)> {
        let view = folder.open(WEIGHTS_INDEX)?.ok_or_else(|| {
            Error::unsupported(format!("the folder has neither {WEIGHTS} nor {WEIGHTS_INDEX}"))
                .in_file(&folder.root())
                .remedy("fetch the safetensors files; PyTorch's .bin files are not read: `save_pretrained` of \
                         transformers writes safetensors from them")
        })?;
        let path = folder.path(WEIGHTS_INDEX);
        let index: Self = json::read_small(view.bytes()).map_err(|error| {
            Error::new(format!("not an index of shards: {error}"))
                .in_file(&path)
                .remedy("fetch the file again")
        })?;
        // A shard lies in the folder; a path could point anywhere.
        let is_name =
            |name: &str| !name.contains(['/', '\\', '\0']) && name.ends_with(".safetensors");
        if let Some(name) = index.files().into_iter().find(|name| !is_name(name)) {
            return Err(
                Error::new(format!("{name:?} is no name of a safetensors file"))
                    .in_file(&path)
                    .at("weight_map")
                    .remedy("fetch the file again"),
            );
        }
        Ok((index, view))
    }

    /// The shards.
    fn files(&self) -> BTreeSet<&str> {
        self.weight_map.values().map(String::as_str).collect()
    }
}

/// The files that a folder's weights are in.
#[cfg(feature = "hub")]
pub(crate) fn files(folder: &Path) -> Result<Vec<String>> {
    let folder = Folder::OnDisk(folder);
    if folder.open(WEIGHTS)?.is_some() {
        return Ok(vec![WEIGHTS.to_owned()]);
    }
    let (index, _) = Index::read(folder)?;
    Ok(index.files().into_iter().map(str::to_owned).collect())
}

/// All tensors of a folder; adds the files to `sources`.
pub(super) fn read(folder: Folder<'_>, sources: &mut Vec<View>) -> Result<Vec<Stored>> {
    if let Some(view) = folder.open(WEIGHTS)? {
        let tensors = file(&folder.path(WEIGHTS), &view)?;
        sources.push(view);
        return Ok(tensors);
    }
    let (index, view) = Index::read(folder)?;
    sources.push(view);
    shards(folder, &index, sources)
}

fn shards(folder: Folder<'_>, index: &Index, sources: &mut Vec<View>) -> Result<Vec<Stored>> {
    let mut tensors = Vec::new();
    for name in index.files() {
        let shard = folder.path(name);
        let view = folder.open(name)?.ok_or_else(|| {
            Error::new("the index names this shard, and it is not there")
                .in_file(&shard)
                .remedy("fetch all shards again")
        })?;
        for tensor in file(&shard, &view)? {
            if index.weight_map.get(&tensor.name).map(String::as_str) != Some(name) {
                return Err(Error::new("the index does not place this tensor here")
                    .in_file(&shard)
                    .at(Place::tensor(&tensor.name))
                    .remedy("index and shards are of different models; fetch all again"));
            }
            tensors.push(tensor);
        }
        sources.push(view);
    }
    if tensors.len() != index.weight_map.len() {
        let found: BTreeSet<&str> = tensors.iter().map(|tensor| &*tensor.name).collect();
        let missing = index
            .weight_map
            .keys()
            .find(|n| !found.contains(n.as_str()));
        return Err(Error::new("the tensor is in the index but in no shard")
            .in_file(&folder.path(WEIGHTS_INDEX))
            .at(missing.map_or_else(|| "weight_map".into(), |name| Place::tensor(name)))
            .remedy("fetch all shards again"));
    }
    Ok(tensors)
}

/// The tensors of one file. The library checks the header, lengths and overlaps.
pub(super) fn file(path: &Path, view: &View) -> Result<Vec<Stored>> {
    let bytes = view.bytes();
    SafeTensors::deserialize(bytes)
        .and_then(|_| SafeTensors::read_metadata(bytes))
        .map_err(|error| {
            Error::new(format!("not a valid safetensors file: {error}"))
                .at("header")
                .remedy("the file is truncated or damaged; fetch it again")
        })
        .and_then(|(header, metadata)| {
            let tensors: BTreeMap<_, _> = metadata.tensors().into_iter().collect();
            tensors
                .into_iter()
                .map(|(name, info)| Stored::new(path, name, info, view, 8 + header))
                .collect()
        })
        .map_err(|error| error.in_file(path))
}

/// A tensor as safetensors has it: of any type and number of dimensions.
pub(super) struct Stored {
    pub file: PathBuf,
    pub name: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub data: View,
}

impl Stored {
    fn new(
        file: &Path,
        name: String,
        info: &TensorInfo,
        view: &View,
        start: usize,
    ) -> Result<Self> {
        let (from, to) = info.data_offsets;
        let data = start
            .checked_add(from)
            .zip(start.checked_add(to))
            .and_then(|(from, to)| view.slice(from..to))
            .ok_or_else(|| {
                Error::new("the data reach beyond the file's end")
                    .at(Place::tensor(&name))
                    .remedy("the file is truncated; fetch it again")
            })?;
        Ok(Self {
            file: file.to_owned(),
            name,
            dtype: info.dtype,
            shape: info.shape.clone(),
            data,
        })
    }

    /// What is wrong with it, and where it is.
    pub(super) fn error(&self, problem: impl Into<String>) -> Error {
        Error::unsupported(problem)
            .in_file(&self.file)
            .at(Place::tensor(&self.name))
    }

    /// Numbers, by the type in which a [`Tensor`] has them.
    ///
    /// # Errors
    /// When it holds others, or is no matrix or vector.
    pub(super) fn plain(self) -> Result<Tensor> {
        let (rows, cols) = match self.shape[..] {
            [cols] => (1, cols),
            [rows, cols] => (rows, cols),
            _ => {
                let problem = format!("the shape {:?} is no matrix", self.shape);
                return Err(self.error(problem).remedy("use a dense language model"));
            }
        };
        self.numbers(rows, cols)
    }

    /// As [`Self::plain`], in this shape.
    ///
    /// # Errors
    /// When it holds other types, or so many numbers are not there.
    pub(super) fn numbers(self, rows: usize, cols: usize) -> Result<Tensor> {
        let dtype = match self.dtype {
            Dtype::F32 => DType::F32,
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::BF16,
            other => {
                return Err(self
                    .error(format!("the type {other:?} is not supported"))
                    .remedy("save the model in F32, F16 or BF16"));
            }
        };
        let tensor = Tensor::new(self.name, rows, cols, dtype, self.data);
        tensor.map_err(|error| error.in_file(&self.file))
    }
}
