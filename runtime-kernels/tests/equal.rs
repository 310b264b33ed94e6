//! Every kernel on every instruction set of this machine has the bits of the scalar one, and no
//! kernel, format or instruction set of `src` is left out.
#![cfg(feature = "std")]

#[path = "suite/src/lib.rs"]
mod suite;

use std::fs;
use std::path::Path;

#[test]
fn all_instruction_sets_equal_scalar() {
    match suite::report() {
        Ok(text) => eprintln!("{text}"),
        Err(text) => panic!("{text}"),
    }
}

#[test]
fn the_suite_covers_all_kernels_and_formats() {
    let covered = |name: &str| {
        suite::CASES
            .iter()
            .any(|case| case.split(' ').any(|word| word == name))
    };
    for (path, text) in sources() {
        for line in text.lines() {
            if let Some(kernel) = line.split(" Kernel for ").nth(1) {
                let name = kernel.split(['<', ' ']).next().unwrap_or_default();
                assert!(
                    covered(name),
                    "{path}: kernel {name} has no case in tests/suite"
                );
            }
            if path.starts_with("formats/") && line.contains("const NAME") {
                let name = line.split('"').nth(1).unwrap_or_default();
                assert!(
                    covered(name),
                    "{path}: format {name} has no case in tests/suite"
                );
            }
        }
    }
}

#[test]
fn the_suite_covers_all_instruction_sets() {
    for (path, _) in sources() {
        if let Some(folder) = path.strip_suffix("/dot.rs") {
            assert!(
                suite::FOLDERS.contains(&folder),
                "{folder} is not in tests/suite/src/lib.rs"
            );
        }
    }
}

#[test]
#[cfg(feature = "sources")]
fn sources_are_the_files() {
    let expected: Vec<_> = sources()
        .into_iter()
        .filter(|(path, _)| path != "lib.rs" && path != "sources.rs")
        .collect();
    let embedded: Vec<_> = runtime_kernels::SOURCES
        .iter()
        .map(|(path, text)| (path.to_string(), text.to_string()))
        .collect();
    assert_eq!(embedded, expected);
}

/// Path below `src`, and text, sorted by path.
fn sources() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("src is readable") {
            let path = entry.expect("src is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&src).expect("below src").components();
                let name: Vec<_> = name
                    .map(|part| part.as_os_str().to_string_lossy())
                    .collect();
                found.push((
                    name.join("/"),
                    fs::read_to_string(&path).expect("src is readable"),
                ));
            }
        }
    }
    found.sort();
    found
}
