//! Emitted crates on a bare 32-bit RISC-V machine, emulated: flash that is executed in place, and
//! no more RAM than a microcontroller has.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::built::cargo_for;
use crate::{Emitted, Missing, paths, run};

const TARGET: &str = "riscv32imc-unknown-none-elf";
/// RAM of an ESP32-C3, as the linker and QEMU take it.
const RAM: &str = "400K";
const STACK: &str = "16K";
/// The second bank of flash, for weights that are not in the program.
const WEIGHTS_AT: &str = "0x22000000";

/// A release build for this target, of the package in the current folder. All share `core`, so
/// they agree on the profile and have no flags of their own.
pub fn build() -> Command {
    let mut command = cargo_for("core", TARGET, "build");
    command
        // Incremental compilation splits a crate, which inlines less: the stack would be higher.
        .env("CARGO_INCREMENTAL", "0")
        .env(
            "CARGO_TARGET_RISCV32IMC_UNKNOWN_NONE_ELF_LINKER",
            "ld.lld-22",
        )
        .args(["--release", "--target-dir"])
        .arg(target());
    command
}

/// A file that [`build`] made.
pub fn built(name: &str) -> PathBuf {
    target().join(TARGET).join("release").join(name)
}

fn target() -> PathBuf {
    paths::work("riscv32").join("target")
}

/// A program for the machine, around an emitted crate.
#[derive(Debug)]
pub struct Image {
    file: PathBuf,
    /// What is put into the second bank of flash.
    pub weights: Option<PathBuf>,
}

/// What it printed, and how it ended.
#[derive(Debug)]
pub struct Session {
    /// What came from the UART.
    pub lines: Vec<String>,
    /// 0, or the cause of a trap.
    pub status: Option<i32>,
}

/// Bytes of memory that a run took.
#[derive(Debug)]
pub struct Usage {
    /// Stack at its highest.
    pub stack: u64,
    /// What the stack may grow to.
    pub stack_size: u64,
    /// Statics: the session's memory.
    pub statics: u64,
    /// Code, weights and tables.
    pub flash: u64,
}

impl Image {
    /// Builds it.
    ///
    /// # Errors
    ///
    /// When a tool is missing.
    pub fn build(emitted: &Emitted) -> Result<Self, Missing> {
        run::need(&[
            ("qemu-system-riscv32", "qemu-system-misc"),
            ("ld.lld-22", "lld-22"),
        ])?;
        let folder = paths::work("riscv32").join(&emitted.name);
        let sources = paths::workspace().join("tests/riscv32");
        std::fs::create_dir_all(&folder).expect("a writable target folder");
        let manifest = format!(
            r#"[package]
name = "{name}-image"
edition = "2024"

[[bin]]
name = "{name}-image"
path = "{main}"

[features]
default = [{features}]
# The weights are in the second bank of flash.
external = []

[dependencies]
model = {{ package = "{name}", path = "{path}" }}

[profile.release]
codegen-units = 1
lto = "off"
panic = "abort"

[workspace]
"#,
            name = emitted.name,
            features = emitted.weights().map_or("", |_| "\"external\""),
            main = sources.join("main.rs").display(),
            path = emitted.folder.display(),
        );
        std::fs::write(folder.join("Cargo.toml"), manifest).expect("a writable target folder");
        let script = format!(
            r#"fn main() {{
    for argument in ["-T{}", "--defsym=RAM_SIZE={RAM}", "--defsym=STACK_SIZE={STACK}"] {{
        println!("cargo:rustc-link-arg={{argument}}");
    }}
}}
"#,
            sources.join("link.ld").display(),
        );
        std::fs::write(folder.join("build.rs"), script).expect("a writable target folder");
        run::must(build().arg("--offline").current_dir(&folder));
        Ok(Self {
            file: built(&format!("{}-image", emitted.name)),
            weights: emitted.weights(),
        })
    }

    /// Runs it and types lines; the last should end the run.
    pub fn run(&self, lines: &[&str]) -> Session {
        let mut command = Command::new("timeout");
        command.args(["300", "qemu-system-riscv32", "-M", "virt"]);
        if let Some(weights) = &self.weights {
            let file = weights.display();
            command.arg("-device");
            command.arg(format!("loader,file={file},addr={WEIGHTS_AT},force-raw=on"));
        }
        let mut child = command
            .args(["-cpu", "rv32,a=false,f=false,d=false", "-m", RAM])
            .args(["-icount", "shift=0", "-nographic", "-monitor", "none"])
            .args(["-serial", "stdio", "-bios", "none", "-device"])
            .arg(format!("loader,file={},cpu-num=0", self.file.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("qemu-system-riscv32 starts");
        let mut input = child.stdin.take().expect("a pipe");
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        input.write_all(text.as_bytes()).expect("an open pipe");
        let output = child.wait_with_output().expect("an end of the run");
        let text = String::from_utf8(output.stdout).expect("UTF-8 from the UART");
        Session {
            lines: text.lines().map(str::to_owned).collect(),
            status: output.status.code(),
        }
    }

    /// Instructions of a decoded token, after `context` others.
    pub fn per_token(&self, context: u64) -> u64 {
        let session = self.run(&[&format!(":count {context}"), ":exit"]);
        numbers(&session.lines[0])[0]
    }
}

impl Session {
    /// What its last line says of memory.
    pub fn usage(&self) -> Usage {
        let line = self.lines.last().expect("a line");
        let &[stack, stack_size, statics, flash] = &numbers(line)[..] else {
            panic!("not a line of usage: {line}");
        };
        Usage {
            stack,
            stack_size,
            statics,
            flash,
        }
    }
}

fn numbers(line: &str) -> Vec<u64> {
    line.split(' ')
        .filter_map(|word| word.parse().ok())
        .collect()
}
