//! Promise: weights outside the program are the same weights, checked before they are used.

use std::path::{Path, PathBuf};

use tests::{Emitted, Outcome, Program, Recipe, Target, paths};

const PROMPT: &str = "switch off the lamp in the kitchen";
const ANSWER: &str = r#"{"do":"off","what":"lamp","where":"kitchen"}"#;

fn weights(emitted: &Emitted) -> PathBuf {
    emitted.weights().expect("a file of weights")
}

/// The hash that the program computes with the weights in this file.
fn hash(program: &Program, weights: &Path) -> String {
    let found = program.json("self-test", &["--weights", utf8(weights)]);
    assert_eq!(found["ok"], true);
    tests::golden::text(&found, "hash").to_owned()
}

fn utf8(path: &Path) -> &str {
    path.to_str().expect("a UTF-8 path")
}

fn the_bits_are_those_of_embedded_weights() {
    let emitted = Recipe::homectl_external().emit();
    let embedded = Recipe::homectl().emit();
    assert_eq!(emitted.hash(), embedded.hash());
    let program = Target::Host.build(&emitted);
    let file = weights(&emitted);
    assert_eq!(hash(&program, &file), embedded.hash());

    let len = |file: &Path| file.metadata().expect("a file").len();
    let flash = |emitted: &Emitted| emitted.report["flash_bytes"].as_u64().expect("a size");
    // What were files of their own is aligned in one.
    let aligned = flash(&emitted) - flash(&embedded);
    assert!(aligned < 1024, "{aligned} bytes more");
    assert!(len(&file) < flash(&emitted));

    // Without the option, the file is looked for beside the program.
    let folder = tempfile::tempdir_in(paths::work("external")).expect("a writable target folder");
    let moved = folder.path().join("program");
    std::fs::copy(program.path(), &moved).expect("a copy");
    let run = || {
        let mut command = std::process::Command::new(&moved);
        tests::run::output(command.args(["generate", PROMPT]).current_dir("/"))
    };
    let said = String::from_utf8(run().stderr).expect("UTF-8");
    let name = file.file_name().and_then(|name| name.to_str());
    for part in [name.expect("UTF-8"), "No such file", "--weights PATH"] {
        assert!(said.contains(part), "no `{part}` in: {said}");
    }
    std::fs::copy(&file, folder.path().join(name.expect("UTF-8"))).expect("a copy");
    let answer = String::from_utf8(run().stdout).expect("UTF-8");
    assert_eq!(answer.trim(), ANSWER);
}

fn other_bytes_are_refused_with_the_reason() {
    let emitted = Recipe::homectl_external().emit();
    let program = Target::Host.build(&emitted);
    let intact = std::fs::read(weights(&emitted)).expect("a readable file");
    let tiny = Recipe::new("tiny-external", &paths::tiny(), "host", "q8");
    let other = weights(&tiny.with("--weights=external").emit());

    let mut changed = intact.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 0x10;
    let mut later = intact.clone();
    later[8] += 1;
    let cut = intact[..intact.len() - 64].to_vec();
    let file = paths::work("external").join("refused.weights");
    for (bytes, reason) in [
        (changed, "bytes of the file were changed"),
        (cut, "the file is cut off"),
        (Vec::new(), "the file is cut off: 0 bytes"),
        (later, "version 2, not 1"),
        (vec![b'x'; 4096], "no file of weights"),
        (
            std::fs::read(other).expect("a readable file"),
            "the weights are of another model",
        ),
    ] {
        std::fs::write(&file, bytes).expect("a writable target folder");
        let output = program.run(&["self-test", "--weights", utf8(&file)]);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr);
        for part in [reason, utf8(&file), "homectl-external.weights"] {
            assert!(said.contains(part), "no `{part}` in: {said}");
        }
    }
}

fn they_are_mapped_on_64_bit_arm() -> Outcome {
    let target = Target::Aarch64 { cpu: "cortex-a72" };
    target.available()?;
    let tiny = Recipe::new("tiny-external-pi", &paths::tiny(), "raspberry_pi", "q8");
    let emitted = tiny.with("--weights=external").emit();
    let program = target.build(&emitted);
    assert_eq!(hash(&program, &weights(&emitted)), emitted.hash());
    Ok(())
}

tests::trials![
    the_bits_are_those_of_embedded_weights,
    other_bytes_are_refused_with_the_reason;
    long: they_are_mapped_on_64_bit_arm,
];
