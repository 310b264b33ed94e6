//! Hashes of large files, remembered as long as the files do not change: a second build must not
//! read a model again to learn that it is the same.

use std::fmt::Write as _;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::cache::{self, sha256};
use crate::error::{Error, Result};

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
        self.hash_at(path, SystemTime::now())
    }

    fn hash_at(&self, path: &Path, now: SystemTime) -> Result<String> {
        let failed = |error: io::Error| Error::io("open the file", path, &error);
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let state = state(&metadata);
        let note = note(path);
        if metadata.len() >= LARGE
            && let Some(hash) = fs::read_to_string(self.folder.join(&note))
                .ok()
                .and_then(|text| Some(text.strip_prefix(&state)?.trim().to_owned()))
            && hash.len() == 64
        {
            return Ok(hash);
        }
        let hash = content(path, metadata.len()).map_err(failed)?;
        if metadata.len() >= LARGE && changed(&metadata).is_some_and(|time| is_past(time, now)) {
            let text = format!("{state}{hash}\n");
            cache::write(&self.folder, &note, &[text.as_bytes()]).map_err(|error| {
                Error::io("write to the cache", &self.folder.join(&note), &error)
            })?;
        }
        Ok(hash)
    }
}

/// The name of the file that says what is known of the one at `path`.
fn note(path: &Path) -> String {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    sha256(path.as_os_str().as_encoded_bytes())
}

/// Whether a later change will have another time.
fn is_past(time: SystemTime, now: SystemTime) -> bool {
    now.duration_since(time).is_ok_and(|age| age > TICK)
}

/// When a file was changed: its content, or its time of modification.
fn changed(metadata: &Metadata) -> Option<SystemTime> {
    let modified = metadata.modified().ok()?;
    #[cfg(unix)]
    let modified = {
        use std::os::unix::fs::MetadataExt;
        let seconds = u64::try_from(metadata.ctime()).ok()?;
        let since = Duration::new(seconds, u32::try_from(metadata.ctime_nsec()).ok()?);
        modified.max(SystemTime::UNIX_EPOCH + since)
    };
    Some(modified)
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

    struct Files {
        root: tempfile::TempDir,
        remembered: Remembered,
    }

    impl Files {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let remembered = Remembered::new(root.path().join("files"));
            Self { root, remembered }
        }

        fn path(&self) -> PathBuf {
            self.root.path().join("model.gguf")
        }

        /// Writes a large file of these bytes, last modified at `time`.
        fn write(&self, byte: u8, time: SystemTime) {
            fs::write(self.path(), vec![byte; LARGE as usize]).unwrap();
            let file = File::options().append(true).open(self.path()).unwrap();
            file.set_modified(time).unwrap();
        }

        /// Its hash, looked at some time after the last change.
        fn hash(&self, later: Duration) -> String {
            let time = changed(&fs::metadata(self.path()).unwrap()).unwrap();
            self.remembered.hash_at(&self.path(), time + later).unwrap()
        }

        fn note(&self) -> PathBuf {
            self.remembered.folder.join(note(&self.path()))
        }
    }

    fn long_ago() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)
    }

    #[test]
    fn a_large_file_that_does_not_change_is_read_once() {
        let files = Files::new();
        files.write(1, long_ago());
        let hash = files.hash(2 * TICK);
        // That it is not read shows when the note says something else.
        let note = files.note();
        let text = fs::read_to_string(&note).unwrap();
        let other = "0".repeat(64);
        fs::write(&note, text.replace(&hash, &other)).unwrap();
        assert_eq!(files.hash(2 * TICK), other);
        for damaged in ["damaged", "", &hash[1..]] {
            fs::write(&note, text.replace(&hash, damaged)).unwrap();
            assert_eq!(files.hash(2 * TICK), hash);
        }
        // By another name it is the same.
        let around = files.root.path().join("files/../model.gguf");
        fs::write(&note, text.replace(&hash, &other)).unwrap();
        assert_eq!(files.remembered.hash(&around).unwrap(), other);
    }

    #[test]
    fn every_change_is_noticed() {
        let files = Files::new();
        files.write(1, long_ago());
        let hash = files.hash(2 * TICK);
        // Another length, with the same time.
        fs::write(files.path(), vec![1; LARGE as usize + 1]).unwrap();
        let file = File::options().append(true).open(files.path()).unwrap();
        file.set_modified(long_ago()).unwrap();
        let longer = files.hash(2 * TICK);
        assert_ne!(longer, hash);
        // Another time, and other bytes.
        files.write(2, long_ago());
        let second = files.hash(2 * TICK);
        files.write(3, long_ago() + Duration::from_nanos(1));
        let third = files.hash(2 * TICK);
        assert!(second != hash && third != second);
        // Another file in its place.
        let other = files.root.path().join("other");
        fs::rename(files.path(), &other).unwrap();
        files.write(4, long_ago() + Duration::from_nanos(1));
        assert_ne!(files.hash(2 * TICK), third);
        fs::rename(&other, files.path()).unwrap();
        assert_eq!(files.hash(2 * TICK), third);
        fs::remove_file(files.path()).unwrap();
        let error = files.remembered.hash(&files.path()).unwrap_err();
        assert_eq!(error.file(), Some(&*files.path()));
    }

    /// The bytes change in place, and the time is set back.
    #[cfg(unix)]
    #[test]
    fn a_change_with_equal_length_and_time_is_noticed() {
        use std::os::unix::fs::MetadataExt;
        let files = Files::new();
        files.write(1, long_ago());
        let hash = files.hash(2 * TICK);
        let state = || {
            let metadata = fs::metadata(files.path()).unwrap();
            (
                (metadata.ino(), metadata.len(), metadata.modified().unwrap()),
                (metadata.ctime(), metadata.ctime_nsec()),
            )
        };
        let (same, before) = state();
        let mut times = 0;
        while state().1 == before {
            files.write(2, long_ago());
            times += 1;
            assert!(times < 10_000, "the file system's clock stands still");
        }
        assert_eq!(state().0, same);
        assert_ne!(files.hash(2 * TICK), hash);
    }

    #[test]
    fn a_file_that_may_still_change_is_not_remembered() {
        let second = Duration::from_secs(1);
        for time in [long_ago(), SystemTime::now() + 60 * second] {
            let files = Files::new();
            files.write(1, time);
            // File systems have times of whole seconds, and of two.
            for age in [Duration::ZERO, second, 2 * second] {
                files.hash(age);
                assert!(!files.note().exists(), "{age:?}");
            }
            files.hash(2 * second + Duration::from_millis(1));
            assert!(files.note().exists());
        }
        let files = Files::new();
        files.write(1, long_ago());
        files.remembered.hash(&files.path()).unwrap();
        assert!(!files.note().exists(), "it was changed just now");
    }

    #[test]
    fn a_small_file_is_read_each_time() {
        let files = Files::new();
        fs::write(files.path(), "small").unwrap();
        files.hash(2 * TICK);
        assert!(!files.note().exists());
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
}
