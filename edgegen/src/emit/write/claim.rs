//! One writer at a time: who writes a folder holds a lock on it.
//!
//! The lock is the operating system's, on the folder itself. So nothing is left in it, all names of
//! the folder are one lock, and it ends with the process, however that ends.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::{Error, Remedy, Result};

/// How long to wait for another emission: writing takes seconds, on slow cards some more.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(10);

/// A folder that nobody else writes while this lives. Where the system or the folder's file system
/// has no such locks, it promises nothing.
pub(super) struct Claim {
    _locked: Option<File>,
}

impl Claim {
    /// Waits until nobody else has the folder. `None` if it is then no longer at its path.
    ///
    /// # Errors
    ///
    /// When it cannot be opened, or another process has it for longer than `patience`.
    pub(super) fn wait(folder: &Path, patience: Duration) -> Result<Option<Self>> {
        let failed = |error: io::Error| Error::io("open the folder", folder, &error);
        let file = match open(folder) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(Some(Self { _locked: None })),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let start = Instant::now();
        while let Err(TryLockError::WouldBlock) = file.try_lock() {
            if start.elapsed() >= patience {
                return Err(Error::new("another edgegen is writing into this folder")
                    .in_file(folder)
                    .remedy(Remedy::from("wait until it is done").or(super::another_folder())));
            }
            sleep(PAUSE);
        }
        let claim = is_at(&file, folder).map_err(failed)?;
        Ok(claim.then_some(Self {
            _locked: Some(file),
        }))
    }

    /// A folder that certainly nobody has.
    pub(super) fn free(folder: &Path) -> Option<Self> {
        let file = open(folder).ok()??;
        file.try_lock().ok()?;
        is_at(&file, folder).ok()?.then_some(Self {
            _locked: Some(file),
        })
    }
}

/// `None` where a folder cannot be opened as a file.
fn open(folder: &Path) -> io::Result<Option<File>> {
    if cfg!(unix) {
        File::open(folder).map(Some)
    } else {
        Ok(None)
    }
}

/// Whether the folder that was opened is the one at this path.
#[cfg(unix)]
fn is_at(opened: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let there = match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        there => there?,
    };
    let opened = opened.metadata()?;
    Ok((opened.dev(), opened.ino()) == (there.dev(), there.ino()))
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn at_once(folder: &Path) -> Result<Option<Claim>> {
        Claim::wait(folder, Duration::ZERO)
    }

    #[test]
    fn a_folder_has_one_writer_by_all_its_names() {
        let root = tempfile::tempdir().unwrap();
        let (folder, link) = (root.path().join("crate"), root.path().join("link"));
        std::fs::create_dir(&folder).unwrap();
        std::os::unix::fs::symlink("crate", &link).unwrap();
        let names = [folder.clone(), link, root.path().join("crate/../crate/.")];
        for first in &names {
            let claim = at_once(first).unwrap().unwrap();
            for second in &names {
                let error = at_once(second).err().unwrap().to_string();
                assert!(error.contains("another edgegen is writing"), "{error}");
                assert!(Claim::free(second).is_none());
            }
            drop(claim);
        }
        assert!(Claim::free(&folder).is_some());
        assert_eq!(folder.read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_went_away_is_nobodys() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("crate");
        assert!(at_once(&folder).unwrap().is_none() && Claim::free(&folder).is_none());
        std::fs::create_dir(&folder).unwrap();
        let first = at_once(&folder).unwrap().unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| Claim::wait(&folder, Duration::from_secs(60)));
            // It waits for the folder that there was, in whose place there is another.
            sleep(5 * PAUSE);
            std::fs::rename(&folder, root.path().join("old")).unwrap();
            std::fs::create_dir(&folder).unwrap();
            drop(first);
            assert!(second.join().unwrap().unwrap().is_none());
        });
        assert!(at_once(&folder).unwrap().is_some());
    }
}
