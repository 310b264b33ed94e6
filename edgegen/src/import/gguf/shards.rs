//! A model in several files: `NAME-00001-of-00003.gguf` and so on, as llama.cpp's gguf-split writes
//! them. The first has the metadata, each has some of the tensors.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::Metadata;
use super::file::{self, File};
use crate::error::{Error, Place, Result};
use crate::import::source;
use crate::model::{Tensor, View};

/// The files of the model whose first file this is by its name; this one alone, if it is none.
pub(in crate::import) fn files(path: &Path) -> Vec<PathBuf> {
    match name(path) {
        Some(first) if first.number == 1 => {
            let others = (2..=first.count).filter_map(|number| nth(path, number));
            let others = others.filter(|shard| shard.exists());
            [path.to_owned()].into_iter().chain(others).collect()
        }
        _ => vec![path.to_owned()],
    }
}

/// Adds the tensors of the other files to those of the one at `path`; returns the other files.
pub(super) fn join(path: &Path, first: &mut File) -> Result<Vec<View>> {
    let Some(count) = first.metadata.size(COUNT)?.filter(|&count| count > 1) else {
        return Ok(Vec::new());
    };
    let mut shards = match name(path) {
        Some(found) if found.count == count => 2..=count,
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
        let first = nth(path, 1).map(|first| first.display().to_string());
        return Err(Error::new("this is not the first file of the model")
            .at(NUMBER)
            .remedy(format!("give the first one: {}", first.unwrap_or_default())));
    }
    let views = shards.try_fold(Vec::new(), |mut views, number| {
        let shard = nth(path, number).unwrap_or_default();
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

/// Most files of a model.
const MOST: usize = 99_999;

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
    let file = file::parse(&view)?;
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

/// What a file's name says.
struct Name<'a> {
    stem: &'a str,
    number: usize,
    count: usize,
}

fn name(path: &Path) -> Option<Name<'_>> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".gguf")?;
    let (stem, count) = stem.rsplit_once("-of-")?;
    let (stem, number) = stem.rsplit_once('-')?;
    let parsed = |digits: &str| {
        let number = digits.parse().ok().filter(|number| *number <= MOST)?;
        (format!("{number:05}") == digits).then_some(number)
    };
    Some(Name {
        stem,
        number: parsed(number)?,
        count: parsed(count)?,
    })
}

/// The file beside this one with another number.
fn nth(path: &Path, number: usize) -> Option<PathBuf> {
    let Name { stem, count, .. } = name(path)?;
    Some(path.with_file_name(format!("{stem}-{number:05}-of-{count:05}.gguf")))
}
