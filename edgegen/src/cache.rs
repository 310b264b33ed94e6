//! Results of long work, kept between runs by the hash of all that they depend on.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

/// Bytes that the cache may take, beside the entry that was written last.
const MOST_BYTES: u64 = 1_000_000_000;

/// A folder of entries. What cannot be written is not kept, what cannot be read is computed again.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: Option<PathBuf>,
}

/// Names an entry by what it depends on.
#[derive(Debug, Clone)]
pub struct Key(Sha256);

impl Key {
    /// A key for results of a kind, from this version of edgegen.
    pub fn new(kind: &str) -> Self {
        let key = Self(Sha256::new());
        key.with(env!("CARGO_PKG_VERSION")).with(kind)
    }

    /// Something else that the result depends on.
    #[must_use]
    pub fn with(mut self, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        // The length keeps two parts apart from one that joins them.
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
        self
    }

    fn name(&self) -> String {
        hex(&self.0.clone().finalize())
    }
}

impl Cache {
    /// The user's: `EDGEGEN_CACHE`, else `edgegen` in the folder that the system has for caches.
    pub fn of_user() -> Self {
        let in_folder = |name: &str, below: &str| {
            let folder = std::env::var_os(name).filter(|value| !value.is_empty())?;
            Some(Path::new(&folder).join(below))
        };
        let folder = in_folder("EDGEGEN_CACHE", "results")
            .or_else(|| in_folder("XDG_CACHE_HOME", "edgegen/results"))
            .or_else(|| in_folder("LOCALAPPDATA", "edgegen/results"))
            .or_else(|| in_folder("HOME", ".cache/edgegen/results"));
        Self { folder }
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

/// In hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
