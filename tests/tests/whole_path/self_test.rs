//! Promise: the self-test notices one changed weight byte and names the part that it is in, through
//! every interface.

use std::path::{Path, PathBuf};
use std::process::Command;

use edgegen_templates::golden::golden_token;
use tests::golden::text;
use tests::{Emitted, Outcome, Recipe, Target, browser, paths, run};

use crate::apps::Jvm;
use crate::ffi::Library;

/// Columns of the embedding, padded to whole blocks: an f16 row is twice as many bytes.
const COLUMNS: usize = 64;
const VOCAB_SIZE: usize = 512;

fn emit(name: &str, platform: &str) -> Emitted {
    let recipe = Recipe::new(name, &paths::llama(), platform, "f16");
    match platform {
        "host" => recipe.for_one_cpu().emit(),
        _ => recipe.emit(),
    }
}

/// A copy of a program with a bit of a byte changed in the weights of one of its files.
fn changed(program: &Path, emitted: &Emitted, file: &str, byte: usize) -> PathBuf {
    let weights = emitted.folder.join("weights").join(file);
    let weights = std::fs::read(weights).expect("an emitted weight file");
    let mut content = std::fs::read(program).expect("a program");
    let mut places = content.windows(weights.len()).enumerate();
    let (at, _) = places
        .find(|(_, bytes)| *bytes == weights)
        .expect("the program holds its weights");
    content[at + byte] ^= 0x08;
    let copy = program.with_extension("changed");
    std::fs::copy(program, &copy).expect("a writable target folder");
    std::fs::write(&copy, content).expect("a writable target folder");
    copy
}

fn a_changed_weight_byte_is_noticed_and_located() {
    let emitted = emit("llama-changed", "host");
    let program = Target::Host.build(&emitted);
    assert_eq!(program.json("self-test", &[])["ok"], true);

    // Rows are interleaved in groups of eight; of the group with the golden run's first token,
    // eight columns hold an element of each row.
    let token = golden_token(0, VOCAB_SIZE) as usize;
    let row = 2 * (8 * COLUMNS * (token / 8) + token % 8) + 1;
    for (file, byte, part) in [
        ("layer_03.bin", 3, "layer 3"),
        ("layer_00.bin", 3, "layer 0"),
        ("embedding.bin", row, "embedding"),
        // The gain of the last norm.
        ("head.bin", 3, "output"),
    ] {
        let program = changed(program.path(), &emitted, file, byte);
        let output = run::output(Command::new(program).args(["self-test", "--json"]));
        assert_eq!(output.status.code(), Some(1), "{file}");
        let found: serde_json::Value =
            serde_json::from_slice(&output.stdout).expect("`self-test --json` prints JSON");
        assert_eq!(found["ok"], false, "{file}");
        assert_eq!(text(&found, "first_difference"), part, "{file}");
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(message.contains(part), "{file}: {message}");
    }
}

fn a_changed_weight_byte_is_told_by_each_interface() -> Outcome {
    const TOLD: &str = "other bits from layer 3 on";
    run::need(&[("javac", "openjdk-17-jdk-headless")])?;
    let changed = |name: &str, platform: &str| {
        let emitted = emit(name, platform);
        let weights = emitted.folder.join("weights/layer_03.bin");
        let mut bytes = std::fs::read(&weights).expect("an emitted weight file");
        bytes[3] ^= 0x08;
        std::fs::write(&weights, bytes).expect("a writable weight file");
        emitted
    };
    let web = browser::package(&changed("llama-changed-browser", "browser"))?;
    let host = changed("llama-changed-ffi", "host");

    let said = run::must(&mut Jvm::build(&host).java("SelfTest"));
    assert_eq!(said.trim(), TOLD);
    let said = run::must(&mut browser::in_node("hash.mjs", &web));
    assert_eq!(said.trim(), TOLD);
    let hash = host.hash().to_owned();
    let program = Library::with(host).example("changed", &["-O1"]);
    let output = run::output(Command::new(program).arg("Once"));
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(message.trim(), format!("self-test: {TOLD}"));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.starts_with("self-test: ") && !said.contains(&hash),
        "{said}"
    );
    Ok(())
}

tests::trials![
    a_changed_weight_byte_is_noticed_and_located;
    long: a_changed_weight_byte_is_told_by_each_interface,
];
