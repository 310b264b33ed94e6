//! Emitted crates' programs, on each target.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::{Emitted, paths, run};

/// Where a program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// This machine.
    Host,
    /// 64-bit Arm Linux, emulated: a `cpu` that `qemu-aarch64-static -cpu` knows.
    Aarch64 {
        /// The emulated CPU.
        cpu: &'static str,
    },
}

const AARCH64: &str = "aarch64-unknown-linux-gnu";

/// `tests/cargo-for.sh`: cargo for a target that the toolchain may not have.
pub fn cargo_for(std: &str, target: &str, subcommand: &str) -> Command {
    let mut command = run::clean(paths::workspace().join("tests/cargo-for.sh"));
    command.args([std, target, subcommand]);
    command
}

impl Target {
    /// Whether the tools for it are installed; says what is missing.
    pub fn available(self) -> bool {
        match self {
            Self::Host => true,
            Self::Aarch64 { .. } => {
                run::has(
                    "aarch64-linux-gnu-gcc",
                    "gcc-aarch64-linux-gnu and libc6-dev-arm64-cross",
                ) && run::has("qemu-aarch64-static", "qemu-user-static")
            }
        }
    }

    /// Builds a crate's program.
    pub fn build(self, emitted: &Emitted) -> Program {
        let (mut command, target, output) = match self {
            Self::Host => {
                let target = paths::work("host");
                (run::cargo("build"), target.clone(), target)
            }
            Self::Aarch64 { .. } => {
                let target = paths::work("aarch64");
                let output = target.join(AARCH64);
                (cargo_for("std", AARCH64, "build"), target, output)
            }
        };
        run::must(
            command
                .env(
                    "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
                    "aarch64-linux-gnu-gcc",
                )
                .env(
                    "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS",
                    "-C target-feature=+crt-static",
                )
                .args(["--release", "--offline", "--target-dir"])
                .arg(target)
                .current_dir(&emitted.folder),
        );
        Program {
            target: self,
            path: output.join("release").join(&emitted.name),
        }
    }
}

/// The program of an emitted crate.
#[derive(Debug, Clone)]
pub struct Program {
    target: Target,
    path: PathBuf,
}

impl Program {
    /// The program's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same program, on another CPU of its target.
    pub fn on(&self, target: Target) -> Self {
        Self {
            target,
            path: self.path.clone(),
        }
    }

    /// Runs it with arguments.
    pub fn run(&self, args: &[&str]) -> Output {
        run::output(self.command().args(args))
    }

    /// Runs a command of it with `--json` and further arguments; it must succeed.
    pub fn json(&self, command: &str, args: &[&str]) -> Value {
        let text = run::must(self.command().args([command, "--json"]).args(args));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in: {text}"))
    }

    fn command(&self) -> Command {
        match self.target {
            Target::Host => Command::new(&self.path),
            Target::Aarch64 { cpu } => {
                let mut command = Command::new("qemu-aarch64-static");
                command.args(["-cpu", cpu]).arg(&self.path);
                command
            }
        }
    }
}
