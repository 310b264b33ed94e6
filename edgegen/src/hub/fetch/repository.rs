//! A repository in the cache: contents by their hash in `blobs`, and links to them, by commit and
//! file, in `snapshots`; `refs` has the commits of branches and tags, `.no_exist` marks files that a
//! commit has not.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::small_file;

use super::listing::Hash;
use crate::hub::Name;
use crate::hub::layout::{BETWEEN, KIND, SNAPSHOTS};
use crate::hub::name::is_commit;

/// Sizes of files, by path.
pub(super) type Sizes = BTreeMap<String, u64>;

/// Longest file of a commit, in bytes.
const MOST_REF: u64 = 256;

/// A model's folder in the cache.
pub(super) struct Repository {
    folder: PathBuf,
    locks: PathBuf,
}

impl Repository {
    /// The model's repository in a cache.
    pub(super) fn new(cache: &Path, name: &Name) -> Self {
        let folder = format!("{KIND}{}{BETWEEN}{}", name.owner, name.model);
        Self {
            locks: cache.join(".locks").join(&folder),
            folder: cache.join(folder),
        }
    }

    /// The folder of a commit's files.
    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join(SNAPSHOTS).join(commit)
    }

    /// Where a content is.
    pub(super) fn blob(&self, hash: &Hash) -> PathBuf {
        self.folder.join("blobs").join(hash.as_str())
    }

    /// The commit of a revision, as far as it is known.
    ///
    /// # Errors
    ///
    /// When the cache says what is no commit.
    pub(super) fn commit(&self, revision: &str) -> Result<Option<String>> {
        if is_commit(revision) {
            return Ok(Some(revision.to_owned()));
        }
        let file = self.reference(revision);
        if !file.is_file() {
            return Ok(None);
        }
        let text = small_file::read_text("the commit", &file, MOST_REF)?;
        let commit = text.trim();
        match is_commit(commit) {
            true => Ok(Some(commit.to_owned())),
            false => Err(Error::new("this is no commit")
                .in_file(&file)
                .remedy("delete the file, and fetch the model again")),
        }
    }

    /// Keeps the commit of a revision.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(super) fn set_commit(&self, revision: &str, commit: &str) -> Result<()> {
        if is_commit(revision) {
            return Ok(());
        }
        put(&self.reference(revision), |new| fs::write(new, commit))
    }

    fn reference(&self, revision: &str) -> PathBuf {
        self.folder.join("refs").join(revision)
    }

    /// Marks a file that a commit has not.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(super) fn set_absent(&self, commit: &str, path: &str) -> Result<()> {
        let mark = self.absence(commit, path);
        match mark.is_file() {
            true => Ok(()),
            false => put(&mark, |new| fs::write(new, "")),
        }
    }

    /// Whether a file is there, or it is known that the commit has none of that name.
    pub(super) fn is_known(&self, commit: &str, path: &str) -> bool {
        self.snapshot(commit).join(path).is_file() || self.absence(commit, path).is_file()
    }

    fn absence(&self, commit: &str, path: &str) -> PathBuf {
        self.folder.join(".no_exist").join(commit).join(path)
    }

    /// Waits until no other process, of edgegen or Python, fetches this content; others wait while the
    /// file is open. Where there are no such locks, it promises nothing.
    ///
    /// # Errors
    ///
    /// When the lock's file cannot be written.
    pub(super) fn lock(&self, hash: &Hash) -> Result<File> {
        create_dir_all(&self.locks)?;
        let path = self.locks.join(format!("{}.lock", hash.as_str()));
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(|error| Error::output("lock", &path, &error))?;
        let _ = file.lock();
        Ok(file)
    }

    /// Puts a content in a commit's place of that path.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(super) fn link(&self, commit: &str, path: &str, hash: &Hash) -> Result<()> {
        let pointer = self.snapshot(commit).join(path);
        let blob = self.blob(hash);
        // Up from the file's folder to the repository's.
        let mut target: PathBuf = path.split('/').map(|_| "..").collect();
        target.extend(["..", "blobs", hash.as_str()]);
        put(&pointer, |new| {
            symlink(&target, new)
                .or_else(|_| fs::hard_link(&blob, new))
                .or_else(|_| fs::copy(&blob, new).map(|_| ()))
        })
    }

    /// The files of a commit that are there.
    ///
    /// # Errors
    ///
    /// When a folder cannot be listed.
    pub(super) fn files(&self, commit: &str) -> Result<Sizes> {
        let mut files = Sizes::new();
        let snapshot = self.snapshot(commit);
        if snapshot.is_dir() {
            list(&snapshot, "", &mut files)?;
        }
        Ok(files)
    }
}

/// Adds the files of a folder, and of those in it; links to folders are left out.
fn list(folder: &Path, prefix: &str, files: &mut Sizes) -> Result<()> {
    let failed = |error: io::Error| Error::io("list the folder", folder, &error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let path = format!("{prefix}{name}");
        if entry.file_type().map_err(failed)?.is_dir() {
            list(&entry.path(), &format!("{path}/"), files)?;
        } else if let Ok(metadata) = fs::metadata(entry.path())
            && metadata.is_file()
        {
            files.insert(path, metadata.len());
        }
    }
    Ok(())
}

/// Makes a file beside its place, and moves it there.
fn put(path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> Result<()> {
    let folder = path.parent().expect("a file of the cache is in a folder");
    create_dir_all(folder)?;
    tempfile::tempdir_in(folder)
        .and_then(|place| {
            let new = place.path().join("new");
            make(&new)?;
            fs::rename(&new, path)
        })
        .map_err(|error| Error::output("write to the hub's cache", path, &error))
}

/// Makes a folder of the cache.
pub(super) fn create_dir_all(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| Error::output("create the folder", folder, &error))
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}

#[cfg(not(any(unix, windows)))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
