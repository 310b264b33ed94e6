use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::staging::GUARD;
use super::*;
use crate::cache::sha256;

fn krate(files: &[(&str, &str)]) -> Crate {
    let mut krate = Crate::new();
    for (path, text) in files {
        krate.insert_text(path, (*text).to_owned());
    }
    krate
}

fn old() -> Crate {
    krate(&[
        ("Cargo.toml", "old manifest"),
        ("src/lib.rs", "old lib"),
        ("src/same.rs", "same"),
        ("src/gone/gone.rs", "gone"),
        ("docs/same.md", "same"),
        ("docs/gone.md", "gone"),
    ])
}

fn new() -> Crate {
    krate(&[
        ("Cargo.toml", "new manifest"),
        ("src/lib.rs", "new lib"),
        ("src/same.rs", "same"),
        ("weights/deep/new.bin", "new"),
        ("docs/same.md", "same"),
    ])
}

/// Every file below a folder but the staging.
fn contents(root: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                found.insert(name.to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found.retain(|path, _| !path.starts_with(STAGING));
    found
}

fn expected(krate: &Crate) -> BTreeMap<String, Vec<u8>> {
    let mut files = krate.files().clone();
    files.insert(LOCK.into(), Lock::new(krate).to_string().into_bytes());
    files
}

/// A disk that dies at the nth call: before its effect, halfway or after it.
struct Dying {
    left: Cell<usize>,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    Before,
    Halfway,
    After,
}

impl Dying {
    fn call(
        &self,
        half: impl FnOnce() -> Result<()>,
        whole: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let dead = || Err(Error::new("the disk died"));
        match self.left.get() {
            0 => return dead(),
            1 => {
                self.left.set(0);
                match self.how {
                    How::Before => {}
                    How::Halfway => half()?,
                    How::After => whole()?,
                }
                return dead();
            }
            left => self.left.set(left - 1),
        }
        whole()
    }

    fn atomic(&self, whole: impl FnOnce() -> Result<()>) -> Result<()> {
        self.call(|| Ok(()), whole)
    }
}

impl Disk for Dying {
    fn create_dir_all(&self, path: &Path) -> Result<()> {
        self.atomic(|| RealDisk.create_dir_all(path))
    }
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        self.call(
            || RealDisk.write(path, &bytes[..bytes.len() / 2]),
            || RealDisk.write(path, bytes),
        )
    }
    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.atomic(|| RealDisk.rename(from, to))
    }
    fn remove_file(&self, path: &Path) -> Result<()> {
        self.atomic(|| RealDisk.remove_file(path))
    }
    fn remove_dir(&self, path: &Path) -> Result<()> {
        self.atomic(|| RealDisk.remove_dir(path))
    }
    fn remove_dir_all(&self, path: &Path) -> Result<()> {
        let half = || {
            let mut files: Vec<_> = fs::read_dir(path)
                .unwrap()
                .map(|e| e.unwrap().path())
                .collect();
            files.sort();
            for file in files.iter().take(files.len().div_ceil(2)) {
                if file.is_dir() {
                    RealDisk.remove_dir_all(file)?;
                } else {
                    RealDisk.remove_file(file)?;
                }
            }
            Ok(())
        };
        self.call(half, || RealDisk.remove_dir_all(path))
    }
    fn sync_dir(&self, path: &Path) -> Result<()> {
        self.atomic(|| RealDisk.sync_dir(path))
    }
}

/// Interrupts `next` over `first` at every call; `before` is what the folder may hold
/// as long as nothing was committed. Returns which outcomes were seen: old, refusing, new.
fn interrupt_everywhere(first: Option<&Crate>, next: &Crate, make: bool) -> [usize; 3] {
    let mut seen = [0; 3];
    for how in [How::Before, How::Halfway, How::After] {
        for calls in 1.. {
            let parent = tempfile::tempdir().unwrap();
            let out = parent.path().join("crate");
            if make {
                fs::create_dir(&out).unwrap();
            }
            if let Some(first) = first {
                write(first, &out, false).unwrap();
                fs::write(out.join("notes.txt"), "mine").unwrap();
            }
            let before = out.exists().then(|| contents(&out));
            let mut after = expected(next);
            if first.is_some() {
                after.insert("notes.txt".into(), b"mine".to_vec());
            }
            let disk = Dying {
                left: Cell::new(calls),
                how,
            };
            let result = write_on(&disk, next, &out, false);
            let found = out.exists().then(|| contents(&out));
            let manifest = found.as_ref().and_then(|found| found.get(MANIFEST));
            let at = format!("{how:?} call {calls}: {found:?}");
            if result.is_ok() {
                assert_eq!(found.as_ref(), Some(&after), "{at}");
                break;
            } else if found == before {
                seen[0] += 1;
            } else if manifest.is_some_and(|text| text == GUARD.as_bytes()) {
                seen[1] += 1;
            } else {
                // The lock is edgegen's own: it may be ahead of the files that cargo sees.
                let code = |mut files: BTreeMap<String, Vec<u8>>| {
                    files.remove(LOCK);
                    files
                };
                let found = code(found.unwrap());
                let old = before.map(code) == Some(found.clone());
                assert!(old || found == code(after.clone()), "{at}");
                seen[if old { 0 } else { 2 }] += 1;
            }
            write(next, &out, false).unwrap_or_else(|error| panic!("{at}: {error}"));
            assert_eq!(contents(&out), after, "{at}");
            assert!(!out.join(STAGING).exists(), "{at}");
            assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1, "{at}");
        }
    }
    seen
}

/// A disk that loses its power, and with it what changed in folders and was not written through
/// with them: in all folders, or in one of them.
struct Losing {
    root: PathBuf,
    left: Cell<usize>,
    calls: RefCell<Vec<Call>>,
}

/// A change, the folders that it is in, and whether one of them was written through since.
struct Call {
    change: Change,
    folders: Vec<PathBuf>,
    lasts: bool,
}

enum Change {
    Folder(PathBuf),
    File(PathBuf, Vec<u8>),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

impl Losing {
    /// One that does so after so many calls.
    fn after(calls: usize, root: &TempDir) -> Self {
        Self {
            root: root.path().to_owned(),
            left: Cell::new(calls),
            calls: RefCell::default(),
        }
    }

    fn call(&self, change: Change, apply: impl FnOnce() -> Result<()>) -> Result<()> {
        self.power()?;
        let folders = match &change {
            Change::Folder(path) | Change::File(path, _) | Change::Remove(path) => vec![path],
            Change::Rename(from, to) => vec![from, to],
        };
        let folders = folders.iter().map(|path| path.parent().unwrap().to_owned());
        let folders = folders.collect();
        self.calls.borrow_mut().push(Call {
            change,
            folders,
            lasts: false,
        });
        apply()
    }

    fn power(&self) -> Result<()> {
        let left = self.left.get().checked_sub(1);
        self.left.set(left.unwrap_or(0));
        left.map(drop).ok_or_else(|| Error::new("the power went"))
    }

    /// The folders in which something is lost.
    fn losing(&self) -> BTreeSet<PathBuf> {
        let calls = self.calls.borrow();
        let lost = calls.iter().filter(|call| !call.lasts);
        lost.flat_map(|call| call.folders.clone()).collect()
    }

    /// What is on the disk when it is started again, in the folder `to`.
    fn started_again(&self, to: &Path, losing: &BTreeSet<PathBuf>) {
        let at = |path: &Path| to.join(path.strip_prefix(&self.root).unwrap());
        let lasts =
            |call: &&Call| call.lasts || !call.folders.iter().any(|folder| losing.contains(folder));
        for call in self.calls.borrow().iter().filter(lasts) {
            // What was in a folder that was lost is lost too.
            let _ = match &call.change {
                Change::Folder(path) => fs::create_dir(at(path)),
                Change::File(path, bytes) => fs::write(at(path), bytes),
                Change::Rename(from, to) => fs::rename(at(from), at(to)),
                Change::Remove(path) if at(path).is_dir() => fs::remove_dir_all(at(path)),
                Change::Remove(path) => fs::remove_file(at(path)),
            };
        }
    }
}

impl Disk for Losing {
    fn create_dir_all(&self, path: &Path) -> Result<()> {
        let missing = path.ancestors().take_while(|path| !path.exists());
        let missing: Vec<&Path> = missing.collect();
        for path in missing.into_iter().rev() {
            self.call(Change::Folder(path.to_owned()), || {
                RealDisk.create_dir_all(path)
            })?;
        }
        Ok(())
    }
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let change = Change::File(path.to_owned(), bytes.to_owned());
        let failed = |error| Error::io("write", path, &error);
        self.call(change, || fs::write(path, bytes).map_err(failed))
    }
    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let change = Change::Rename(from.to_owned(), to.to_owned());
        self.call(change, || RealDisk.rename(from, to))
    }
    fn remove_file(&self, path: &Path) -> Result<()> {
        self.call(Change::Remove(path.to_owned()), || {
            RealDisk.remove_file(path)
        })
    }
    fn remove_dir(&self, path: &Path) -> Result<()> {
        self.call(Change::Remove(path.to_owned()), || {
            RealDisk.remove_dir(path)
        })
    }
    fn remove_dir_all(&self, path: &Path) -> Result<()> {
        self.call(Change::Remove(path.to_owned()), || {
            RealDisk.remove_dir_all(path)
        })
    }
    fn sync_dir(&self, path: &Path) -> Result<()> {
        self.power()?;
        for call in self.calls.borrow_mut().iter_mut() {
            call.lasts |= call.folders.iter().any(|folder| folder == path);
        }
        Ok(())
    }
}

/// Takes the power away after every call of `next` over `first`; what comes after the start is the
/// old crate, one that refuses, or the new one, and the next emission makes it the new one.
fn lose_everywhere(first: Option<&Crate>, next: &Crate) {
    let crate_of = |files: &BTreeMap<String, Vec<u8>>| {
        let mut files = files.clone();
        files.remove(LOCK);
        files
    };
    let after = crate_of(&expected(next));
    let started = |root: &TempDir| {
        let out = root.path().join("crate");
        if let Some(first) = first {
            write_on(&Losing::after(usize::MAX, root), first, &out, false).unwrap();
        }
        out
    };
    for calls in 0.. {
        let before = tempfile::tempdir().unwrap();
        let disk = Losing::after(calls, &before);
        let result = write_on(&disk, next, &started(&before), false);
        let all = disk.losing();
        let each = all.iter().map(|folder| BTreeSet::from([folder.clone()]));
        for losing in each.chain([all.clone()]) {
            let again = tempfile::tempdir().unwrap();
            let found = started(&again);
            disk.started_again(again.path(), &losing);
            let at = format!("after {calls} calls without {losing:?}");
            let files = found.exists().then(|| crate_of(&contents(&found)));
            let refuses = |files: &BTreeMap<_, _>| {
                files
                    .get(MANIFEST)
                    .is_some_and(|text| text == GUARD.as_bytes())
            };
            match &files {
                Some(files) if *files == after || refuses(files) && result.is_err() => {}
                _ => {
                    assert!(result.is_err(), "{at}: {files:?}");
                    assert_eq!(files, first.map(|first| crate_of(&expected(first))), "{at}");
                }
            }
            let disk = Losing::after(usize::MAX, &again);
            write_on(&disk, next, &found, false).unwrap_or_else(|error| panic!("{at}: {error}"));
            assert_eq!(contents(&found), expected(next), "{at}");
            assert_eq!(fs::read_dir(again.path()).unwrap().count(), 1, "{at}");
        }
        if result.is_ok() {
            assert!(calls > 9);
            break;
        }
    }
}

#[test]
fn a_disk_that_loses_its_power_has_the_old_crate_the_new_or_one_that_refuses() {
    lose_everywhere(Some(&old()), &new());
    lose_everywhere(Some(&new()), &old());
    lose_everywhere(None, &new());
}

/// What cannot be written through is refused: a device takes bytes, and cannot be synced.
#[cfg(target_os = "linux")]
#[test]
fn files_and_folders_are_written_through() {
    let device = Path::new("/dev/null");
    fs::write(device, "bytes").unwrap();
    assert!(RealDisk.write(device, b"bytes").is_err());
    assert!(RealDisk.sync_dir(device).is_err());
}

#[test]
fn an_interrupted_update_leaves_old_new_or_a_crate_that_refuses() {
    let seen = interrupt_everywhere(Some(&old()), &new(), false);
    assert!(seen.iter().all(|&count| count > 0), "{seen:?}");
}

#[test]
fn an_interrupted_creation_leaves_nothing_or_the_crate() {
    let seen = interrupt_everywhere(None, &new(), false);
    assert_eq!(seen[1], 0, "{seen:?}");
}

#[test]
fn an_interrupted_emission_into_an_empty_folder_is_never_half_a_crate() {
    let seen = interrupt_everywhere(None, &new(), true);
    assert!(seen.iter().all(|&count| count > 0), "{seen:?}");
}

#[test]
fn a_change_of_the_manifest_alone_is_one_rename() {
    let mut next = old();
    next.insert_text("Cargo.toml", "another manifest".into());
    let seen = interrupt_everywhere(Some(&old()), &next, false);
    assert_eq!(seen[1], 0, "{seen:?}");
}

#[test]
fn cargo_refuses_the_stand_in_and_shows_why() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Cargo.toml"), GUARD).unwrap();
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--offline"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(message.contains("edgegen was interrupted"), "{message}");
}

#[test]
fn equal_files_keep_their_time() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a/b/crate");
    let report = write(&old(), &out, false).unwrap();
    assert_eq!(
        (report.written, report.unchanged, report.removed),
        (7, 0, 0)
    );
    let long_ago = SystemTime::now() - Duration::from_secs(86_400);
    let set = |path: &str| {
        let file = fs::File::options()
            .write(true)
            .open(out.join(path))
            .unwrap();
        file.set_modified(long_ago).unwrap();
    };
    let kept = |path: &str| out.join(path).metadata().unwrap().modified().unwrap() == long_ago;
    set("src/same.rs");
    set("Cargo.toml");
    let report = write(&old(), &out, false).unwrap();
    assert_eq!(
        (report.written, report.unchanged, report.removed),
        (0, 7, 0)
    );
    assert!(kept("Cargo.toml") && kept("src/same.rs"));
    let report = write(&new(), &out, false).unwrap();
    assert_eq!(
        (report.written, report.unchanged, report.removed),
        (4, 2, 2)
    );
    assert!(kept("src/same.rs"));
    assert!(!out.join("src/gone").exists());
    // Nothing is left beside it.
    assert_eq!(fs::read_dir(out.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn work_of_the_user_is_not_lost_without_force() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("crate");
    write(&old(), &out, false).unwrap();
    for path in ["src/lib.rs", "src/gone/gone.rs", "weights/deep/new.bin"] {
        let before = read(&out.join(path)).unwrap();
        fs::create_dir_all(out.join(path).parent().unwrap()).unwrap();
        fs::write(out.join(path), "mine").unwrap();
        let all = contents(&out);
        let error = write(&new(), &out, false).unwrap_err().to_string();
        assert!(error.contains(path) && error.contains("--force"), "{error}");
        assert_eq!(contents(&out), all);
        match before {
            Some(before) => fs::write(out.join(path), before).unwrap(),
            None => fs::remove_file(out.join(path)).unwrap(),
        }
    }
    fs::write(out.join("src/lib.rs"), "mine").unwrap();
    fs::write(out.join("src/mine.rs"), "mine").unwrap();
    write(&new(), &out, true).unwrap();
    let mut all = expected(&new());
    all.insert("src/mine.rs".into(), b"mine".to_vec());
    assert_eq!(contents(&out), all);
}

#[test]
fn a_folder_of_someone_else_is_refused_and_force_deletes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "mine").unwrap();
    let error = write(&new(), folder.path(), false).unwrap_err().to_string();
    assert!(error.contains("thesis.txt"), "{error}");
    assert_eq!(contents(folder.path()).len(), 1);
    write(&new(), folder.path(), true).unwrap();
    assert_eq!(fs::read(folder.path().join("thesis.txt")).unwrap(), b"mine");
    let file = folder.path().join("thesis.txt");
    assert!(write(&new(), &file, true).is_err());
}

#[test]
fn a_folder_in_a_files_place_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("crate");
    fs::create_dir_all(out.join("src/lib.rs/mine")).unwrap();
    let error = write(&new(), &out, true).unwrap_err().to_string();
    let expected = "src/lib.rs: this is in the way";
    assert!(
        error.contains(expected) && error.contains("move it away"),
        "{error}"
    );
    assert!(out.join("src/lib.rs/mine").exists());
}

#[test]
fn a_place_is_tried_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    for out in ["crate", "a/b/crate"] {
        check_destination(&folder.path().join(out), false).unwrap();
    }
    check_destination(folder.path(), false).unwrap();
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    // No file of a process can be created there, whoever asks.
    if cfg!(target_os = "linux") {
        let error = check_destination(Path::new("/proc/self/crate"), false).unwrap_err();
        let expected = "/proc/self: no folder can be made here";
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn paths_stay_within_the_crate() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [
        "../x",
        "/x",
        "a/../../x",
        "a//b",
        "./a",
        "",
        "a\\b",
        "c:/x",
        "a\nb",
        LOCK,
        ".edgegen-staging/commit",
    ];
    for path in paths {
        let krate = krate(&[("Cargo.toml", ""), (path, "")]);
        let out = folder.path().join("crate");
        assert!(write(&krate, &out, true).is_err(), "{path:?}");
        assert!(!out.exists());
    }
}

#[cfg(unix)]
#[test]
fn a_link_does_not_lead_out_of_the_crate() {
    let folder = tempfile::tempdir().unwrap();
    let (out, other) = (folder.path().join("crate"), folder.path().join("other"));
    fs::create_dir(&out).unwrap();
    fs::create_dir(&other).unwrap();
    std::os::unix::fs::symlink(&other, out.join("src")).unwrap();
    let error = write(&new(), &out, true).unwrap_err().to_string();
    assert!(error.contains("src"), "{error}");
    assert_eq!(fs::read_dir(&other).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_nowhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("crate");
    std::os::unix::fs::symlink("nowhere", &out).unwrap();
    for force in [false, true] {
        let error = write(&new(), &out, force).unwrap_err();
        assert_eq!(error.file(), Some(&*out));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_damaged_lock_or_commit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("crate");
    write(&old(), &out, false).unwrap();
    let neighbour = folder.path().join("neighbour");
    fs::write(&neighbour, "mine").unwrap();
    let hash = sha256("mine");
    for line in [
        "nonsense".to_owned(),
        format!("{hash}  ../neighbour"),
        format!("{hash}  {}", neighbour.display()),
    ] {
        fs::write(out.join(LOCK), line).unwrap();
        for force in [false, true] {
            assert!(write(&new(), &out, force).is_err());
            assert!(neighbour.exists());
        }
    }
    fs::create_dir(out.join(STAGING)).unwrap();
    let plan = r#"{"replace":[],"remove":["../other"]}"#;
    for text in ["{", plan] {
        fs::write(out.join(STAGING).join("commit"), text).unwrap();
        let error = write(&new(), &out, true).unwrap_err().to_string();
        assert!(error.contains("damaged"), "{error}");
    }
}
