//! A folder that is written beside its place.
//!
//! Its name shows that it is edgegen's own: the second half is a hash of the first. Its writer has it
//! locked; so one without a lock was left by a process that was killed.

use std::ffi::OsStr;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use crate::cache::sha256;
use crate::error::Result;

use super::claim::{Claim, PATIENCE};
use super::disk::Disk;

const PREFIX: &str = ".edgegen-";

/// Digits of each half.
const HALF: usize = 16;

/// An empty folder of this process.
pub(super) struct Draft {
    pub(super) path: PathBuf,
    _claim: Claim,
}

impl Draft {
    /// Makes one in the folder `parent`.
    pub(super) fn new(disk: &dyn Disk, parent: &Path) -> Result<Self> {
        loop {
            let path = parent.join(name(RandomState::new().hash_one(())));
            // The name would say nothing to a user.
            disk.create_dir_all(&path)
                .map_err(|error| error.instead("no folder can be made here", parent))?;
            // Before it was locked, another process may have taken it for one that was left.
            if let Some(claim) = Claim::wait(&path, PATIENCE)? {
                return Ok(Self {
                    path,
                    _claim: claim,
                });
            }
        }
    }
}

/// Deletes what processes that were killed have left in the folder `parent`. What cannot be
/// deleted stays.
pub(super) fn sweep(disk: &dyn Disk, parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        if is_name(&entry.file_name())
            && entry.file_type().is_ok_and(|kind| kind.is_dir())
            && let Some(_claim) = Claim::free(&entry.path())
        {
            let _ = disk.remove_dir_all(&entry.path());
        }
    }
}

fn name(number: u64) -> String {
    let first = format!("{number:0HALF$x}");
    format!("{PREFIX}{first}{}", second(&first))
}

fn second(first: &str) -> String {
    sha256(first)[..HALF].to_owned()
}

fn is_name(name: &OsStr) -> bool {
    let halves = name
        .to_str()
        .and_then(|name| name.strip_prefix(PREFIX)?.split_at_checked(HALF));
    halves.is_some_and(|(first, rest)| rest == second(first))
}

#[cfg(test)]
mod tests {
    use super::super::disk::RealDisk;
    use super::*;

    #[test]
    fn what_was_left_goes_and_what_is_in_use_or_of_somebody_else_stays() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let own = name(7);
        let (digits, short) = (own.replace(PREFIX, ""), &own[..own.len() - 1]);
        let left = root.join(&own);
        let others = [
            ".edgegen-mine",
            ".edgegen-",
            &format!("{PREFIX}{}", "0".repeat(2 * HALF)),
            &format!("{own}0"),
            short,
            &digits,
            &own.to_uppercase(),
        ]
        .map(|name| root.join(name));
        for folder in others.iter().chain([&left]) {
            fs::create_dir_all(folder.join("crate/src")).unwrap();
            fs::write(folder.join("crate/src/lib.rs"), "mine").unwrap();
        }
        let file = root.join(name(8));
        fs::write(&file, "mine").unwrap();
        let used = Draft::new(&RealDisk, root).unwrap();
        let empty = root.join(name(9));
        fs::create_dir(&empty).unwrap();

        sweep(&RealDisk, root);
        assert!(!left.exists() && !empty.exists());
        assert!(used.path.exists() && file.exists());
        for folder in &others {
            assert!(folder.join("crate/src/lib.rs").exists(), "{folder:?}");
        }

        let path = used.path.clone();
        drop(used);
        sweep(&RealDisk, root);
        assert!(!path.exists());
        sweep(&RealDisk, &root.join("no such folder"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_of_that_name_leads_nowhere() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("thesis");
        fs::create_dir_all(folder.join("chapter")).unwrap();
        let link = root.path().join(name(1));
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        sweep(&RealDisk, root.path());
        assert!(folder.join("chapter").exists() && link.is_symlink());
    }

    #[test]
    fn no_two_are_the_same() {
        let root = tempfile::tempdir().unwrap();
        let drafts: Vec<Draft> = (0..20)
            .map(|_| Draft::new(&RealDisk, root.path()).unwrap())
            .collect();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), drafts.len());
    }
}
