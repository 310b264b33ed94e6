//! Results as bytes, each in a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::{Entry, Key, shrink};

/// Bytes that the cache may take, beside the entry that was written last.
const MOST_BYTES: u64 = 1_000_000_000;

/// A folder of entries. What cannot be written is not kept, what cannot be read is computed again.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: Option<PathBuf>,
}

impl Cache {
    /// The user's.
    pub fn of_user() -> Self {
        Self {
            folder: super::folder().map(|folder| folder.join("results")),
        }
    }

    /// One in a folder.
    pub fn at(folder: &Path) -> Self {
        Self {
            folder: Some(folder.to_owned()),
        }
    }

    /// One that keeps nothing.
    pub fn none() -> Self {
        Self { folder: None }
    }

    /// The result, if it is there and whole.
    pub fn get(&self, key: &Key) -> Option<Vec<u8>> {
        let path = self.folder.as_ref()?.join(key.name());
        let entry = fs::read(&path).ok()?;
        let (sum, bytes) = entry.split_at_checked(32)?;
        if Sha256::digest(bytes)[..] != *sum {
            return None;
        }
        // What was used last goes last.
        if let Ok(file) = fs::File::options().append(true).open(&path) {
            let _ = file.set_modified(SystemTime::now());
        }
        Some(bytes.to_vec())
    }

    /// Keeps a result.
    pub fn put(&self, key: &Key, bytes: &[u8]) {
        let Some(folder) = &self.folder else { return };
        trim(folder, MOST_BYTES);
        // Without it, the work is done again.
        let _ = super::write(folder, &key.name(), &[&Sha256::digest(bytes), bytes]);
    }

    /// The result, computed if it is not there.
    ///
    /// # Errors
    ///
    /// Those of the computation.
    pub fn get_or<E>(
        &self,
        key: &Key,
        compute: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<Vec<u8>, E> {
        if let Some(bytes) = self.get(key) {
            return Ok(bytes);
        }
        let bytes = compute()?;
        self.put(key, &bytes);
        Ok(bytes)
    }
}

/// Shrinks the folder to at most `most` bytes.
fn trim(folder: &Path, most: u64) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let entries = entries.flatten().filter_map(|entry| {
        let metadata = entry.metadata().ok()?;
        Some(Entry {
            used: metadata.modified().ok()?,
            bytes: metadata.len(),
            path: entry.path(),
        })
    });
    shrink(entries.collect(), most, |entry| {
        fs::remove_file(&entry.path).is_ok()
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_kept_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let key = Key::new("test").with("ab").with("c");
        assert_eq!(cache.get(&key), None);
        cache.put(&key, b"result");
        assert_eq!(cache.get(&key).unwrap(), b"result");
        assert_eq!(cache.get(&Key::new("test").with("a").with("bc")), None);
        assert_eq!(cache.get(&Key::new("other").with("ab").with("c")), None);
        let path = folder.path().join(key.name());
        for damage in [&b""[..], b"short", &[7; 40]] {
            fs::write(&path, damage).unwrap();
            assert_eq!(cache.get(&key), None);
        }
        let computed = cache.get_or(&key, || Ok::<_, ()>(b"again".to_vec()));
        assert_eq!(computed.unwrap(), b"again");
        let known = cache.get_or(&key, || Err(()));
        assert_eq!(known.unwrap(), b"again");
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let keys = ["a", "b", "c"].map(|name| Key::new("test").with(name));
        let aged = |key: &Key, hours: u64| {
            let file = fs::File::options()
                .append(true)
                .open(folder.path().join(key.name()));
            let time = SystemTime::now() - std::time::Duration::from_secs(3600 * hours);
            file.unwrap().set_modified(time).unwrap();
        };
        let kept = || {
            keys.each_ref()
                .map(|key| folder.path().join(key.name()).exists())
        };
        for (key, hours) in keys.iter().zip([3, 4, 2]) {
            cache.put(key, &[7; 68]);
            aged(key, hours);
        }
        trim(folder.path(), 300);
        assert_eq!(kept(), [true; 3]);
        // It was used.
        assert!(cache.get(&keys[0]).is_some());
        trim(folder.path(), 299);
        assert_eq!(kept(), [true, false, true]);
        trim(folder.path(), 150);
        assert_eq!(kept(), [true, false, false]);
        trim(folder.path(), 99);
        assert_eq!(kept(), [false; 3]);
    }

    /// Of a cache of 1 GB. The files have holes in place of bytes.
    #[test]
    fn a_new_entry_makes_room_for_itself() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let large = folder.path().join("large");
        for (bytes, stays) in [(1_000_000_000, true), (1_000_000_001, false)] {
            let file = fs::File::create(&large).unwrap();
            file.set_len(bytes).unwrap();
            cache.put(&Key::new("test"), b"result");
            assert_eq!(large.exists(), stays, "{bytes}");
            assert!(cache.get(&Key::new("test")).is_some());
            fs::remove_file(folder.path().join(Key::new("test").name())).unwrap();
        }
    }

    #[test]
    fn a_cache_that_cannot_be_written_keeps_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        for cache in [Cache::at(&file), Cache::none()] {
            let key = Key::new("test");
            cache.put(&key, b"result");
            assert_eq!(cache.get(&key), None);
        }
    }
}
