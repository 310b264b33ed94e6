//! The update of a crate that exists.
//!
//! New contents are staged in `.edgegen-staging/files/`, then `plan` is renamed to
//! `commit`: before that the crate is the old one and the staging is discarded by the
//! next emission; after that the next emission completes the update. While files are
//! replaced, a `Cargo.toml` that refuses to build stands in for the real one.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Remedy, Result, Setting};

use super::disk::{Disk, write_all};
use super::lock::LOCK;
use super::{Changes, Files, check_parents, check_path, exists, folders, read};

/// The folder in the crate where new contents wait.
pub(super) const STAGING: &str = ".edgegen-staging";

/// The file that stands for the whole crate.
pub(super) const MANIFEST: &str = "Cargo.toml";

/// The stand-in for the real manifest: cargo shows the line that it cannot read.
pub(super) const GUARD: &str =
    "edgegen was interrupted while it updated this crate: run the same `edgegen emit` again\n";

const GUARD_FILE: &str = "guard";
const PLAN: &str = "plan";
const COMMIT: &str = "commit";
const NEW: &str = "files";

/// What to do after the commit, beside lock and manifest.
#[derive(Serialize, Deserialize)]
struct AfterCommit {
    replace: Vec<String>,
    remove: Vec<String>,
}

/// Whether a folder holds an update that was interrupted after its commit.
pub(super) fn committed(out: &Path) -> bool {
    exists(&out.join(STAGING).join(COMMIT))
}

/// Completes or discards what an interrupted emission left.
pub(super) fn recover(disk: &dyn Disk, out: &Path) -> Result<()> {
    let staging = out.join(STAGING);
    if !exists(&staging) {
        return Ok(());
    }
    let commit = staging.join(COMMIT);
    let Some(text) = read(&commit)? else {
        return disk.remove_dir_all(&staging);
    };
    let damaged = |problem: String| {
        Error::new(format!("the interrupted update is damaged: {problem}"))
            .in_file(&commit)
            .remedy(
                Remedy::from(format!("delete `{STAGING}` and emit with "))
                    .set(Setting::on("force")),
            )
    };
    let plan: AfterCommit =
        serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    for path in plan.replace.iter().chain(&plan.remove) {
        check_path(path).map_err(|error| damaged(error.to_string()))?;
        check_parents(out, path)?;
    }
    apply(disk, out, &plan)
}

/// Carries the changes out.
pub(super) fn update(
    disk: &dyn Disk,
    out: &Path,
    files: &Files<'_>,
    changes: &Changes,
) -> Result<()> {
    let staging = out.join(STAGING);
    let last = |path: &String| path == MANIFEST || path == LOCK;
    let plan = AfterCommit {
        replace: changes
            .replace
            .iter()
            .filter(|path| !last(path))
            .cloned()
            .collect(),
        remove: changes.remove.clone(),
    };
    if let Err(error) = stage(disk, &staging, files, changes, &plan) {
        // Nothing was committed: leave the old crate as it was, if the disk still can.
        let _ = disk.remove_dir_all(&staging);
        return Err(error);
    }
    disk.rename(&staging.join(PLAN), &staging.join(COMMIT))?;
    disk.sync_dir(&staging)?;
    apply(disk, out, &plan)
}

fn stage(
    disk: &dyn Disk,
    staging: &Path,
    files: &Files<'_>,
    changes: &Changes,
    plan: &AfterCommit,
) -> Result<()> {
    let guarded = !plan.replace.is_empty() || !plan.remove.is_empty();
    let mut staged: Files<'_> = changes
        .replace
        .iter()
        .map(|path| (path.as_str(), files[path.as_str()]))
        .collect();
    if guarded {
        staged.insert(MANIFEST, files[MANIFEST]);
    }
    let new = staging.join(NEW);
    write_all(
        disk,
        &new,
        staged.iter().map(|(&path, &bytes)| (path, bytes)),
    )?;
    if guarded {
        disk.write(&staging.join(GUARD_FILE), GUARD.as_bytes())?;
    }
    let text = serde_json::to_vec(plan).expect("strings are JSON");
    disk.write(&staging.join(PLAN), &text)?;
    disk.sync_dir(staging)?;
    disk.sync_dir(staging.parent().expect("it is in the crate"))
}

/// The part after the commit. What is no longer staged is in its place, so it can be
/// repeated after any interruption.
fn apply(disk: &dyn Disk, out: &Path, plan: &AfterCommit) -> Result<()> {
    let staging = out.join(STAGING);
    let new = staging.join(NEW);
    let place = |from: &Path, path: &str| {
        if exists(from) {
            disk.rename(from, &out.join(path))?;
        }
        Ok(())
    };
    place(&staging.join(GUARD_FILE), MANIFEST)?;
    disk.sync_dir(out)?;

    let folders_of = |paths: &[String]| folders(out, paths.iter().map(String::as_str));
    let filled = folders_of(&plan.replace);
    for folder in &filled {
        disk.create_dir_all(folder)?;
    }
    for path in &plan.replace {
        place(&new.join(path), path)?;
    }
    for path in &plan.remove {
        remove(disk, out, path)?;
    }
    let emptied = folders_of(&plan.remove);
    let left = filled.iter().chain(&emptied).filter(|path| exists(path));
    for folder in left {
        disk.sync_dir(folder)?;
    }

    place(&new.join(LOCK), LOCK)?;
    disk.sync_dir(out)?;
    place(&new.join(MANIFEST), MANIFEST)?;
    disk.sync_dir(out)?;

    disk.remove_file(&staging.join(COMMIT))?;
    disk.remove_dir_all(&staging)
}

/// Deletes a file, and the folders that it leaves empty.
fn remove(disk: &dyn Disk, out: &Path, path: &str) -> Result<()> {
    if exists(&out.join(path)) {
        disk.remove_file(&out.join(path))?;
    }
    let folders = Path::new(path).ancestors().skip(1);
    for folder in folders.filter(|folder| *folder != Path::new("")) {
        let folder = out.join(folder);
        let empty = folder
            .read_dir()
            .is_ok_and(|mut entries| entries.next().is_none());
        if !empty {
            break;
        }
        disk.remove_dir(&folder)?;
    }
    Ok(())
}
