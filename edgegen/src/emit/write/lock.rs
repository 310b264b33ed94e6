//! `edgegen.lock`: which files edgegen wrote, and their hashes.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::cache::sha256;
use crate::emit::Crate;
use crate::error::{Error, Kind, Remedy, Result, Setting};

use super::{check_path, read};

/// The lock's name.
pub(super) const LOCK: &str = "edgegen.lock";

const HEADER: &str = "# Files that edgegen wrote. `sha256sum -c edgegen.lock` checks them.";

/// SHA-256 in hexadecimal by path; in the file, one line each as `sha256sum` writes it.
#[derive(Default)]
pub(super) struct Lock(BTreeMap<String, String>);

impl Lock {
    /// The lock of a crate.
    pub(super) fn new(krate: &Crate) -> Self {
        let files = krate.files().iter();
        Self(
            files
                .map(|(path, bytes)| (path.clone(), sha256(bytes)))
                .collect(),
        )
    }

    /// The lock in a folder; empty if there is none.
    pub(super) fn read(out: &Path) -> Result<Self> {
        let file = out.join(LOCK);
        let Some(bytes) = read(&file)? else {
            return Ok(Self::default());
        };
        let text = String::from_utf8_lossy(&bytes);
        let mut files = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            if line.starts_with('#') {
                continue;
            }
            match line.split_once("  ") {
                Some((hash, path)) if check_path(path).is_ok() => {
                    files.insert(path.to_owned(), hash.to_owned());
                }
                _ => {
                    return Err(Error::new("no hash and path")
                        .in_file(&file)
                        .at(format!("line {}", index + 1))
                        .remedy(
                            Remedy::from("delete the lock and emit with ")
                                .set(Setting::on("force")),
                        ));
                }
            }
        }
        Ok(Self(files))
    }

    /// The files that edgegen wrote.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Refuses a file that is not as edgegen wrote it.
    pub(super) fn check(&self, out: &Path, path: &str, found: &[u8]) -> Result<()> {
        let problem = match self.0.get(path) {
            Some(written) if *written == sha256(found) => return Ok(()),
            Some(_) => "the file was changed after edgegen wrote it",
            None => "edgegen did not write this file, and the crate has one of that name",
        };
        Err(Error::of(Kind::Option, problem)
            .in_file(&out.join(path))
            .remedy(
                Remedy::from("move it away")
                    .or(super::another_folder())
                    .or(Remedy::from("replace it with ").set(Setting::on("force"))),
            ))
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        self.0
            .iter()
            .try_for_each(|(path, hash)| writeln!(f, "{hash}  {path}"))
    }
}
