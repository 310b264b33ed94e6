//! Opens files.

use std::fs::{self, File};
use std::path::Path;

use memmap2::Mmap;

use crate::error::{Error, Result};
use crate::model::View;

/// The contents of a file: mapped, or read where it cannot be mapped.
pub(super) fn open(path: &Path) -> Result<View> {
    let failed = |action| move |error| Error::io(action, path, &error);
    let file = File::open(path).map_err(failed("open the file"))?;
    // SAFETY: the map is only read, as plain bytes without invariants. A process that
    // shortens the file meanwhile can end this one with a signal, as with any mapped file;
    // the command reads a model for seconds and says so in its documentation.
    match unsafe { Mmap::map(&file) } {
        Ok(map) => Ok(View::new(map)),
        Err(_) => fs::read(path)
            .map(View::new)
            .map_err(failed("read the file")),
    }
}

/// The file's name without its extension, to call a model by when it has no name.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(
        || "model".to_owned(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}
