//! What changes the disk, so that tests can make each call fail.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};

use super::folders;

/// The calls that change the disk.
pub(super) trait Disk {
    /// Creates a folder and its parents.
    fn create_dir_all(&self, path: &Path) -> Result<()>;
    /// Writes a new file through to the disk.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<()>;
    /// Renames over whatever file is there.
    fn rename(&self, from: &Path, to: &Path) -> Result<()>;
    /// Deletes a file.
    fn remove_file(&self, path: &Path) -> Result<()>;
    /// Deletes a folder that is empty.
    fn remove_dir(&self, path: &Path) -> Result<()>;
    /// Deletes a folder with all that is in it.
    fn remove_dir_all(&self, path: &Path) -> Result<()>;
    /// Writes a folder's entries through to the disk.
    fn sync_dir(&self, path: &Path) -> Result<()>;
}

/// Writes files below `root` through to the disk, folders included.
pub(super) fn write_all<'a>(
    disk: &dyn Disk,
    root: &Path,
    files: impl Iterator<Item = (&'a str, &'a [u8])> + Clone,
) -> Result<()> {
    let folders = folders(root, files.clone().map(|(path, _)| path));
    for folder in &folders {
        disk.create_dir_all(folder)?;
    }
    for (path, bytes) in files {
        disk.write(&root.join(path), bytes)?;
    }
    folders.iter().try_for_each(|folder| disk.sync_dir(folder))
}

/// The operating system's.
pub(super) struct RealDisk;

impl Disk for RealDisk {
    fn create_dir_all(&self, path: &Path) -> Result<()> {
        fs::create_dir_all(path).map_err(|error| Error::output("create the folder", path, &error))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        fs::File::create(path)
            .and_then(|mut file| {
                file.write_all(bytes)?;
                file.sync_all()
            })
            .map_err(|error| Error::output("write", path, &error))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        fs::rename(from, to).map_err(|error| Error::output("put in place", to, &error))
    }

    fn remove_file(&self, path: &Path) -> Result<()> {
        fs::remove_file(path).map_err(|error| Error::io("delete", path, &error))
    }

    fn remove_dir(&self, path: &Path) -> Result<()> {
        fs::remove_dir(path).map_err(|error| Error::io("delete", path, &error))
    }

    fn remove_dir_all(&self, path: &Path) -> Result<()> {
        fs::remove_dir_all(path).map_err(|error| Error::io("delete", path, &error))
    }

    fn sync_dir(&self, path: &Path) -> Result<()> {
        // Elsewhere a folder cannot be opened as a file.
        if cfg!(unix) {
            fs::File::open(path)
                .and_then(|folder| folder.sync_all())
                .map_err(|error| Error::io("write through", path, &error))?;
        }
        Ok(())
    }
}
