//! Where the cache is.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The variable by which the user says so.
pub(crate) const VARIABLE: &str = "EDGEGEN_CACHE";

/// `EDGEGEN_CACHE`, else the first that can be written of: the user's folder for caches, the build
/// script's folder, and the target folder, if the environment names it. An absolute path.
pub(crate) fn folder() -> Option<PathBuf> {
    let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    let path = |name: &str| {
        let path = variable(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    if variable(VARIABLE).is_some() {
        return path(VARIABLE);
    }
    let home = || path("HOME").filter(|home| home.is_dir());
    let users = || {
        if cfg!(windows) {
            path("LOCALAPPDATA")
        } else if cfg!(target_os = "macos") {
            Some(home()?.join("Library").join("Caches"))
        } else {
            path("XDG_CACHE_HOME").or_else(|| Some(home()?.join(".cache")))
        }
    };
    let below = |folder: PathBuf| folder.join("edgegen");
    // In a container of `cross`, the user's folder is `/`, and `/target` is there to be written.
    let candidates = [users(), path("OUT_DIR"), path("CARGO_TARGET_DIR")];
    candidates
        .into_iter()
        .flatten()
        .map(below)
        .find(|folder| can_be_written(folder))
}

fn can_be_written(folder: &Path) -> bool {
    fs::create_dir_all(folder).is_ok() && tempfile::tempfile_in(folder).is_ok()
}
