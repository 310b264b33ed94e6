//! `edgegen new`: the crate builds at once, and a program answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use assert_cmd::cargo::cargo_bin_cmd;

const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A folder for the programs of a test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn new(folder: &Path, args: &[&str]) -> assert_cmd::assert::Assert {
    let mut command = cargo_bin_cmd!("edgegen");
    command.arg("new").args(args).current_dir(folder).assert()
}

/// Runs a command that must succeed, with what the workspace and its example have built.
fn run(program: &Path, command: &str) -> Output {
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(program)
        .env("CARGO_NET_OFFLINE", "true")
        .env("EDGEGEN_CACHE", program.join("target/cache"))
        .env(
            "CARGO_TARGET_DIR",
            Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap(),
        )
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {errors}");
    output
}

#[test]
#[ignore = "long"]
fn a_program_builds_at_once() {
    let folder = folder("new");
    let args = [
        "edgegen-test-new",
        "--platform",
        "host",
        "--edgegen",
        CHECKOUT,
    ];
    new(&folder, &args).success();
    let program = folder.join("edgegen-test-new");
    fs::copy(
        Path::new(CHECKOUT).join("Cargo.lock"),
        program.join("Cargo.lock"),
    )
    .unwrap();

    let output = run(
        &program,
        "cargo run --quiet --release -- switch off the lamp",
    );
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&answer["do"], &answer["what"]),
        (&"off".into(), &"lamp".into())
    );

    let workflow = fs::read_to_string(program.join(".github/workflows/ci.yml")).unwrap();
    let steps = workflow
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- run: "));
    let tests: Vec<_> = steps
        .map(|step| run(&program, step))
        .filter(|output| {
            String::from_utf8_lossy(&output.stdout).contains("test result: ok. 1 passed")
        })
        .collect();
    assert_eq!(tests.len(), 1, "{workflow}");

    // It is the user's from then on.
    let refused = new(&folder, &args).code(1).get_output().stderr.clone();
    let refused = String::from_utf8(refused).unwrap();
    assert!(refused.contains("it is there already"), "{refused}");
}

#[test]
fn a_board_is_built_for_by_cross() {
    let folder = folder("new for a board");
    let profile = include_str!("../../src/profile/built_in/raspberry_pi.toml");
    fs::write(
        folder.join("pi.toml"),
        profile.replacen("raspberry_pi", "my_pi", 1),
    )
    .unwrap();
    for (name, platform) in [("one", "raspberry_pi"), ("two", "pi.toml")] {
        new(&folder, &[name, "--platform", platform]).success();
        let read = |file: &str| fs::read_to_string(folder.join(name).join(file)).unwrap();
        let target = "aarch64-unknown-linux-gnu";
        assert!(read("Cross.toml").contains(target));
        let workflow = read(".github/workflows/ci.yml");
        assert!(workflow.contains(&format!("run: cross test --release --target {target}\n")));
        assert!(workflow.contains("run: cargo install cross"));
        let manifest: toml::Value = toml::from_str(&read("Cargo.toml")).unwrap();
        let version = manifest["dependencies"]["edgegen-macros"].as_str();
        assert_eq!(version, Some(env!("CARGO_PKG_VERSION")));
        for file in ["Cargo.toml", "src/main.rs", ".gitignore"] {
            assert!(!read(file).contains("{{"), "{file}");
        }
    }
    let main = fs::read_to_string(folder.join("two/src/main.rs")).unwrap();
    assert!(main.contains("platform: \"profile.toml\""));
    assert!(folder.join("two/profile.toml").exists());
}

#[test]
fn a_target_without_programs_gets_a_library() {
    let folder = folder("new library");
    for (platform, target, says) in [
        ("esp32", "riscv32imc-unknown-none-elf", "#![no_std]"),
        ("browser", "wasm32-unknown-unknown", "#![no_std]"),
        ("android", "aarch64-linux-android", "Result<String, Error>"),
        ("ios", "aarch64-apple-ios", "Result<String, Error>"),
    ] {
        let said = new(&folder, &[platform, "--platform", platform]).success();
        let said = String::from_utf8(said.get_output().stdout.clone()).unwrap();
        let build = format!("cargo build --release --target {target}");
        assert!(
            said.starts_with("library ") && said.contains(&build),
            "{said}"
        );
        let read = |file: &str| fs::read_to_string(folder.join(platform).join(file)).unwrap();
        let workflow = read(".github/workflows/ci.yml");
        let steps = format!("      - run: rustup target add {target}\n      - run: {build}\n");
        assert!(workflow.ends_with(&steps), "{workflow}");
        assert!(read("src/lib.rs").contains(says));
    }
    let config = fs::read_to_string(folder.join("browser/.cargo/config.toml")).unwrap();
    assert!(config.contains("+simd128"), "{config}");
}

#[test]
fn what_cannot_be_made_is_refused() {
    let folder = folder("new refused");
    for (name, platform, problem) in [
        ("app", "toaster", "unknown platform"),
        ("3app", "host", "cannot be the crate's name"),
        ("..", "host", "it is there already"),
    ] {
        let output = new(&folder, &[name, "--platform", platform]).code(1);
        let error = String::from_utf8(output.get_output().stderr.clone()).unwrap();
        assert!(error.contains(problem), "{error}");
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}
