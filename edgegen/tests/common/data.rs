//! The repository's test data, which `tests/data/README.md` describes.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A file of the tests' data.
pub fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/data")
        .join(path)
}

/// A file of JSON.
pub fn json(path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(file(path)).unwrap()).unwrap()
}

/// What the built-in model was trained to say: the answers to commands, a line each. It knows
/// these and no prose.
pub fn answers(count: usize) -> String {
    let pairs = std::fs::read_to_string(file("homectl/generated.tsv")).unwrap();
    let answers = pairs.lines().map(|line| line.split('\t').nth(1).unwrap());
    answers
        .take(count)
        .map(|line| format!("{line}\n"))
        .collect()
}
