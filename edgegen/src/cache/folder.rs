//! Where the cache is.

use std::env;
use std::path::PathBuf;

/// The variable by which the user says so.
pub(crate) const VARIABLE: &str = "EDGEGEN_CACHE";

/// `EDGEGEN_CACHE`, else the user's folder for caches, else that of the build script, if there is any
/// of these: an absolute path.
pub(crate) fn folder() -> Option<PathBuf> {
    let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    let path = |name: &str| variable(name).map(PathBuf::from);
    let home = || path("HOME").filter(|home| home.is_dir());
    let users = || {
        if cfg!(windows) {
            path("LOCALAPPDATA")
        } else if cfg!(target_os = "macos") {
            Some(home()?.join("Library").join("Caches"))
        } else {
            let given = path("XDG_CACHE_HOME").filter(|path| path.is_absolute());
            given.or_else(|| Some(home()?.join(".cache")))
        }
    };
    path(VARIABLE)
        .or_else(|| Some(users()?.join("edgegen")))
        .or_else(|| Some(path("OUT_DIR")?.join("edgegen-cache")))
        .filter(|folder| folder.is_absolute())
}
