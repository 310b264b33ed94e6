//! Promise: emitted crates stand alone and are as clean as code written by hand.

use std::process::Command;

use tests::built::cargo_for;
use tests::{Emitted, Recipe, paths, run};

fn emitted() -> [Emitted; 4] {
    let model = paths::llama();
    let t3 = Recipe::new("llama-t3", &model, "host", "t3");
    [
        t3.with("--kv-cache=i8"),
        Recipe::new("llama-esp32", &model, "esp32", "q8").with("--context=128"),
        Recipe::new("llama-external", &model, "host", "q8").with("--weights=external"),
        Recipe::new("gpt2-q8", &paths::architecture("gpt2"), "host", "q8"),
    ]
    .map(|recipe| recipe.emit())
}

fn strict(command: &mut Command, emitted: &Emitted) {
    run::must(
        command
            .env("CARGO_TARGET_DIR", paths::work("strict"))
            .current_dir(&emitted.folder),
    );
}

fn emitted_crates_are_clean() {
    for emitted in &emitted() {
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

fn emitted_crates_pass_their_own_tests() {
    let [host, _, external, _] = emitted();
    for emitted in [host, external] {
        strict(
            run::cargo("test").args(["--offline", "--release"]),
            &emitted,
        );
    }
}

fn emitted_crates_depend_on_nothing() {
    for emitted in &emitted() {
        let manifest = table(emitted, "Cargo.toml");
        assert_eq!(manifest["dependencies"], toml::Table::new().into());
        for field in ["dev-dependencies", "build-dependencies", "target"] {
            assert!(!manifest.contains_key(field), "{}: {field}", emitted.name);
        }
    }
}

/// `cross` itself only warns of a key that it does not know.
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
    for emitted in &emitted() {
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

fn a_microcontrollers_crate_builds_without_std() {
    let [_, esp32, ..] = emitted();
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

tests::trials![
    emitted_crates_depend_on_nothing,
    cross_toml_has_known_keys_only;
    long: emitted_crates_are_clean,
    emitted_crates_pass_their_own_tests,
    a_microcontrollers_crate_builds_without_std,
];
