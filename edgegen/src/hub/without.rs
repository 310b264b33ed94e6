//! In place of `fetch`, for programs without the feature `hub`.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::progress::Bytes;

use super::Name;

/// Refuses.
///
/// # Errors
///
/// Always.
pub fn fetch(name: &Name, _offline: bool, _progress: Bytes<'_>) -> Result<PathBuf> {
    let error = Error::unsupported("this edgegen was built without what fetches models");
    Err(error.in_file(Path::new(&name.to_string())).remedy(
        "build it with the feature `hub`, which is a default; or fetch the files by other means, and give their path",
    ))
}
