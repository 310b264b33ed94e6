//! Emitted crates in a browser: the package around the module, and a script that uses its page.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::built::cargo_for;
use crate::{Emitted, Missing, paths, run};

const TARGET: &str = "wasm32-unknown-unknown";
const LINKER: &str = "wasm-ld-22";

/// A crate's `web` folder with `dist` in it.
///
/// # Errors
///
/// When a tool is missing.
pub fn package(emitted: &Emitted) -> Result<PathBuf, Missing> {
    run::need(&[(LINKER, "lld-22"), ("node", "nodejs"), ("npm", "npm")])?;
    let target = paths::work("browser").join("target");
    run::must(
        cargo_for("core", TARGET, "build")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", LINKER)
            .args(["--release", "--offline", "--target-dir"])
            .arg(&target)
            .current_dir(emitted.folder.join("ffi")),
    );
    let module = format!("{}_ffi.wasm", emitted.name.replace('-', "_"));
    let web = emitted.folder.join("web");
    run::must(
        Command::new("node")
            .arg(web.join("build.mjs"))
            .arg(target.join(TARGET).join("release").join(module)),
    );
    Ok(web)
}

/// A script of these tests, on a package in Node.
pub fn in_node(script: &str, web: &Path) -> Command {
    let mut command = Command::new("node");
    command
        .arg(paths::workspace().join("tests/browser").join(script))
        .arg(web);
    command
}

/// A folder with a script of these tests and the packages that it names.
pub fn scripts(folder: &str) -> PathBuf {
    let source = paths::workspace().join("tests").join(folder);
    let work = paths::work(folder);
    for entry in std::fs::read_dir(source).expect("a readable folder") {
        let file = entry.expect("a readable folder").path();
        let name = file.file_name().expect("a file");
        std::fs::copy(&file, work.join(name)).expect("a writable target folder");
    }
    run::must(
        Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--silent"])
            .current_dir(&work),
    );
    work
}

/// What a page must do.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// What is typed.
    pub prompt: &'a str,
    /// What must be answered.
    pub answer: &'a str,
    /// Tokens of an answer that takes long enough to be cancelled; 0 if none does.
    pub long: u32,
}

/// Uses the page as a user would; gives what was checked.
pub fn check(web: &Path, emitted: &Emitted, expected: Expected<'_>) -> String {
    run::must(
        Command::new("node")
            .arg(scripts("browser").join("check.mjs"))
            .arg(web)
            .args([emitted.hash(), expected.prompt, expected.answer])
            .arg(expected.long.to_string())
            .arg(paths::work("browser").join(format!("{}.png", emitted.name))),
    )
}
