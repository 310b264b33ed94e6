//! What the environment says of the hub: the variables of the Python package `huggingface_hub`.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::small_file;

const ENDPOINT: &str = "https://huggingface.co";

/// Longest file of a token, in bytes.
const MOST_TOKEN: u64 = 1 << 12;

/// Where the hub is, where its files are kept, and who asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Environment {
    /// `HF_ENDPOINT`: the beginning of all addresses, without a slash at its end.
    pub(super) endpoint: String,
    /// `HF_HUB_CACHE`, else `hub` in `HF_HOME`.
    pub(super) cache: PathBuf,
    /// `HF_TOKEN`, else what is in the file `token` in `HF_HOME`.
    pub(super) token: Option<String>,
    /// `HF_HUB_OFFLINE`: whether nothing may be asked of the hub.
    pub(super) offline: bool,
}

impl Environment {
    /// The environment of this process.
    ///
    /// # Errors
    ///
    /// When there is no folder for the cache, or the token cannot be read.
    pub(super) fn read() -> Result<Self> {
        Self::of(|name| env::var_os(name), env::home_dir())
    }

    fn of(variable: impl Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> Result<Self> {
        let variable = |name| variable(name).filter(|value: &OsString| !value.is_empty());
        let text = |name| Some(variable(name)?.to_string_lossy().trim().to_owned());
        let path = |name| variable(name).map(PathBuf::from);
        let folder = || {
            let caches = path("XDG_CACHE_HOME").or_else(|| Some(home?.join(".cache")));
            path("HF_HOME").or_else(|| Some(caches?.join("huggingface")))
        };
        let folder = folder().ok_or_else(|| {
            Error::of(Kind::Io, "there is no folder for what the hub gives")
                .remedy("set HF_HOME to one")
        })?;
        let token = match text("HF_TOKEN") {
            None => stored(&path("HF_TOKEN_PATH").unwrap_or_else(|| folder.join("token")))?,
            token => token,
        };
        let endpoint = text("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        let offline = text("HF_HUB_OFFLINE").map(|value| value.to_uppercase());
        Ok(Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            cache: path("HF_HUB_CACHE").unwrap_or_else(|| folder.join("hub")),
            token: token.filter(|token| !token.is_empty()),
            offline: matches!(offline.as_deref(), Some("1" | "ON" | "YES" | "TRUE")),
        })
    }
}

/// The token in a file, if there is one.
fn stored(file: &Path) -> Result<Option<String>> {
    if !file.is_file() {
        return Ok(None);
    }
    let token = small_file::read_text("the token", file, MOST_TOKEN)?;
    Ok(Some(token.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Environment {
        let variable = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Environment::of(variable, Some("/home/a".into())).unwrap()
    }

    #[test]
    fn every_variable_has_its_effect() {
        let usual = of(&[]);
        assert_eq!(usual.endpoint, ENDPOINT);
        assert_eq!(usual.cache, Path::new("/home/a/.cache/huggingface/hub"));
        assert_eq!((usual.token.as_deref(), usual.offline), (None, false));
        let cache = |variables: &[(&str, &str)]| of(variables).cache;
        assert_eq!(
            cache(&[("XDG_CACHE_HOME", "/x")]),
            Path::new("/x/huggingface/hub")
        );
        let home = ("HF_HOME", "/h");
        assert_eq!(
            cache(&[home, ("XDG_CACHE_HOME", "/x")]),
            Path::new("/h/hub")
        );
        assert_eq!(cache(&[home, ("HF_HUB_CACHE", "/c")]), Path::new("/c"));
        let endpoint = of(&[("HF_ENDPOINT", "http://localhost:1/a/")]).endpoint;
        assert_eq!(endpoint, "http://localhost:1/a");
        assert_eq!(
            of(&[("HF_TOKEN", " secret\n")]).token.as_deref(),
            Some("secret")
        );
        for (value, offline) in [("1", true), ("true", true), ("0", false), ("", false)] {
            assert_eq!(of(&[("HF_HUB_OFFLINE", value)]).offline, offline, "{value}");
        }
    }

    #[test]
    fn a_token_may_be_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap();
        assert_eq!(of(&[("HF_HOME", home)]).token, None);
        std::fs::write(folder.path().join("token"), "stored\n").unwrap();
        assert_eq!(of(&[("HF_HOME", home)]).token.as_deref(), Some("stored"));
        let both = of(&[("HF_HOME", home), ("HF_TOKEN", "given")]);
        assert_eq!(both.token.as_deref(), Some("given"));
        let other = folder.path().join("other");
        std::fs::write(&other, "third").unwrap();
        let other = ("HF_TOKEN_PATH", other.to_str().unwrap());
        assert_eq!(of(&[other]).token.as_deref(), Some("third"));
    }
}
