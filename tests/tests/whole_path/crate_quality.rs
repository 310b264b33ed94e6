//! Promise: emitted crates stand alone and are as clean as code written by hand.

use std::process::Command;

use tests::built::cargo_for;
use tests::{Emitted, Recipe, paths, run};

fn emitted() -> Option<[Emitted; 3]> {
    let model = paths::stories()?;
    let external = Recipe::new("stories-external", &model, "host", "q8");
    Some([
        Recipe::new("stories-t3", &model, "host", "t3")
            .with("--kv-cache=i8")
            .emit(),
        Recipe::new("stories-esp32", &model, "esp32", "q8").emit(),
        external.with("--weights=external").emit(),
    ])
}

fn strict(command: &mut Command, emitted: &Emitted) {
    run::must(
        command
            .env("CARGO_TARGET_DIR", paths::work("strict"))
            .current_dir(&emitted.folder),
    );
}

#[test]
fn emitted_crates_are_clean() {
    let Some(crates) = emitted() else { return };
    for emitted in &crates {
        let name = &emitted.name;
        strict(
            run::cargo("check")
                .args(["--offline", "--all-targets"])
                .env("RUSTFLAGS", "-Dwarnings"),
            emitted,
        );
        strict(
            run::cargo("clippy").args(["--offline", "--all-targets", "--", "-D", "warnings"]),
            emitted,
        );
        strict(
            run::cargo("doc")
                .args(["--offline", "--no-deps"])
                .env("RUSTDOCFLAGS", "-Dwarnings"),
            emitted,
        );
        strict(
            run::cargo("clippy")
                .args(["--offline", "--lib", "--no-default-features"])
                .args(["--", "-D", "warnings"]),
            emitted,
        );
        strict(run::cargo("fmt").arg("--check"), emitted);
        let ffi = ["--manifest-path", "ffi/Cargo.toml"];
        strict(
            run::cargo("clippy")
                .args(ffi)
                .args(["--offline", "--lib", "--", "-D", "warnings"]),
            emitted,
        );
        strict(run::cargo("fmt").args(ffi).arg("--check"), emitted);
        println!("{name} is clean");
    }
}

#[test]
fn emitted_crates_pass_their_own_tests() {
    let Some([host, _, external]) = emitted() else {
        return;
    };
    for emitted in [host, external] {
        strict(
            run::cargo("test").args(["--offline", "--release"]),
            &emitted,
        );
    }
}

#[test]
fn emitted_crates_depend_on_nothing() {
    let Some(crates) = emitted() else { return };
    for emitted in &crates {
        let manifest = table(emitted, "Cargo.toml");
        assert_eq!(manifest["dependencies"], toml::Table::new().into());
        for field in ["dev-dependencies", "build-dependencies", "target"] {
            assert!(!manifest.contains_key(field), "{}: {field}", emitted.name);
        }
    }
}

/// `cross` itself only warns of a key that it does not know.
#[test]
fn cross_toml_has_known_keys_only() {
    const BUILD: [&str; 8] = [
        "build-std",
        "default-target",
        "dockerfile",
        "env",
        "pre-build",
        "xargo",
        "zig",
        "custom-toolchain",
    ];
    const TARGET: [&str; 9] = [
        "build-std",
        "dockerfile",
        "env",
        "image",
        "pre-build",
        "runner",
        "xargo",
        "zig",
        "custom-toolchain",
    ];
    let known = |table: &toml::Value, keys: &[&str]| {
        let table = table.as_table().expect("a table");
        for key in table.keys() {
            assert!(keys.contains(&key.as_str()), "unknown key {key}");
        }
    };
    let Some(crates) = emitted() else { return };
    for emitted in &crates {
        for (section, value) in table(emitted, "Cross.toml") {
            match section.as_str() {
                "build" => known(&value, &BUILD),
                "target" => value
                    .as_table()
                    .expect("a table of targets")
                    .values()
                    .for_each(|target| known(target, &TARGET)),
                other => panic!("unknown section {other}"),
            }
        }
    }
}

#[test]
fn a_microcontrollers_crate_builds_without_std() {
    let Some([_, esp32, _]) = emitted() else {
        return;
    };
    run::must(
        cargo_for("core", "riscv32imc-unknown-none-elf", "build")
            .args(["--release", "--offline", "--lib", "--target-dir"])
            .arg(paths::work("riscv32"))
            .current_dir(&esp32.folder),
    );
}

fn table(emitted: &Emitted, file: &str) -> toml::Table {
    let text = std::fs::read_to_string(emitted.folder.join(file)).expect("an emitted file");
    text.parse()
        .unwrap_or_else(|error| panic!("{file}: {error}"))
}
