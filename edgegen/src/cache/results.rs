//! Results as bytes, each in a file.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::Key;

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
        let write = || {
            fs::create_dir_all(folder)?;
            trim(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(&Sha256::digest(bytes))?;
            file.write_all(bytes)?;
            file.persist(folder.join(key.name()))?;
            std::io::Result::Ok(())
        };
        // Without it, the work is done again.
        let _ = write();
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

/// Removes what was not used for longest, until the rest is small enough.
fn trim(folder: &Path) -> std::io::Result<()> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        entries.push((metadata.modified()?, metadata.len(), entry.path()));
    }
    entries.sort();
    let mut bytes: u64 = entries.iter().map(|(_, len, _)| len).sum();
    for (_, len, path) in entries {
        if bytes <= MOST_BYTES {
            break;
        }
        fs::remove_file(path)?;
        bytes -= len;
    }
    Ok(())
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
