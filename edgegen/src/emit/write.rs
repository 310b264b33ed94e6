//! A crate to disk: whole or not at all.
//!
//! A new crate is built in a temporary sibling and renamed. An existing one is
//! updated in three steps: everything that changes is staged inside it; one
//! rename commits; the staged files are renamed into place, behind a
//! `Cargo.toml` that refuses to build until the last. Interrupted before the
//! commit, the old crate is untouched; after it, the crate does not build and
//! the next emission completes it. Files with equal content are not touched,
//! and files that edgegen did not write never are.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

use super::files::Crate;

/// Lists the files that edgegen wrote, with their SHA-256.
pub(super) const LOCK: &str = "edgegen.lock";
const STAGING: &str = ".edgegen-staging";
const MANIFEST: &str = "Cargo.toml";
const GUARD: &str = "# An emission was interrupted: run the same `edgegen emit` again to complete it.\n\
                     [package]\nname = \"interrupted-emission-run-edgegen-emit-again\"\n";

/// What `write` did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriteReport {
    /// Files created or replaced.
    pub written: usize,
    /// Files that were equal already.
    pub unchanged: usize,
    /// Files of an earlier emission that are no longer part of the crate.
    pub removed: usize,
}

/// Writes the crate to the folder `out`.
///
/// # Errors
///
/// When the folder holds something else, or emitted files that were changed
/// since, unless `force` says to replace those; when the disk refuses.
pub fn write(krate: &Crate, out: &Path, force: bool) -> Result<WriteReport> {
    Writer {
        out,
        steps_left: usize::MAX,
    }
    .write(krate, force)
}

/// The lock's text for these files.
pub(super) fn lock(files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut text = String::from("# Written by edgegen: SHA-256 and path of every file.\n");
    for (path, bytes) in files {
        let _ = writeln!(text, "{} {path}", sha256(bytes));
    }
    text
}

fn sha256(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Writes to one folder; can be made to fail at any step, for the tests.
struct Writer<'a> {
    out: &'a Path,
    steps_left: usize,
}

impl Writer<'_> {
    fn write(mut self, krate: &Crate, force: bool) -> Result<WriteReport> {
        let occupied = match fs::read_dir(self.out) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
            Err(error) => return Err(Error::io("read the folder", self.out, &error)),
        };
        if occupied {
            self.update(krate, force)
        } else {
            self.create(krate)
        }
    }

    fn create(&mut self, krate: &Crate) -> Result<WriteReport> {
        let parent = match self.out.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(|e| Error::io("create the folder", parent, &e))?;
        let temporary = tempfile::Builder::new()
            .prefix(".edgegen-")
            .tempdir_in(parent)
            .map_err(|e| Error::io("create a folder in", parent, &e))?;
        for (path, bytes) in krate.files() {
            self.put(&temporary.path().join(path), bytes)?;
        }
        self.step()?;
        // An empty folder of that name is replaced, which rename does not do everywhere.
        if self.out.exists() {
            fs::remove_dir(self.out).map_err(|e| Error::io("replace", self.out, &e))?;
        }
        self.rename(temporary.path(), self.out)?;
        readable(self.out)?;
        Ok(WriteReport {
            written: krate.files().len(),
            ..WriteReport::default()
        })
    }

    fn update(&mut self, krate: &Crate, force: bool) -> Result<WriteReport> {
        let staging = self.out.join(STAGING);
        if staging.join("commit").exists() {
            self.apply()?;
        } else if staging.exists() {
            self.remove_staging()?;
        }
        let lock_path = self.out.join(LOCK);
        let old = match fs::read_to_string(&lock_path) {
            Ok(text) => parse_lock(&text),
            Err(_) if force => BTreeMap::new(),
            Err(_) => {
                return Err(
                    Error::new("the folder is not empty, and edgegen did not write it")
                        .in_file(self.out)
                        .remedy("give another folder with `--out`, or `--force` to write into it"),
                );
            }
        };

        let mut report = WriteReport::default();
        let mut changed = Vec::new();
        for (path, bytes) in krate.files() {
            match fs::read(self.out.join(path)) {
                Ok(there) if there == *bytes => report.unchanged += 1,
                Ok(there) => {
                    let ours =
                        path == LOCK || old.get(path).is_some_and(|hash| *hash == sha256(&there));
                    if !ours && !force {
                        return Err(Error::new("the file was changed since edgegen wrote it")
                            .in_file(&self.out.join(path))
                            .remedy(
                                "move your change elsewhere, or give `--force` to replace it",
                            ));
                    }
                    changed.push(path.as_str());
                }
                Err(_) => changed.push(path),
            }
        }
        let removed: Vec<&str> = old
            .iter()
            .filter(|(path, hash)| {
                !krate.files().contains_key(*path)
                    && fs::read(self.out.join(path)).is_ok_and(|there| sha256(&there) == **hash)
            })
            .map(|(path, _)| path.as_str())
            .collect();
        report.written = changed.len();
        report.removed = removed.len();
        if changed.is_empty() && removed.is_empty() {
            return Ok(report);
        }
        if !changed.contains(&MANIFEST) {
            // It is replaced by the guard for a moment.
            changed.push(MANIFEST);
        }
        self.stage(krate, &changed, &removed)?;
        self.apply()?;
        Ok(report)
    }

    /// Puts all that changes beside the crate; the last step commits.
    fn stage(&mut self, krate: &Crate, changed: &[&str], removed: &[&str]) -> Result<()> {
        let staging = self.out.join(STAGING);
        let mut plan = String::new();
        for path in changed {
            self.put(&staging.join("files").join(path), &krate.files()[*path])?;
            let _ = writeln!(plan, "put {path}");
        }
        for path in removed {
            let _ = writeln!(plan, "remove {path}");
        }
        self.put(&staging.join("guard"), GUARD.as_bytes())?;
        self.put(&staging.join("plan"), plan.as_bytes())?;
        self.rename(&staging.join("plan"), &staging.join("commit"))
    }

    /// Carries a committed plan out; what was done before an interruption is skipped.
    fn apply(&mut self) -> Result<()> {
        let staging = self.out.join(STAGING);
        let commit = staging.join("commit");
        let plan = fs::read_to_string(&commit).map_err(|e| Error::io("read", &commit, &e))?;
        let staged = |path: &str| staging.join("files").join(path);
        if staging.join("guard").exists() {
            self.rename(&staging.join("guard"), &self.out.join(MANIFEST))?;
        }
        for path in plan.lines().filter_map(|line| line.strip_prefix("put ")) {
            if path != MANIFEST && staged(path).exists() {
                let target = self.out.join(path);
                if let Some(folder) = target.parent() {
                    fs::create_dir_all(folder)
                        .map_err(|e| Error::io("create the folder", folder, &e))?;
                }
                self.rename(&staged(path), &target)?;
            }
        }
        for path in plan.lines().filter_map(|line| line.strip_prefix("remove ")) {
            let target = self.out.join(path);
            if target.exists() {
                self.step()?;
                fs::remove_file(&target).map_err(|e| Error::io("remove", &target, &e))?;
            }
        }
        if staged(MANIFEST).exists() {
            self.rename(&staged(MANIFEST), &self.out.join(MANIFEST))?;
        }
        self.step()?;
        fs::remove_file(&commit).map_err(|e| Error::io("remove", &commit, &e))?;
        self.remove_staging()
    }

    fn remove_staging(&mut self) -> Result<()> {
        self.step()?;
        let staging = self.out.join(STAGING);
        fs::remove_dir_all(&staging).map_err(|e| Error::io("remove", &staging, &e))
    }

    fn put(&mut self, path: &Path, bytes: &[u8]) -> Result<()> {
        self.step()?;
        let write = || {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut file = fs::File::create(path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(|e| Error::io("write", path, &e))
    }

    fn rename(&mut self, from: &Path, to: &Path) -> Result<()> {
        self.step()?;
        fs::rename(from, to).map_err(|e| Error::io("write", to, &e))
    }

    /// Called before each change of the disk.
    fn step(&mut self) -> Result<()> {
        match self.steps_left.checked_sub(1) {
            Some(left) => {
                self.steps_left = left;
                Ok(())
            }
            None => Err(Error::new("interrupted")),
        }
    }
}

/// Temporary folders are their owner's alone; a crate is as any folder.
#[cfg(unix)]
fn readable(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
        .map_err(|e| Error::io("set the permissions of", folder, &e))
}

#[cfg(not(unix))]
fn readable(_: &Path) -> Result<()> {
    Ok(())
}

/// Paths below the crate's folder, with their hashes.
fn parse_lock(text: &str) -> BTreeMap<String, String> {
    let below = |path: &str| {
        PathBuf::from(path)
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)))
    };
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .filter(|(_, path)| below(path))
        .map(|(hash, path)| (path.to_owned(), hash.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn krate(files: &[(&str, &str)]) -> Crate {
        let mut krate = Crate::new();
        for (path, text) in files {
            krate.insert_text(path, (*text).to_owned());
        }
        krate.seal();
        krate
    }

    fn old() -> Crate {
        krate(&[
            ("Cargo.toml", "old"),
            ("src/lib.rs", "a"),
            ("src/gone.rs", "b"),
            ("same", "s"),
        ])
    }

    fn new() -> Crate {
        krate(&[
            ("Cargo.toml", "new"),
            ("src/lib.rs", "c"),
            ("src/more.rs", "d"),
            ("same", "s"),
        ])
    }

    /// Whether the folder holds exactly this crate (and files of the user).
    fn holds(out: &Path, krate: &Crate) -> bool {
        krate
            .files()
            .iter()
            .all(|(path, bytes)| fs::read(out.join(path)).is_ok_and(|there| there == *bytes))
            && (krate.files().contains_key("src/gone.rs") == out.join("src/gone.rs").exists())
            && (krate.files().contains_key("src/more.rs") == out.join("src/more.rs").exists())
    }

    fn interrupted(out: &Path, krate: &Crate, steps: usize) -> Result<WriteReport> {
        Writer {
            out,
            steps_left: steps,
        }
        .write(krate, false)
    }

    #[test]
    fn an_interrupted_creation_leaves_nothing() {
        for steps in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let out = folder.path().join("out");
            if interrupted(&out, &new(), steps).is_ok() {
                assert!(holds(&out, &new()) && steps > new().files().len());
                break;
            }
            assert!(!out.exists());
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn an_interrupted_update_is_old_or_new_or_does_not_build() {
        for steps in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let out = folder.path().join("out");
            write(&old(), &out, false).unwrap();
            fs::write(out.join("mine.txt"), "my own").unwrap();
            let done = interrupted(&out, &new(), steps).is_ok();
            let manifest = fs::read_to_string(out.join("Cargo.toml")).unwrap();
            let consistent = match manifest.as_str() {
                "old" => holds(&out, &old()),
                "new" => holds(&out, &new()),
                guard => guard == GUARD,
            };
            assert!(consistent, "after {steps} steps");
            write(&new(), &out, false).unwrap();
            assert!(holds(&out, &new()), "completed after {steps} steps");
            assert!(!out.join(STAGING).exists());
            assert_eq!(fs::read_to_string(out.join("mine.txt")).unwrap(), "my own");
            if done {
                break;
            }
        }
    }

    #[test]
    fn equal_files_are_left_untouched() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        write(&old(), &out, false).unwrap();
        let modified = |path: &str| fs::metadata(out.join(path)).unwrap().modified().unwrap();
        let (same, manifest) = (modified("same"), modified("Cargo.toml"));
        let report = write(&old(), &out, false).unwrap();
        assert_eq!((report.written, report.removed), (0, 0));
        assert_eq!(modified("Cargo.toml"), manifest);
        let report = write(&new(), &out, false).unwrap();
        assert_eq!(
            report,
            WriteReport {
                written: 4,
                unchanged: 1,
                removed: 1
            }
        );
        assert_eq!(modified("same"), same);
    }

    #[test]
    fn foreign_folders_and_changed_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.txt"), "years of work").unwrap();
        let error = write(&new(), folder.path(), false).unwrap_err().to_string();
        assert!(
            error.contains("not empty") && error.contains("--out"),
            "{error}"
        );

        let out = folder.path().join("out");
        write(&old(), &out, false).unwrap();
        fs::write(out.join("src/lib.rs"), "my change").unwrap();
        let error = write(&new(), &out, false).unwrap_err().to_string();
        assert!(
            error.contains("lib.rs") && error.contains("--force"),
            "{error}"
        );
        assert_eq!(
            fs::read_to_string(out.join("src/lib.rs")).unwrap(),
            "my change"
        );
        write(&new(), &out, true).unwrap();
        assert!(holds(&out, &new()));
    }
}
