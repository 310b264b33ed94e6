//! Emissions that run at the same time, and such as are killed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The tiny untrained model of the examples.
const TINY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../examples/macro-assistant/models/tiny.bin"
);

/// Options of emissions whose crates differ in texts, weights and files.
const OPTIONS: [&[&str]; 4] = [
    &["--platform", "host", "--quant", "q8"],
    &["--platform", "host", "--quant", "q4"],
    &["--platform", "browser", "--quant", "f32"],
    &["--platform", "esp32", "--quant", "f16", "--context", "32"],
];

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Starts an emission into `out`, which is relative to the folder.
    fn emit(&self, options: &[&str], out: &str) -> Child {
        Command::new(env!("CARGO_BIN_EXE_edgegen"))
            .args(["emit", TINY, "--name", "tiny", "--out", out])
            .args(options)
            .current_dir(self.0.path())
            .env("EDGEGEN_CACHE", self.path("cache"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "cache")
            .collect();
        names.sort();
        names
    }
}

fn succeed(child: Child) {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// Every file below a folder.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// What each of [`OPTIONS`] gives, alone.
fn alone() -> Vec<BTreeMap<PathBuf, Vec<u8>>> {
    let folder = Folder::new();
    let crates = OPTIONS.map(|options| {
        succeed(folder.emit(options, "alone"));
        let found = files(&folder.path("alone"));
        fs::remove_dir_all(folder.path("alone")).unwrap();
        found
    });
    crates.into()
}

#[cfg(unix)]
#[test]
fn of_emissions_into_one_folder_each_is_whole() {
    let alone = alone();
    let folder = Folder::new();
    std::os::unix::fs::symlink("crate", folder.path("link")).unwrap();
    let mut winners = vec![0; OPTIONS.len()];
    for round in 0..12 {
        // In turns: a folder that is not there, one that is empty, the crate of the last round.
        let out = folder.path("crate");
        if round % 3 < 2 && out.exists() {
            fs::remove_dir_all(&out).unwrap();
        }
        if round % 3 == 1 {
            fs::create_dir(&out).unwrap();
        }
        // A link may be given only to what is there.
        let names = [
            "crate",
            if round % 3 == 0 { "./crate" } else { "link" },
            "crate/../crate",
        ];
        let names = if round % 3 == 0 {
            &names[..2]
        } else {
            &names[..]
        };
        let running: Vec<Child> = (0..OPTIONS.len())
            .map(|at| {
                folder.emit(
                    OPTIONS[(at + round) % OPTIONS.len()],
                    names[at % names.len()],
                )
            })
            .collect();
        running.into_iter().for_each(succeed);
        let found = files(&out);
        let winner = alone.iter().position(|files| *files == found);
        winners[winner.unwrap_or_else(|| panic!("round {round}: mixed"))] += 1;
        assert_eq!(folder.names(), ["crate", "link"], "round {round}");
    }
    assert!(
        winners.iter().filter(|&&count| count > 0).count() > 1,
        "{winners:?}"
    );
}

/// Killed as soon as something shows beside the crate, or in it.
#[test]
fn what_a_killed_emission_leaves_is_gone_after_the_next() {
    let alone = alone();
    let (mut beside, mut within) = (0, 0);
    for round in 0..8 {
        let folder = Folder::new();
        let out = folder.path("crate");
        let updated = round % 2 == 1;
        if updated {
            succeed(folder.emit(OPTIONS[1], "crate"));
        }
        let mut running = folder.emit(OPTIONS[0], "crate");
        let start = Instant::now();
        let shows = || {
            let names = folder.names();
            names.iter().any(|name| name.starts_with(".edgegen-"))
                || out.join(".edgegen-staging").exists()
        };
        while !shows() && running.try_wait().unwrap().is_none() {
            assert!(start.elapsed() < Duration::from_secs(60));
        }
        std::thread::sleep(Duration::from_micros(round * 900));
        running.kill().unwrap();
        running.wait().unwrap();
        beside += usize::from(
            folder
                .names()
                .iter()
                .any(|name| name.starts_with(".edgegen-")),
        );
        within += usize::from(out.join(".edgegen-staging").exists());

        // Into another folder; then into the same one, which needs no `--force`.
        succeed(folder.emit(OPTIONS[1], "other"));
        let names: &[&str] = if out.exists() {
            &["crate", "other"]
        } else {
            &["other"]
        };
        assert_eq!(folder.names(), names, "round {round}");
        succeed(folder.emit(OPTIONS[2], "crate"));
        assert!(files(&out) == alone[2], "round {round}");
        assert_eq!(folder.names(), ["crate", "other"]);
    }
    assert!(beside > 0 && within > 0, "{beside} {within}");
}

/// An emission that goes on is not hurt by others beside it, which delete what is left.
#[test]
fn emissions_beside_each_other_do_not_touch_each_other() {
    let alone = alone();
    let folder = Folder::new();
    for _ in 0..2 {
        let out = ["a", "b", "c", "d"];
        let running: Vec<Child> = (0..OPTIONS.len())
            .map(|at| folder.emit(OPTIONS[at], out[at]))
            .collect();
        running.into_iter().for_each(succeed);
        assert_eq!(folder.names(), out);
        for (at, out) in out.iter().enumerate() {
            assert!(files(&folder.path(out)) == alone[at], "{out}");
            fs::remove_dir_all(folder.path(out)).unwrap();
        }
    }
}
