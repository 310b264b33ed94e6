//! Opens files.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use memmap2::Mmap;

use super::foreign;
use crate::error::{Error, Kind, Result};
use crate::model::View;

/// The contents of a file: mapped, or read where it cannot be mapped.
pub(super) fn open(path: &Path) -> Result<View> {
    let failed = |action| move |error| Error::io(action, path, &error);
    // Opening a pipe would wait for who writes into it.
    let length = match path.metadata().map_err(failed("open the file"))? {
        metadata if metadata.is_file() => metadata.len(),
        _ => return Err(no_file(path)),
    };
    let file = File::open(path).map_err(failed("open the file"))?;
    // SAFETY: the map is only read, as plain bytes without invariants. A process that
    // shortens the file meanwhile can end this one with a signal, as with any mapped file;
    // the command reads a model for seconds and says so in its documentation.
    match unsafe { Mmap::map(&file) } {
        Ok(map) => Ok(View::new(map)),
        Err(_) => {
            let mut bytes = Vec::new();
            let read = file.take(length).read_to_end(&mut bytes);
            read.map_err(failed("read the file"))?;
            Ok(View::new(bytes))
        }
    }
}

/// As [`open`], of a file that something else may stand in the place of where a download went wrong.
pub(super) fn whole(path: &Path) -> Result<View> {
    let view = open(path)?;
    match foreign::not_fetched(view.bytes()) {
        Some(error) => Err(error.in_file(path)),
        None => Ok(view),
    }
}

/// Whether there is a file.
///
/// # Errors
///
/// When there is something else of that name: it is not as good as nothing.
pub(super) fn is_file(path: &Path) -> Result<bool> {
    if path.is_file() {
        return Ok(true);
    }
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("look at the file", path, &error)),
        Ok(_) => Err(no_file(path)),
    }
}

fn no_file(path: &Path) -> Error {
    Error::of(Kind::Io, "this is not a file, or a link that leads to none")
        .in_file(path)
        .remedy("put the file itself there")
}

/// The file's name without its extension, to call a model by when it has no name.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(
        || "model".to_owned(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}
