//! Identifies this code. What it makes is kept in users' caches, and must not outlive a change.

use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

fn main() {
    let mut hash = DefaultHasher::new();
    for folder in ["src", "texts", "models"] {
        println!("cargo::rerun-if-changed={folder}");
        add(Path::new(folder), &mut hash);
    }
    println!("cargo::rustc-env=EDGEGEN_CODE={:016x}", hash.finish());
    let level = env::var("OPT_LEVEL").expect("cargo sets it");
    println!("cargo::rustc-env=EDGEGEN_OPT_LEVEL={level}");
}

/// Names and contents, in order of the names.
fn add(path: &Path, hash: &mut DefaultHasher) {
    path.hash(hash);
    if !path.is_dir() {
        fs::read(path).expect("sources can be read").hash(hash);
        return;
    }
    let entries = path.read_dir().expect("sources can be listed");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("sources can be listed").path())
        .collect();
    paths.sort();
    paths.iter().for_each(|path| add(path, hash));
}
