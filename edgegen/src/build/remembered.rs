//! Hashes of large files, remembered as long as the files do not change: a second build must not
//! read a model again to learn that it is the same.

use std::fmt::Write as _;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

use crate::cache::sha256;

/// Smaller files are read each time.
const LARGE: u64 = 1 << 20;

/// Bytes that are hashed at a time.
const PIECE: u64 = 1 << 22;

/// A change within this time may leave the file's times as they are.
const TICK: Duration = Duration::from_secs(2);

/// The folder of what is remembered: a file for each path.
pub(super) struct Remembered {
    folder: PathBuf,
}

impl Remembered {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// A hash of a file's content, in hexadecimal.
    pub(super) fn hash(&self, path: &Path) -> Result<String> {
        let failed = |error: std::io::Error| Error::io("read the file", path, &error);
        let file = File::open(path).map_err(failed)?;
        let now = SystemTime::now();
        let metadata = file.metadata().map_err(failed)?;
        let state = state(&metadata);
        let note = self.note(path);
        if metadata.len() >= LARGE
            && let Some(hash) = fs::read_to_string(&note)
                .ok()
                .and_then(|text| Some(text.strip_prefix(&state)?.trim().to_owned()))
            && hash.len() == 64
        {
            return Ok(hash);
        }
        let hash = content(path, metadata.len()).map_err(failed)?;
        let settled = metadata
            .modified()
            .is_ok_and(|time| now.duration_since(time).is_ok_and(|age| age > TICK));
        if metadata.len() >= LARGE && settled {
            self.write(&note, &format!("{state}{hash}\n"))?;
        }
        Ok(hash)
    }

    fn note(&self, path: &Path) -> PathBuf {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        self.folder
            .join(sha256(path.as_os_str().as_encoded_bytes()))
    }

    fn write(&self, note: &Path, text: &str) -> Result<()> {
        let write = || {
            fs::create_dir_all(&self.folder)?;
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            file.write_all(text.as_bytes())?;
            file.persist(note).map_err(|error| error.error)
        };
        write()
            .map(drop)
            .map_err(|error| Error::io("write to the cache", note, &error))
    }
}

/// SHA-256 of the SHA-256 of each piece: without optimisation, one processor takes long.
fn content(path: &Path, len: u64) -> io::Result<String> {
    let starts: Vec<u64> = (0..len).step_by(PIECE as usize).collect();
    let piece = |start: &u64| {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(*start))?;
        let mut bytes = Vec::new();
        file.take(PIECE).read_to_end(&mut bytes)?;
        Ok(Sha256::digest(&bytes))
    };
    let pieces: io::Result<Vec<_>> = starts.par_iter().map(piece).collect();
    Ok(sha256(pieces?.concat()))
}

/// What changes when the file does, as one line with a space at its end.
fn state(metadata: &Metadata) -> String {
    let mut state = metadata.len().to_string();
    let time = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let _ = write!(state, " {}", since.unwrap_or_default().as_nanos());
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let (seconds, nanoseconds) = (metadata.ctime(), metadata.ctime_nsec());
        let _ = write!(
            state,
            " {} {} {seconds}.{nanoseconds}",
            metadata.dev(),
            metadata.ino()
        );
    }
    state + " "
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, byte: u8, age: Duration) {
        fs::write(path, vec![byte; LARGE as usize]).unwrap();
        let file = File::options().append(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    #[test]
    fn a_large_file_that_does_not_change_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let remembered = Remembered::new(folder.path().join("files"));
        let path = folder.path().join("model.gguf");
        write(&path, 1, 10 * TICK);
        let hash = remembered.hash(&path).unwrap();
        // That it is not read shows when the note says something else.
        let note = remembered.note(&path);
        let text = fs::read_to_string(&note).unwrap();
        let other = "0".repeat(64);
        fs::write(&note, text.replace(&hash, &other)).unwrap();
        assert_eq!(remembered.hash(&path).unwrap(), other);
        fs::write(&note, text.replace(&hash, "damaged")).unwrap();
        assert_eq!(remembered.hash(&path).unwrap(), hash);

        // A change of the same length, dated back.
        write(&path, 2, 10 * TICK);
        assert_ne!(remembered.hash(&path).unwrap(), hash);
    }

    #[test]
    fn every_piece_and_their_order_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.gguf");
        let hash = |pieces: &[(u8, usize)]| {
            let bytes: Vec<u8> = pieces
                .iter()
                .flat_map(|&(byte, len)| vec![byte; len])
                .collect();
            fs::write(&path, &bytes).unwrap();
            content(&path, bytes.len() as u64).unwrap()
        };
        let piece = PIECE as usize;
        let hashes = [
            hash(&[(1, piece), (2, piece), (3, 5)]),
            hash(&[(2, piece), (1, piece), (3, 5)]),
            hash(&[(1, piece), (2, piece), (3, 6)]),
            hash(&[(1, piece), (2, piece)]),
            hash(&[(1, piece - 1), (2, piece + 1), (3, 5)]),
        ];
        assert!(hashes[1..].iter().all(|other| *other != hashes[0]));
        assert_eq!(hashes[0], hash(&[(1, piece), (2, piece), (3, 5)]));
    }

    #[test]
    fn a_file_that_may_still_change_is_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let remembered = Remembered::new(folder.path().join("files"));
        let path = folder.path().join("model.gguf");
        write(&path, 1, Duration::ZERO);
        remembered.hash(&path).unwrap();
        assert!(!remembered.note(&path).exists());
    }
}
