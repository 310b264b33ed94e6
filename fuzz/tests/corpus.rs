//! What fuzzing starts with and the corpus that it found, as plain tests.

use std::fs;
use std::path::Path;

use edgegen_fuzz::{TARGETS, seeds};

#[test]
fn the_corpus_holds() {
    for (name, target) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(name);
        let mut files: Vec<_> = fs::read_dir(folder)
            .expect("every target has a corpus")
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{name} has no corpus");
        for file in files {
            // Shown if the target fails.
            println!("{}", file.display());
            target(&fs::read(&file).unwrap());
        }
    }
}

#[test]
fn the_seeds_hold() {
    for (number, (name, bytes)) in seeds().into_iter().enumerate() {
        println!("{name}: seed {number}");
        let (_, target) = TARGETS.iter().find(|(target, _)| *target == name).unwrap();
        target(&bytes);
    }
}
