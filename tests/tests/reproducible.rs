//! Promise: emission depends on its inputs alone, leaves what is equal untouched, and happens
//! wholly or not at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use tests::{Recipe, Target, paths, run};

/// A folder's files by path, and when each was written.
fn files(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("a readable folder") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).expect("a readable file");
            let modified = path.metadata().and_then(|meta| meta.modified());
            let name = path.strip_prefix(folder).expect("a path within").to_owned();
            found.insert(name, (bytes, modified.expect("the time of a file")));
        }
    }
    found
}

/// Whether two folders hold the same paths and bytes.
fn equal(a: &Path, b: &Path) -> bool {
    let (a, b) = (files(a), files(b));
    let bytes = |(path, (bytes, _)): (PathBuf, (Vec<u8>, SystemTime))| (path, bytes);
    a.into_iter().map(bytes).eq(b.into_iter().map(bytes))
}

/// A large model, where there is one.
fn recipe() -> Recipe {
    let model = paths::smollm2().unwrap_or_else(|_| paths::llama());
    Recipe::new("reproduced", &model, "host", "keep")
}

fn emission_is_a_function_of_its_inputs() {
    let recipe = recipe();
    let folder = tempfile::tempdir_in(paths::work("reproduced")).expect("a writable target folder");
    let (one, other) = (folder.path().join("one"), folder.path().join("far/other"));
    std::fs::create_dir(folder.path().join("far")).expect("a writable folder");
    run::must(&mut recipe.command(&one));
    run::must(&mut recipe.command(&other));
    assert!(equal(&one, &other));
}

fn emitting_again_touches_nothing_and_rebuilds_nothing() {
    // Others run it.
    let recipe = Recipe::homectl_external();
    let emitted = recipe.emit();
    Target::Host.build(&emitted);
    let before = files(&emitted.folder);
    recipe.emit();
    assert!(before == files(&emitted.folder), "a file was written again");
    let mut build = run::cargo("build");
    build
        .args(["--release", "--offline", "--verbose", "--target-dir"])
        .arg(paths::work("host").join(&emitted.name))
        .current_dir(&emitted.folder);
    let output = run::output(&mut build);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && !said.contains("Compiling"),
        "{said}"
    );
    assert!(said.contains("Fresh"), "{said}");
}

/// Kills emissions at moments spread over the time that a whole one takes.
fn a_killed_emission_leaves_no_half_written_crate() {
    const TRIES: u32 = 12;
    let recipe = recipe();
    let folder = tempfile::tempdir_in(paths::work("killed")).expect("a writable target folder");
    let whole = folder.path().join("whole");
    // The first call builds edgegen, which is not what is timed.
    let mut command = recipe.command(&whole);
    let start = Instant::now();
    run::must(&mut command);
    let whole_time = start.elapsed();

    let mut absent = 0;
    for attempt in 1..=TRIES {
        let out = folder.path().join(format!("killed{attempt}"));
        let mut command = recipe.command(&out);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("edgegen can be started");
        std::thread::sleep(moment(whole_time, attempt, TRIES));
        child.kill().expect("the emission can be killed");
        child.wait().expect("the emission has ended");
        if out.exists() {
            assert!(
                equal(&out, &whole),
                "a half-written crate after attempt {attempt}"
            );
        } else {
            absent += 1;
        }
        // What was left behind is no hindrance.
        run::must(recipe.command(&out).arg("--force"));
        assert!(equal(&out, &whole), "after attempt {attempt}");
        std::fs::remove_dir_all(&out).expect("a removable folder");
    }
    println!("{absent} of {TRIES} killed emissions left nothing");
    assert!(absent > 0, "no emission was killed in time");
}

/// The last half of the moments lie in the last tenth, where the files are written.
fn moment(whole: Duration, attempt: u32, tries: u32) -> Duration {
    let x = f64::from(attempt) / f64::from(tries);
    let fraction = if x <= 0.5 {
        1.8 * x
    } else {
        0.9 + 0.2 * (x - 0.5)
    };
    whole.mul_f64(fraction)
}

tests::trials![
    emission_is_a_function_of_its_inputs,
    emitting_again_touches_nothing_and_rebuilds_nothing;
    long: a_killed_emission_leaves_no_half_written_crate,
];

fn main() {
    tests::trial::run(trials());
}
