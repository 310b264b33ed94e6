//! Every kernel on every instruction set of this machine has the bits of the scalar one, and no
//! kernel, format or instruction set of `src` is left out. The data lies at pages of no access.
#![cfg(feature = "std")]

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod guard;
#[path = "suite/src/lib.rs"]
mod suite;

use std::fs;
use std::path::Path;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[global_allocator]
static GUARD: guard::Guard = guard::Guard;

fn equal() {
    match suite::report() {
        Ok(text) => eprintln!("{text}"),
        Err(text) => panic!("{text}"),
    }
}

#[test]
fn all_instruction_sets_equal_scalar() {
    equal();
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    {
        guard::BEHIND.store(true, std::sync::atomic::Ordering::Relaxed);
        equal();
    }
}

/// The pages do what the test above relies on.
#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn one_element_too_far_ends_the_program() {
    use std::os::unix::process::ExitStatusExt;

    const NAME: &str = "one_element_too_far_ends_the_program";
    let Ok(at) = std::env::var("RUNTIME_KERNELS_READ_AT") else {
        let status = |at: isize| {
            let mut command = std::process::Command::new(std::env::current_exe().expect("a file"));
            command
                .args(["--exact", NAME])
                .env("RUNTIME_KERNELS_READ_AT", at.to_string());
            command.output().expect("this program starts").status
        };
        assert!(status(0).success() && status(6).success());
        let fault = status(7);
        // The sanitizer turns the signal into an exit.
        assert!(
            fault.signal() == Some(11) || fault.code() == Some(1),
            "{fault}"
        );
        return;
    };
    let values = vec![1.0f32; 7].into_boxed_slice();
    let at = at.parse().expect("a number");
    // SAFETY: it is not, where `at` is 7: the program has to end here.
    let value = unsafe { values.as_ptr().wrapping_offset(at).read_volatile() };
    assert_eq!(value, 1.0);
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
fn each_instruction_set_has_a_row() {
    for (path, _) in sources() {
        if let Some(folder) = path.strip_suffix("/dot.rs") {
            let known = ROWS.iter().any(|row| row.0 == folder);
            assert!(known, "{folder} is not in src/instruction_sets.rs");
        }
    }
}

macro_rules! rows {
    ($($module:ident::$token:ident in [$($arch:literal)?] {
        about: $about:literal,
        name: $name:literal,
        features: [$($feature:literal),*],
        borrows: [$($lender:literal),*],
    })*) => {
        /// The module, the token, and the features of each.
        const ROWS: &[(&str, &str, &[&str])] =
            &[$((stringify!($module), stringify!($token), &[$($feature),*])),*];
    };
}

runtime_kernels::instruction_sets!(rows);

/// A CPU that lacks one of them would end the program, and no emulator has each combination.
#[test]
fn what_an_instruction_set_enables_was_looked_for() {
    let sources = sources();
    // The text of the function that makes a token, and of those that it asks for others.
    let new_of = |folder: &str| {
        let path = format!("{folder}/mod.rs");
        let (_, text) = sources.iter().find(|(found, _)| *found == path)?;
        let (_, new) = text.split_once("pub fn new()")?;
        Some(new.split_once("\n    }\n")?.0)
    };
    fn asked<'a>(folder: &str, new_of: &impl Fn(&str) -> Option<&'a str>) -> String {
        let mut text = new_of(folder).expect("a token is made").to_owned();
        for (lender, token, _) in ROWS {
            if text.contains(&format!("{token}::new()")) {
                text += &asked(lender, new_of);
            }
        }
        text
    }
    for (folder, _, features) in ROWS.iter().filter(|row| !row.2.is_empty()) {
        let asked = asked(folder, &new_of);
        for feature in *features {
            let (with_std, without) = (
                format!("_feature_detected!(\"{feature}\")"),
                format!("target_feature = \"{feature}\""),
            );
            assert!(
                asked.contains(&without),
                "{folder} has {feature}: no {without}"
            );
            // An engine for WebAssembly refuses a module whose instructions it lacks.
            assert!(
                asked.contains(&with_std) || *folder == "simd128",
                "{folder}: no {with_std}"
            );
        }
    }
    let mut enabled = 0;
    for (path, text) in &sources {
        for list in text.split("#[target_feature(enable = \"").skip(1) {
            let list: Vec<_> = list
                .split('"')
                .next()
                .unwrap_or_default()
                .split(',')
                .collect();
            let folder = path.split('/').next().unwrap_or_default();
            let row = ROWS.iter().find(|row| row.0 == folder).expect("a row");
            enabled += list.len();
            assert!(
                list.iter().all(|feature| row.2.contains(feature)),
                "{path}: {list:?}"
            );
            if path.ends_with("mod.rs") {
                assert_eq!(list, row.2, "{path} enables what its row says");
            }
        }
    }
    assert!(enabled > 10, "{enabled}");
}

#[test]
#[cfg(feature = "sources")]
fn sources_are_the_files() {
    let expected: Vec<_> = sources()
        .into_iter()
        .filter(|(path, _)| !["instruction_sets.rs", "lib.rs", "sources.rs"].contains(&&path[..]))
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
