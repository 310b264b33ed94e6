//! Modules that were made, on this machine: each in a folder that appears whole and does not change.
//!
//! Files of an entry have a modification time of their own, [`STAMP`]: what somebody changed has
//! another. So a look at an entry reads none of its weights.
//!
//! ```text
//! entries/<key>/     index (lengths and paths), module.rs, notes, weights/
//! locks/<key>        locked while the entry is made or removed; its time is that of the last use
//! files/             hashes of models (`remembered.rs`)
//! results/           what is calibrated (`cache/results.rs`)
//! ```

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::cache::{self, VARIABLE};
use crate::emit::{Files, create_folder};
use crate::error::{Error, Kind, Result};
use crate::recipe::Refusal;

use super::remembered::Remembered;

/// The modification time of an entry's files: 1 January 2000.
const STAMP: Duration = Duration::from_secs(946_684_800);

/// Bytes of all entries, above which those go that were used longest ago.
const MOST: u64 = 8_000_000_000;

/// An entry that was used within this time stays: a compiler may be reading it.
const IN_USE: Duration = Duration::from_secs(24 * 60 * 60);

/// Lists an entry's files, a line each: bytes, space, path.
const INDEX: &str = "index";

/// Modules that were made, and what else their folder keeps.
pub(super) struct Modules {
    root: PathBuf,
}

/// The place of an entry that is made.
pub(super) struct Put<'a>(&'a Path);

impl Put<'_> {
    /// Writes the entry.
    pub(super) fn files(self, files: &Files<'_>) -> Result<()> {
        let index: String = files
            .iter()
            .map(|(path, bytes)| format!("{} {path}\n", bytes.len()))
            .collect();
        let mut all = files.clone();
        all.insert(INDEX, index.as_bytes());
        create_folder(&all, self.0)?;
        // The index last: it makes the entry whole.
        files.keys().chain([&INDEX]).try_for_each(|path| {
            let path = self.0.join(path);
            File::options()
                .append(true)
                .open(&path)
                .and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH + STAMP))
                .map_err(|error| Error::io("write to the cache", &path, &error))
        })
    }
}

impl Modules {
    /// The user's [`folder`](cache::folder).
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(super) fn folder() -> Result<PathBuf> {
        cache::folder().ok_or_else(|| {
            Error::of(Kind::Io, "there is no folder for the cache").remedy(another_folder())
        })
    }

    pub(super) fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// What is calibrated.
    pub(super) fn results(&self) -> cache::Cache {
        cache::Cache::at(&self.root.join("results"))
    }

    /// What is known of files that were read.
    pub(super) fn remembered(&self) -> Remembered {
        Remembered::new(self.root.join("files"))
    }

    /// The folder of an entry. Of several processes that want the same, one makes it.
    ///
    /// # Errors
    ///
    /// When the cache cannot be written, and what `make` refuses.
    pub(super) fn get(
        &self,
        key: &str,
        make: impl FnOnce(Put<'_>) -> Result<(), Refusal>,
    ) -> Result<PathBuf, Refusal> {
        let entry = self.entries().join(key);
        let lock = self.lock(key).map_err(Refusal::cache)?;
        let failed = |error: io::Error| Refusal::cache(Error::io("lock the cache", &entry, &error));
        lock.lock_shared().map_err(failed)?;
        let mut made = false;
        if !is_whole(&entry) {
            lock.unlock().map_err(failed)?;
            lock.lock().map_err(failed)?;
            // Another process may have been faster.
            if !is_whole(&entry) {
                remove(&entry).map_err(Refusal::cache)?;
                make(Put(&entry))?;
                made = true;
            }
        }
        let _ = lock.set_modified(SystemTime::now());
        drop(lock);
        if made {
            self.shrink(MOST);
        }
        Ok(entry)
    }

    /// [`shrink`](cache::shrink)s the entries to `most` bytes, but for those in use.
    fn shrink(&self, most: u64) {
        let Ok(entries) = self.entries().read_dir() else {
            return;
        };
        let time = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
        let entries = entries.flatten().filter_map(|entry| {
            let (name, path) = (entry.file_name(), entry.path());
            // What is not finished is swept by who makes the next entry.
            if name.as_encoded_bytes().starts_with(b".") {
                return None;
            }
            let used = time(&self.locks().join(&name)).or_else(|_| time(&path));
            Some(cache::Entry {
                used: used.unwrap_or_else(|_| SystemTime::now()),
                bytes: bytes(&path),
                path,
            })
        });
        cache::shrink(entries.collect(), most, |entry| {
            let age = entry.used.elapsed().unwrap_or_default();
            let name = entry.path.file_name().and_then(OsStr::to_str);
            let lock = name.filter(|_| age > IN_USE).map(|name| self.lock(name));
            matches!(lock, Some(Ok(lock)) if lock.try_lock().is_ok() && remove(&entry.path).is_ok())
        });
    }

    fn entries(&self) -> PathBuf {
        self.root.join("entries")
    }

    fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    fn lock(&self, key: &str) -> Result<File> {
        let path = self.locks().join(key);
        fs::create_dir_all(self.locks())
            .and_then(|()| File::options().create(true).append(true).open(&path))
            .map_err(|error| {
                Error::system("write to the cache", &path, &error).remedy(another_folder())
            })
    }
}

fn another_folder() -> String {
    format!("set {VARIABLE} to the absolute path of a folder that can be written")
}

/// Whether an entry is there, with every file as it was made.
fn is_whole(entry: &Path) -> bool {
    let Ok(index) = fs::read_to_string(entry.join(INDEX)) else {
        return false;
    };
    let as_made = |line: &str| {
        line.split_once(' ').is_some_and(|(bytes, path)| {
            let metadata = fs::metadata(entry.join(path));
            metadata
                .is_ok_and(|metadata| is_stamped(&metadata) && metadata.len().to_string() == bytes)
        })
    };
    fs::metadata(entry.join(INDEX)).is_ok_and(|metadata| is_stamped(&metadata))
        && index.lines().all(as_made)
}

fn is_stamped(metadata: &Metadata) -> bool {
    let stamp = SystemTime::UNIX_EPOCH + STAMP;
    metadata.modified().is_ok_and(|time| time == stamp)
}

fn remove(entry: &Path) -> Result<()> {
    match fs::remove_dir_all(entry) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("delete from the cache", entry, &error))
        }
        _ => Ok(()),
    }
}

/// Bytes of the files in a folder.
fn bytes(folder: &Path) -> u64 {
    let Ok(entries) = folder.read_dir() else {
        return 0;
    };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

#[cfg(test)]
mod tests;
