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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_can_be_written_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("a/b");
        assert!(can_be_written(&new) && new.is_dir());
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(!can_be_written(&folder.path().join("file/b")));
        // Whoever is root may write anywhere, but not make a file there.
        assert!(!Path::new("/proc/self").is_dir() || !can_be_written(Path::new("/proc/self")));
    }
}
