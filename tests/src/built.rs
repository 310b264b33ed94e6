//! Emitted crates' programs, on each target.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::{Emitted, Outcome, paths, run};

/// Where a program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// This machine.
    Host,
    /// This machine's system, emulated: a `cpu` that `qemu-x86_64-static -cpu` knows.
    X86 {
        /// The emulated CPU.
        cpu: &'static str,
    },
    /// 64-bit Arm Linux, emulated: a `cpu` that `qemu-aarch64-static -cpu` knows.
    Aarch64 {
        /// The emulated CPU.
        cpu: &'static str,
    },
    /// 32-bit Arm Linux, emulated: a `cpu` that `qemu-arm-static -cpu` knows.
    Armv7 {
        /// The emulated CPU.
        cpu: &'static str,
    },
}

/// What builds and runs programs for an emulated machine.
struct Tools {
    target: &'static str,
    linker: &'static str,
    packages: &'static str,
    emulator: &'static str,
}

const AARCH64: Tools = Tools {
    target: "aarch64-unknown-linux-gnu",
    linker: "aarch64-linux-gnu-gcc",
    packages: "gcc-aarch64-linux-gnu and libc6-dev-arm64-cross",
    emulator: "qemu-aarch64-static",
};

const ARMV7: Tools = Tools {
    target: "armv7-unknown-linux-gnueabihf",
    linker: "arm-linux-gnueabihf-gcc",
    packages: "gcc-arm-linux-gnueabihf and libc6-dev-armhf-cross",
    emulator: "qemu-arm-static",
};

const X86: Tools = Tools {
    target: "x86_64-unknown-linux-gnu",
    linker: "cc",
    packages: "gcc",
    emulator: "qemu-x86_64-static",
};

/// `tests/cargo-for.sh`: cargo for a target that the toolchain may not have.
pub fn cargo_for(std: &str, target: &str, subcommand: &str) -> Command {
    let mut command = run::clean(paths::workspace().join("tests/cargo-for.sh"));
    command.args([std, target, subcommand]);
    command
}

impl Target {
    /// The tools and the CPU, if it is emulated.
    fn emulated(self) -> Option<(Tools, &'static str)> {
        match self {
            Self::Host => None,
            Self::X86 { cpu } => Some((X86, cpu)),
            Self::Aarch64 { cpu } => Some((AARCH64, cpu)),
            Self::Armv7 { cpu } => Some((ARMV7, cpu)),
        }
    }

    /// Whether the tools for it are installed.
    ///
    /// # Errors
    ///
    /// When one is missing.
    pub fn available(self) -> Outcome {
        let Some((tools, _)) = self.emulated() else {
            return Ok(());
        };
        run::need(&[
            (tools.linker, tools.packages),
            (tools.emulator, "qemu-user-static"),
        ])
    }

    /// Builds a crate's program.
    pub fn build(self, emitted: &Emitted) -> Program {
        let (mut command, target, output) = match self.emulated() {
            None => {
                // Of its own, since builds in one folder wait for each other.
                let target = paths::work("host").join(&emitted.name);
                (run::cargo("build"), target.clone(), target)
            }
            Some((tools, _)) => {
                let variable = tools.target.replace('-', "_").to_uppercase();
                let mut command = cargo_for("std", tools.target, "build");
                command.env(format!("CARGO_TARGET_{variable}_LINKER"), tools.linker);
                let target = paths::work(tools.target);
                let output = target.join(tools.target);
                (command, target, output)
            }
        };
        run::must(
            command
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
        match self.target.emulated() {
            None => Command::new(&self.path),
            // Nothing names another system's folder of libraries: there only a static program runs.
            Some((tools, cpu)) => {
                let mut command = Command::new(tools.emulator);
                command.args(["-cpu", cpu]).arg(&self.path);
                command
            }
        }
    }
}
