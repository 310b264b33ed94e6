//! Sizes that a small file states ask for no memory that this machine has not: each command says
//! what would take how much, and ends.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Instant;

use crate::common::gguf::Gguf;
use crate::common::{Shape, Tiny};

/// KB of address space that a command gets.
const MEMORY: usize = 6_000_000;

/// A file of 17 MB: with a width of 1, a thousand heads of a thousand are few weights, and 8.4 MB of
/// KV cache for each token.
fn wide(folder: &Path) -> String {
    let shape = Shape {
        hidden: 1,
        intermediate: 1,
        layers: 1,
        heads: 1024,
        kv_heads: 1024,
        head_dim: 1024,
        rope_dim: 1024,
        context: 1 << 24,
        ..Shape::default()
    };
    let path = folder.join("wide.gguf");
    std::fs::write(&path, Gguf::new(&Tiny::new(shape, 1)).bytes()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Runs a command on the file, with little memory.
fn limited(folder: &Path, file: &str, command: &[&str]) -> Output {
    limited_to(MEMORY, folder, file, command)
}

/// With so many KB.
fn limited_to(memory: usize, folder: &Path, file: &str, command: &[&str]) -> Output {
    let limited = format!("ulimit -v {memory}; exec \"$0\" \"$@\"");
    let edgegen = env!("CARGO_BIN_EXE_edgegen");
    Command::new("sh")
        .args(["-c", &limited, edgegen, command[0], file])
        .args(&command[1..])
        .current_dir(folder)
        .env("EDGEGEN_CACHE", folder.join("cache"))
        // A session for each, whatever the machine has.
        .env("RAYON_NUM_THREADS", "2")
        .output()
        .unwrap()
}

#[test]
fn what_exceeds_the_memory_is_refused_with_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let file = wide(folder.path());
    let text = folder.path().join("text");
    std::fs::write(&text, "a word and another ".repeat(2000)).unwrap();
    let text = text.to_str().unwrap();
    for (command, what) in [
        (
            &["emit", "--platform", "host"][..],
            "a session of 2048 tokens takes 18.",
        ),
        (
            &["emit", "--platform", "host", "--context", "16777216"],
            "a session of 16777216 tokens takes 14",
        ),
        (
            &[
                "emit",
                "--platform",
                "host",
                "--context",
                "1",
                "--quant",
                "t4",
                "--calibration",
                text,
            ],
            "the calibration text takes",
        ),
        (
            &[
                "emit",
                "--platform",
                "host",
                "--context",
                "1",
                "--kv-heads",
                "1",
                "--calibration",
                text,
            ],
            "the calibration text takes",
        ),
        (
            &["eval", "--window", "4096", "--text", text],
            "of 4096 tokens take",
        ),
        (
            &["sweep", "--window", "4096", "--text", text],
            "of 4096 tokens take",
        ),
        (
            &[
                "plan",
                "--platform",
                "host",
                "--budget-mb",
                "60",
                "--context",
                "4096",
                "--calibration",
                text,
            ],
            "of memory",
        ),
    ] {
        let (start, name) = (Instant::now(), command.join(" "));
        let output = limited(folder.path(), &file, command);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {message}");
        assert!(message.contains(what), "{name}: {message}");
        assert!(message.contains("GB of memory"), "{name}: {message}");
        assert!(
            start.elapsed().as_secs() < 60,
            "{name}: {:?}",
            start.elapsed()
        );
    }
}

#[test]
fn planning_does_no_work_that_grows_with_the_sizes() {
    let folder = tempfile::tempdir().unwrap();
    let file = wide(folder.path());
    let start = Instant::now();
    let command = ["plan", "--platform", "raspberry_pi", "--policy", "basic"];
    let output = limited(folder.path(), &file, &command);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("RAM") && text.contains("too much"), "{text}");
    // It recommends no command that refuses.
    let emission = "emit     not on this machine: a session of 2048 tokens takes 17";
    assert!(text.contains(emission), "{text}");
    assert!(start.elapsed().as_secs() < 60);
}

/// Of two programs neither the weights nor the sessions are all that is held.
#[test]
#[ignore = "long"]
fn no_limit_of_memory_ends_an_evaluation_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let file = wide(folder.path());
    let text = folder.path().join("text");
    std::fs::write(&text, "a word and another ".repeat(4)).unwrap();
    let command = ["eval", "--window", "8", "--text", text.to_str().unwrap()];
    let mut done = 0;
    for memory in [
        400_000, 800_000, 1_200_000, 1_600_000, 1_800_000, 2_000_000, MEMORY,
    ] {
        let output = limited_to(memory, folder.path(), &file, &command);
        let message = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => done += 1,
            Some(1) => assert!(message.contains("MB of memory, more than"), "{message}"),
            other => panic!("{other:?} with {memory} KB: {message}"),
        }
    }
    assert!((1..7).contains(&done), "{done}");
}

/// A listing has no weights.
#[test]
fn a_program_is_shown_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = wide(folder.path());
    let start = Instant::now();
    let command = [
        "plan",
        "--platform",
        "host",
        "--context",
        "8",
        "--show",
        "program",
    ];
    let output = limited(folder.path(), &file, &command);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("  Attention shape: "),
        "{text}"
    );
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}
