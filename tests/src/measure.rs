//! What emission and builds cost: the limits that the project promises, and the figures.

use std::path::Path;
use std::process::Command;

use crate::{Missing, Recipe, paths, run};

/// Elapsed time and the largest resident memory of any process of a command.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Elapsed seconds.
    pub seconds: f64,
    /// Bytes.
    pub memory: u64,
}

/// A measured step with its limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// What was measured.
    pub what: &'static str,
    /// The figures.
    pub cost: Cost,
    /// Seconds at most.
    pub max_seconds: f64,
    /// Bytes at most, where the project sets a limit.
    pub max_memory: Option<u64>,
}

impl Measured {
    /// Whether the figures keep the limits.
    pub fn kept(&self) -> bool {
        self.cost.seconds <= self.max_seconds
            && self.max_memory.is_none_or(|max| self.cost.memory <= max)
    }

    /// A row of [`table`].
    fn row(&self) -> String {
        let mb = |bytes: u64| format!("{} MB", bytes / 1_000_000);
        format!(
            "| {} | {:.1} s | {} s | {} | {} |\n",
            self.what,
            self.cost.seconds,
            self.max_seconds,
            mb(self.cost.memory),
            self.max_memory.map_or_else(|| "–".to_owned(), mb),
        )
    }
}

/// A Markdown table of the figures.
pub fn table(rows: &[Measured]) -> String {
    let head = "| step | time | limit | memory | limit |\n|---|---|---|---|---|\n";
    rows.iter()
        .fold(head.to_owned(), |table, row| table + &row.row())
}

/// Emits a model and builds its crate, first cold, then with only `src/main.rs` touched.
///
/// # Errors
///
/// When a tool is missing.
pub fn emission_and_builds(recipe: &Recipe) -> Result<Vec<Measured>, Missing> {
    run::need(&[("time", "time")])?;
    crate::emitted::edgegen();
    let folder = tempfile::tempdir_in(paths::work("measure")).expect("a writable target folder");
    let root = folder.path().join("crate");
    let emission = cost(&mut recipe.command(&root));
    let mut build = run::cargo("build");
    build
        .args(["--release", "--offline", "--target-dir"])
        .arg(folder.path().join("target"))
        .current_dir(&root);
    let cold = cost(&mut build);
    touch(&root.join("src/main.rs"));
    let again = cost(&mut build);
    let measured = |what, cost, max_seconds, max_memory| Measured {
        what,
        cost,
        max_seconds,
        max_memory,
    };
    Ok(vec![
        measured("emission", emission, 10.0, Some(500_000_000)),
        measured("cold release build", cold, 60.0, Some(1_500_000_000)),
        measured("rebuild after an edit of main.rs", again, 10.0, None),
    ])
}

/// Marks a file as changed.
fn touch(file: &Path) {
    let file = std::fs::File::options()
        .append(true)
        .open(file)
        .expect("an emitted file");
    file.set_modified(std::time::SystemTime::now())
        .expect("a file whose time can be set");
}

/// The largest resident memory of a command, in bytes.
pub fn peak_memory(command: &mut Command) -> u64 {
    cost(command).memory
}

/// Runs a command under GNU time, which reports the largest of all its processes.
fn cost(command: &mut Command) -> Cost {
    let report = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut timed = Command::new("time");
    timed
        .args(["-f", "%e %M", "-o"])
        .arg(report.path())
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => timed.env(name, value),
            None => timed.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        timed.current_dir(folder);
    }
    run::must(&mut timed);
    let text = std::fs::read_to_string(report.path()).expect("the report of `time`");
    let mut fields = text.split_whitespace();
    let mut field = || fields.next().expect("two figures");
    Cost {
        seconds: field().parse().expect("seconds"),
        memory: 1024 * field().parse::<u64>().expect("KiB"),
    }
}
