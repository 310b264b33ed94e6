//! What is in the cache already.

use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::hub::Name;
use crate::hub::name::is_commit;
use crate::import::{WEIGHTS, WEIGHTS_INDEX, files_beside, weight_files};

use super::choice::{Choice, choose, named};
use super::repository::Repository;

/// What the cache has, where the hub cannot be asked.
///
/// # Errors
///
/// When something is missing or damaged, and when it has several models.
pub(super) fn cached(name: &Name, repository: &Repository) -> Result<PathBuf> {
    let missing = |what: &str| {
        Error::of(Kind::Io, format!("{what} is not in the hub's cache"))
            .remedy("fetch it once with the network, without `--offline` and HF_HUB_OFFLINE")
    };
    let commit = repository.commit(name.revision())?;
    let commit = commit.ok_or_else(|| missing("the model"))?;
    let snapshot = repository.snapshot(&commit);
    let choice = match named(name)? {
        Some(files) => Choice::Files(files),
        None => {
            let choice = choose(&repository.files(&commit)?, name);
            choice.map_err(|error| match error.kind() {
                Kind::Option => error,
                _ => missing("a file of the model"),
            })?
        }
    };
    let (path, lacking) = match choice {
        Choice::Files(files) => (snapshot.join(&files[0]), lacking(&snapshot, files)),
        Choice::Folder => {
            let lacking = lacking(&snapshot, weight_files(&snapshot)?);
            (snapshot, lacking)
        }
    };
    lacking.map_or(Ok(path), |file| Err(missing(&file)))
}

/// What a name leads to without a question, since it names a commit, and all of that is there.
///
/// # Errors
///
/// When the index of the weights is damaged, and when the name gives a file that is not its model's
/// first.
pub(super) fn complete(name: &Name, repository: &Repository) -> Result<Option<PathBuf>> {
    let commit = name.revision();
    if !is_commit(commit) {
        return Ok(None);
    }
    let snapshot = repository.snapshot(commit);
    if let Some(files) = named(name)? {
        let path = snapshot.join(&files[0]);
        return Ok(lacking(&snapshot, files).is_none().then_some(path));
    }
    let is_there = |file: &str| snapshot.join(file).is_file();
    let beside = files_beside(is_there);
    let all = beside.iter().all(|file| repository.is_known(commit, file))
        && [WEIGHTS, WEIGHTS_INDEX].into_iter().any(is_there)
        && lacking(&snapshot, weight_files(&snapshot)?).is_none();
    Ok(all.then_some(snapshot))
}

/// The first of these files that a folder lacks.
fn lacking(folder: &Path, files: Vec<String>) -> Option<String> {
    let mut files = files.into_iter();
    files.find(|file| !folder.join(file).is_file())
}
