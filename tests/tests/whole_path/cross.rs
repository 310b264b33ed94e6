//! The macro, cross-compiled: what `cross` would do, without its container.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::emitted::edgegen;
use tests::{Outcome, Target, paths, run};

const PI: Target = Target::Aarch64 { cpu: "cortex-a72" };
const TARGET: &str = "aarch64-unknown-linux-gnu";

/// What a container of `cross` gives a build: a home that cannot be written, the target folder by name, a
/// linker and an emulator. The profile is that of emitted crates, so that the standard library is built once.
struct Container {
    folder: PathBuf,
    target: PathBuf,
}

impl Container {
    fn new(name: &str) -> Self {
        let folder = paths::work("cross").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("a folder of this test");
        }
        fs::create_dir_all(folder.join("home")).expect("a writable target folder");
        fs::create_dir(folder.join("bin")).expect("a new folder");
        // Not even by root.
        fs::write(folder.join("home/.cache"), "").expect("a new folder");
        let cargo_for = paths::workspace().join("tests/cargo-for.sh");
        let cross = format!(
            "#!/bin/sh\nset -eu\n[ \"$2 $3\" = '--release --target' ]\n\
             exec {} std \"$4\" \"$1\" --release\n",
            cargo_for.display()
        );
        run::script(&folder.join("bin/cross"), &cross);
        let target = paths::work(TARGET);
        Self { folder, target }
    }

    /// A command of the shell in a crate's folder.
    fn run(&self, crate_folder: &Path, command: &str) {
        let home = PathBuf::from(std::env::var_os("HOME").expect("a home"));
        let of_user = |variable: &str, folder: &str| {
            std::env::var_os(variable).map_or_else(|| home.join(folder), PathBuf::from)
        };
        let path = std::env::var("PATH").expect("a path");
        let qemu = "qemu-aarch64-static -cpu cortex-a72";
        run::must(
            run::clean("sh")
                .args(["-euc", command])
                .current_dir(crate_folder)
                .env(
                    "PATH",
                    format!("{}:{path}", self.folder.join("bin").display()),
                )
                .env("CARGO_HOME", of_user("CARGO_HOME", ".cargo"))
                .env("RUSTUP_HOME", of_user("RUSTUP_HOME", ".rustup"))
                .env("HOME", self.folder.join("home"))
                .env_remove("XDG_CACHE_HOME")
                .env_remove("EDGEGEN_CACHE")
                .env("CARGO_TARGET_DIR", &self.target)
                .env(
                    "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
                    "aarch64-linux-gnu-gcc",
                )
                .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", qemu)
                .env(
                    "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS",
                    "-C target-feature=+crt-static",
                )
                .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
                .env("CARGO_PROFILE_RELEASE_LTO", "off"),
        );
    }

    /// What `edgegen new` makes; its folder.
    fn make(&self, name: &str, platform: &str) -> PathBuf {
        run::must(
            run::clean(edgegen())
                .args(["new", name, "--platform", platform, "--edgegen"])
                .arg(paths::workspace())
                .current_dir(&self.folder),
        );
        let crate_folder = self.folder.join(name);
        let lock = paths::workspace().join("Cargo.lock");
        fs::copy(lock, crate_folder.join("Cargo.lock")).expect("a new crate");
        crate_folder
    }

    /// A program that was built, to be run by the emulator.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new("qemu-aarch64-static");
        let program = self.target.join(TARGET).join("release").join(name);
        command.args(["-cpu", "cortex-a72"]).arg(program);
        command
    }
}

/// The commands of a crate's workflow.
fn steps(crate_folder: &Path) -> Vec<String> {
    let workflow = fs::read_to_string(crate_folder.join(".github/workflows/ci.yml"));
    workflow
        .expect("a workflow")
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- run: "))
        .map(str::to_owned)
        .collect()
}

/// What `edgegen new` makes for a board passes its workflow and answers.
fn a_new_program_for_a_board_passes_its_workflow() -> Outcome {
    PI.available()?;
    let container = Container::new("new");
    let program = container.make("edgegen-test-board", "raspberry_pi");
    let steps = steps(&program);
    let [install, steps @ ..] = &steps[..] else {
        panic!("{steps:?}")
    };
    assert!(install.starts_with("cargo install cross"), "{install}");
    assert_eq!(steps.len(), 2, "{steps:?}");
    for step in steps {
        container.run(&program, step);
    }
    let answer = run::must(
        container
            .program("edgegen-test-board")
            .args(["switch", "off", "the", "lamp"]),
    );
    assert_eq!(answer, "{\"do\":\"off\",\"what\":\"lamp\"}\n");
    assert!(container.target.join("edgegen/entries").is_dir());
    Ok(())
}

tests::trials![
    nightly: a_new_program_for_a_board_passes_its_workflow,
];
