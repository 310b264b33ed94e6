//! Running commands.

use std::path::Path;
use std::process::{Command, Output};

use crate::{Missing, Outcome};

/// Runs a command that must succeed, without the variables that a surrounding cargo sets or that
/// change what is built; gives its standard output.
///
/// # Panics
///
/// If it fails; the message holds its output.
pub fn must(command: &mut Command) -> String {
    let output = output(command);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    String::from_utf8(output.stdout).expect("UTF-8 on standard output")
}

/// Runs a command and gives status and output.
///
/// # Panics
///
/// If it cannot be started.
pub fn output(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// cargo, undisturbed by the environment of these tests.
pub fn cargo(subcommand: &str) -> Command {
    let mut command = clean(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(subcommand);
    command
}

/// Writes a script that can be run.
///
/// # Panics
///
/// If the folder cannot be written.
pub fn script(file: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(file, text).expect("a writable folder");
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).expect("its mode");
}

/// A command that cargo's variables do not reach.
pub fn clean(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for name in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTDOCFLAGS",
        "CARGO_TARGET_DIR",
        "CARGO_BUILD_TARGET",
    ] {
        command.env_remove(name);
    }
    command
}

/// Whether programs can be found: their names and the packages that have them.
///
/// # Errors
///
/// When one is missing.
pub fn need(programs: &[(&str, &str)]) -> Outcome {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = |name| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    match programs.iter().find(|(name, _)| !found(name)) {
        Some((name, package)) => Err(Missing::new(format!(
            "{name} is missing: install {package}"
        ))),
        None => Ok(()),
    }
}

/// Arguments that hold no spaces, from one text.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ')
}

/// This machine in words: CPU, cores, system.
pub fn machine() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(':'));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "{cores} cores of {} ({} {})",
        model.map_or("an unknown CPU", |(_, name)| name.trim()),
        std::env::consts::OS,
        std::env::consts::ARCH,
    )
}
