//! Promise: the self-test notices one changed weight byte and names the part that it is in.

use edgegen_templates::golden::golden_token;
use tests::golden::text;
use tests::{Recipe, Target, paths};

/// Columns of the embedding, padded to whole blocks: an f16 row is twice as many bytes.
const COLUMNS: usize = 64;
const VOCAB_SIZE: usize = 512;

fn a_changed_weight_byte_is_noticed_and_located() {
    let emitted = Recipe::new("llama-changed", &paths::llama(), "host", "f16").emit();
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
        let path = emitted.folder.join("weights").join(file);
        let intact = std::fs::read(&path).expect("an emitted weight file");
        let mut changed = intact.clone();
        changed[byte] ^= 0x08;
        std::fs::write(&path, &changed).expect("a writable weight file");
        let program = Target::Host.build(&emitted);
        let output = program.run(&["self-test", "--json"]);
        std::fs::write(&path, &intact).expect("a writable weight file");

        assert_eq!(output.status.code(), Some(1), "{file}");
        let found: serde_json::Value =
            serde_json::from_slice(&output.stdout).expect("`self-test --json` prints JSON");
        assert_eq!(found["ok"], false, "{file}");
        assert_eq!(text(&found, "first_difference"), part, "{file}");
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(message.contains(part), "{file}: {message}");
    }
}

tests::trials![a_changed_weight_byte_is_noticed_and_located,];
