//! Crate → folder, all or nothing.
//!
//! A new folder is built beside its place and renamed into it. A folder that exists is
//! updated by way of `staging`: whenever that is interrupted, the folder holds the old
//! crate, the new one, or one that refuses to build and says why. Emissions into one folder
//! wait for each other.

mod apart;
mod claim;
mod disk;
mod draft;
mod lock;
mod staging;

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Remedy, Result, Setting};
use crate::path::stays_below;

use super::Crate;
pub use apart::check_apart;
pub(crate) use apart::place;
use claim::{Claim, PATIENCE};
use disk::{Disk, RealDisk};
use draft::Draft;
use lock::{LOCK, Lock};
use staging::{MANIFEST, STAGING};

/// What [`write()`] did, in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct WriteReport {
    /// New, or with new content.
    pub written: usize,
    /// Left untouched, because the content is the same.
    pub unchanged: usize,
    /// Deleted, because the crate no longer has them.
    pub removed: usize,
}

/// Writes the crate to the folder `out`, with a lock file of its hashes.
///
/// Files with equal content keep their modification time. Files that edgegen did not
/// write are never deleted; `force` replaces those that are in the way, and those of
/// edgegen's that were changed by hand. An update that was interrupted is completed first.
/// What killed processes left beside the folder is deleted.
///
/// # Errors
///
/// When [`check_destination`] refuses, a file was changed by hand, a path leaves the folder,
/// another process writes into it and does not end, or the disk fails.
pub fn write(krate: &Crate, out: &Path, force: bool) -> Result<WriteReport> {
    write_on(&RealDisk, krate, out, force)
}

/// Writes a folder that does not exist, whole or not at all.
pub(crate) fn create_folder(files: &Files<'_>, out: &Path) -> Result<()> {
    if create(&RealDisk, files, out)? {
        Ok(())
    } else {
        Err(Error::new("it is there already").in_file(out))
    }
}

/// Refuses what is no folder, or holds something else than a crate that edgegen wrote, unless `force`
/// is set.
fn check_folder(out: &Path, force: bool) -> Result<()> {
    match fs::metadata(out) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return match exists(out) {
                false => Ok(()),
                true => Err(
                    Error::of(Kind::Option, "this is a link that leads to nothing")
                        .in_file(out)
                        .remedy(another_folder()),
                ),
            };
        }
        Err(error) => return Err(Error::io("open the folder", out, &error)),
        Ok(metadata) if !metadata.is_dir() => {
            return Err(Error::of(Kind::Option, "this is a file, not a folder")
                .in_file(out)
                .remedy(another_folder()));
        }
        Ok(_) => {}
    }
    if force {
        return Ok(());
    }
    let mut entries =
        fs::read_dir(out).map_err(|error| Error::io("list the folder", out, &error))?;
    let foreign = entries
        .find(|entry| !matches!(entry, Ok(entry) if entry.file_name() == STAGING))
        .transpose()
        .map_err(|error| Error::io("list the folder", out, &error))?;
    // In this order: another emission may be at work, whose commit comes before its files.
    match foreign {
        Some(entry) if !staging::committed(out) && !exists(&out.join(LOCK)) => {
            Err(Error::of(
                Kind::Option,
                format!(
                    "the folder is not empty (it has `{}`) and edgegen did not write it",
                    entry.file_name().display()
                ),
            )
            .in_file(out)
            .remedy(another_folder().or(Remedy::from(Setting::on("force")).say(
                " writes into this one, replaces files of the same names and deletes nothing",
            ))))
        }
        _ => Ok(()),
    }
}

/// Whether [`write()`] would take this folder, to be asked before long work: it is empty, holds a
/// crate that edgegen wrote, or can be made.
///
/// # Errors
///
/// When it is no folder, holds something else and `force` is not set, or cannot be made.
pub fn check_destination(out: &Path, force: bool) -> Result<()> {
    check_folder(out, force)?;
    if exists(out) {
        return Ok(());
    }
    let mut above = out.ancestors().map(parent);
    let nearest = above.find(|folder| exists(folder)).unwrap_or(parent(out));
    // A file without a name: a draft would look like an emission at work.
    let tried = tempfile::tempfile_in(nearest).map(drop);
    tried.map_err(|error| {
        Error::output("write", nearest, &error).instead("no folder can be made here", nearest)
    })
}

fn another_folder() -> Remedy {
    Remedy::from("give another folder with ").set(Setting::named("out"))
}

fn write_on(disk: &dyn Disk, krate: &Crate, out: &Path, force: bool) -> Result<WriteReport> {
    krate.files().keys().try_for_each(|path| check_path(path))?;
    if krate.get(MANIFEST).is_none() {
        return Err(Error::new(format!("a crate without `{MANIFEST}`")));
    }
    let lock = Lock::new(krate).to_string();
    let mut files: Files<'_> = krate
        .files()
        .iter()
        .map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
        .collect();
    files.insert(LOCK, lock.as_bytes());
    // Another emission may create or replace the folder meanwhile.
    loop {
        check_folder(out, force)?;
        if exists(out) {
            if let Some(_claim) = Claim::wait(out, PATIENCE)? {
                return update(disk, &files, out, force);
            }
        } else if create(disk, &files, out)? {
            return Ok(WriteReport {
                written: files.len(),
                unchanged: 0,
                removed: 0,
            });
        }
    }
}

/// Brings a folder that exists, and that nobody else writes, up to date.
fn update(disk: &dyn Disk, files: &Files<'_>, out: &Path, force: bool) -> Result<WriteReport> {
    draft::sweep(disk, parent(out));
    staging::recover(disk, out)?;
    let changes = changes(files, out, force)?;
    let report = WriteReport {
        written: changes.replace.len(),
        unchanged: files.len() - changes.replace.len(),
        removed: changes.remove.len(),
    };
    if report.written + report.removed > 0 {
        staging::update(disk, out, files, &changes)
            .map_err(|error| nameless(error, &out.join(STAGING), out))?;
    }
    Ok(report)
}

/// Contents by relative path.
pub(crate) type Files<'a> = BTreeMap<&'a str, &'a [u8]>;

/// Relative paths that an update touches.
struct Changes {
    replace: Vec<String>,
    remove: Vec<String>,
}

/// Builds a new folder beside its place and renames it into it; `false` if meanwhile something
/// else is there.
fn create(disk: &dyn Disk, files: &Files<'_>, out: &Path) -> Result<bool> {
    let parent = parent(out);
    disk.create_dir_all(parent)?;
    draft::sweep(disk, parent);
    let draft = Draft::new(disk, parent)?;
    let files = files.iter().map(|(&path, &bytes)| (path, bytes));
    let made = disk::write_all(disk, &draft.path, files).and_then(|()| {
        if exists(out) {
            return Ok(false);
        }
        match disk.rename(&draft.path, out) {
            Err(_) if exists(out) => Ok(false),
            renamed => renamed.map(|()| true),
        }
    });
    let made = made.map_err(|error| nameless(error, &draft.path, parent));
    match made {
        Ok(true) => disk.sync_dir(parent)?,
        _ => _ = disk.remove_dir_all(&draft.path),
    }
    made
}

/// The error about `folder`, if it is about a file of edgegen's own in `temporary`.
fn nameless(error: Error, temporary: &Path, folder: &Path) -> Error {
    match error.file() {
        Some(file) if file.starts_with(temporary) => {
            error.instead("nothing can be written here", folder)
        }
        _ => error,
    }
}

/// The folder that holds `out`.
pub(crate) fn parent(out: &Path) -> &Path {
    match out.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// What differs between the folder and the new files. Refuses to lose work of the user.
fn changes(files: &Files<'_>, out: &Path, force: bool) -> Result<Changes> {
    let old = Lock::read(out)?;
    let mut replace = Vec::new();
    for (&path, &bytes) in files {
        check_parents(out, path)?;
        match read(&out.join(path))? {
            Some(found) if found == bytes => continue,
            Some(found) if !force && path != LOCK => old.check(out, path, &found)?,
            _ => {}
        }
        replace.push(path.to_owned());
    }
    let mut remove = Vec::new();
    for path in old.paths().filter(|path| !files.contains_key(path)) {
        check_parents(out, path)?;
        if let Some(found) = read(&out.join(path))? {
            if !force {
                old.check(out, path, &found)?;
            }
            remove.push(path.to_owned());
        }
    }
    Ok(Changes { replace, remove })
}

/// Refuses a relative path that leaves the folder, or that the lock cannot hold.
fn check_path(path: &str) -> Result<()> {
    if stays_below(path) && path.split('/').all(|part| part != STAGING) && path != LOCK {
        Ok(())
    } else {
        Err(Error::new(format!("`{path:?}` is no path within a crate")))
    }
}

/// Refuses a path that goes through something else than folders of the crate: a link
/// could lead out of it.
fn check_parents(out: &Path, path: &str) -> Result<()> {
    let parents = Path::new(path).ancestors().skip(1);
    for parent in parents.filter(|parent| *parent != Path::new("")) {
        let parent = out.join(parent);
        match fs::symlink_metadata(&parent) {
            Ok(metadata) if !metadata.is_dir() => {
                return Err(in_the_way("needs a folder here", &parent));
            }
            Ok(_) => {}
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(Error::io("look at", &parent, &error)),
        }
    }
    Ok(())
}

/// Something is where the crate has something else.
fn in_the_way(wanted: &str, path: &Path) -> Error {
    Error::new(format!("this is in the way: the crate {wanted}"))
        .in_file(path)
        .remedy("move it away")
}

/// The content of a file that may not exist.
fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let content = match fs::metadata(path) {
        // Others than files may have no end.
        Ok(metadata) if !metadata.is_file() => {
            return Err(in_the_way("has a file of this name", path));
        }
        Ok(_) => fs::read(path),
        Err(error) => Err(error),
    };
    match content {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path, &error)),
    }
}

fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// The folders that hold these relative paths, `root` included.
fn folders<'a>(root: &Path, paths: impl Iterator<Item = &'a str>) -> Vec<PathBuf> {
    let folders: std::collections::BTreeSet<PathBuf> = paths
        .flat_map(|path| Path::new(path).ancestors().skip(1))
        .map(|folder| root.join(folder))
        .collect();
    folders.into_iter().collect()
}

#[cfg(test)]
mod tests;
