//! Emitted crates.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::Value;

use crate::{paths, run};

/// What to emit.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The crate's name; two recipes with one name would overwrite each other's program.
    pub name: String,
    /// The model file; the built-in model, if there is none.
    pub model: Option<PathBuf>,
    /// A profile's name or file.
    pub platform: String,
    /// The value of `--quant`, where no plan says more.
    pub quant: Option<String>,
    /// Further arguments.
    pub more: Vec<String>,
}

impl Recipe {
    /// A model for a platform, in a number format.
    pub fn new(name: &str, model: &Path, platform: &str, quant: &str) -> Self {
        Self {
            name: name.to_owned(),
            model: Some(model.to_owned()),
            platform: platform.to_owned(),
            quant: Some(quant.to_owned()),
            more: Vec::new(),
        }
    }

    /// The built-in model for a platform, in a number format.
    pub fn built_in(name: &str, platform: &str, quant: &str) -> Self {
        Self {
            model: None,
            ..Self::new(name, Path::new(""), platform, quant)
        }
    }

    /// A model for a platform, as a plan's file says.
    pub fn planned(name: &str, model: &Path, platform: &str, plan: &Path) -> Self {
        let plan = plan.to_str().expect("a UTF-8 path");
        let recipe = Self {
            quant: None,
            ..Self::new(name, model, platform, "")
        };
        recipe.with("--plan").with(plan)
    }

    /// The built-in model for this kind of computer, as most tests want it.
    pub fn homectl() -> Self {
        Self::built_in("homectl", "host", "q4").for_one_cpu()
    }

    /// The same with its weights in a file.
    pub fn homectl_external() -> Self {
        let recipe = Self::built_in("homectl-external", "host", "q4");
        recipe.with("--weights=external").for_one_cpu()
    }

    /// For the oldest CPU of this kind alone: one instruction set is compiled in half the time.
    #[must_use]
    pub fn for_one_cpu(self) -> Self {
        self.with("--cpu=x86-64-v2")
    }

    /// With a further argument.
    #[must_use]
    pub fn with(mut self, argument: &str) -> Self {
        self.more.push(argument.to_owned());
        self
    }

    /// The command that emits it into a folder.
    pub fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(edgegen());
        // Not the user's.
        command
            .env("EDGEGEN_CACHE", paths::work("cache"))
            .arg("emit")
            .args(&self.model)
            .args(["--platform", &self.platform])
            .args(self.quant.iter().flat_map(|quant| ["--quant", quant]))
            .args(["--name", &self.name, "--json", "--out"])
            .arg(folder)
            .args(&self.more);
        command
    }

    /// Emits it into a folder of these tests, over what an earlier run left there.
    pub fn emit(&self) -> Emitted {
        // Tests of one process run at the same time and may want the same crate.
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = paths::work("crates").join(&self.name);
        let report = run::must(self.command(&folder).arg("--force"));
        Emitted {
            name: self.name.clone(),
            folder,
            report: serde_json::from_str(&report).expect("`emit --json` prints JSON"),
        }
    }
}

/// An emitted crate.
#[derive(Debug, Clone)]
pub struct Emitted {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// What `emit --json` printed.
    pub report: Value,
}

impl Emitted {
    /// The hash of the golden run's logits that edgegen's interpreter computed.
    pub fn hash(&self) -> &str {
        crate::golden::text(&self.report, "hash")
    }

    /// The file of weights, if they are not in the program.
    pub fn weights(&self) -> Option<PathBuf> {
        let file = self.report["weights_file"].as_str()?;
        Some(self.folder.join(file))
    }
}

/// The `edgegen` program. Cargo builds it with a test; for other programs it is built here, once.
pub fn edgegen() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let own = std::env::current_exe().expect("the path of the running program");
        let folder = own.parent().expect("a folder");
        if folder.ends_with("deps") {
            return folder.with_file_name("edgegen-cli");
        }
        run::must(
            run::cargo("build")
                .args(["--release", "--package", "tests", "--bin", "edgegen-cli"])
                .arg("--target-dir")
                .arg(paths::target())
                .current_dir(paths::workspace()),
        );
        folder.join("edgegen-cli")
    })
}

/// A profile file for this kind of computer with every instruction set, so that one program can
/// run on each of them.
pub fn every_x86() -> String {
    every_instruction_set(
        "every_x86",
        "x86_64-unknown-linux-gnu",
        r#"baseline = "scalar"
optional = ["avx512-vnni", "avx2", "sse4.1"]"#,
    )
}

/// The same for 64-bit Arm.
pub fn every_arm() -> String {
    every_instruction_set(
        "every_arm",
        "aarch64-unknown-linux-gnu",
        r#"crt_static = true
baseline = "neon"
optional = ["neon-i8mm", "neon-dotprod"]"#,
    )
}

fn every_instruction_set(name: &str, target: &str, sets: &str) -> String {
    let file = paths::work("profiles").join(format!("{name}.toml"));
    let text = format!(
        r#"name = "{name}"
description = "Each instruction set, to choose at start"
target = "{target}"
std = true
{sets}
number_types = ["int4", "int8", "f16", "f32"]
default_context = 512
batch = 16
threads = 2
"#
    );
    // Test files run one after the other, tests of one file do not: all write the same.
    std::fs::write(&file, text).expect("a writable target folder");
    file.to_str().expect("a UTF-8 path").to_owned()
}
