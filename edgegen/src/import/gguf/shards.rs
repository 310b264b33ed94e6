//! A model in several files, as llama.cpp's gguf-split writes them. The first has the metadata,
//! each has some of the tensors.

use std::collections::HashSet;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use super::file::{self, File};
use super::{Metadata, ShardName};
use crate::error::{Error, Kind, Place, Result};
use crate::import::source;
use crate::model::{Tensor, View};

/// The files of the model whose first file this is by its name; this one alone, if it is none.
pub(in crate::import) fn files(path: &Path) -> Vec<PathBuf> {
    match name(path) {
        Some(first) if first.number == 1 => {
            let all = first.all().map(|name| path.with_file_name(name));
            all.filter(|shard| shard.exists()).collect()
        }
        _ => vec![path.to_owned()],
    }
}

/// Adds the tensors of the other files to those of the one at `path`; returns the other files.
pub(super) fn join(path: &Path, first: &mut File) -> Result<Vec<View>> {
    let Some(count) = first.metadata.size(COUNT)?.filter(|&count| count > 1) else {
        return Ok(Vec::new());
    };
    let name = match name(path) {
        Some(name) if name.count == count => name,
        _ => {
            let problem =
                format!("the model is split over {count} files, which this name is not of");
            let names = format!("model-00001-of-{count:05}.gguf");
            return Err(Error::new(problem).at(COUNT).remedy(format!(
                "give all files the names that they had, as {names}"
            )));
        }
    };
    if first.metadata.size(NUMBER)? != Some(0) {
        let first = path.with_file_name(name.nth(1));
        return Err(not_first(first.display()).at(NUMBER));
    }
    let views = (2..=count).try_fold(Vec::new(), |mut views, number| {
        let shard = path.with_file_name(name.nth(number));
        let view = read(&shard, number, count, &mut first.tensors);
        views.push(view.map_err(|error| error.in_file(&shard))?);
        Ok::<_, Error>(views)
    })?;
    check(&first.metadata, &first.tensors)?;
    Ok(views)
}

const NUMBER: &str = "split.no";
const COUNT: &str = "split.count";
const TENSORS: &str = "split.tensors.count";

/// Reads the tensors of the file with this number, from 1.
fn read(shard: &Path, number: usize, count: usize, tensors: &mut Vec<Tensor>) -> Result<View> {
    if !source::is_file(shard)? {
        return Err(
            Error::new("the model is split, and this file of it is not there")
                .remedy("fetch all files into one folder"),
        );
    }
    let view = source::open(shard)?;
    if !super::recognise(view.bytes()) {
        return Err(
            Error::new("this file of a split model is no GGUF file").remedy("fetch the file again")
        );
    }
    let file = file::parse(&view, |_| Ok(()))?;
    for (key, expected) in [(NUMBER, number - 1), (COUNT, count)] {
        let found = file.metadata.required(key, file.metadata.size(key)?)?;
        if found != expected {
            return Err(
                Error::new(format!("it is {found}, the name makes it {expected}"))
                    .at(key)
                    .remedy("the files are of different models, or renamed; fetch all again"),
            );
        }
    }
    tensors.extend(file.tensors);
    Ok(view)
}

/// All tensors are there, and none twice.
fn check(metadata: &Metadata, tensors: &[Tensor]) -> Result<()> {
    let mut seen = HashSet::new();
    if let Some(twice) = tensors.iter().find(|tensor| !seen.insert(tensor.name())) {
        return Err(Error::new("two files of the model have this tensor")
            .at(Place::tensor(twice.name()))
            .remedy("the files are of different models; fetch all again"));
    }
    match metadata.size(TENSORS)? {
        Some(count) if count != tensors.len() => Err(Error::new(format!(
            "the files have {} tensors together, this key says {count}",
            tensors.len()
        ))
        .at(TENSORS)
        .remedy("the files are of different models; fetch all again")),
        _ => Ok(()),
    }
}

/// What the name of a file says, if it is one of several.
fn name(path: &Path) -> Option<ShardName<'_>> {
    ShardName::parse(path.file_name()?.to_str()?)
}

/// Refuses a file that is not the `first` of its model.
pub(crate) fn not_first(first: impl Display) -> Error {
    Error::of(Kind::Option, "this is not the first file of the model")
        .remedy(format!("give the first one: {first}"))
}
