//! Crates with models, built by cargo: what is done once, and what cargo and the cache notice. All are
//! long: edgegen is compiled for them once more.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

const TINY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../examples/macro-assistant/models"
);

const PROFILE: &str = r#"
name = "desk"
description = "A desk"
target = "x86_64-unknown-linux-gnu"
std = true
baseline = "scalar"
number_types = ["int8"]
default_context = 64
batch = 4
threads = 1
"#;

/// A crate or a workspace in a folder whose name has spaces and letters beyond ASCII, with a cache
/// of its own.
struct Project {
    root: PathBuf,
}

impl Project {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("Größe und Raum")
            .join(name);
        if root.exists() {
            fs::remove_dir_all(&root).unwrap();
        }
        fs::create_dir_all(&root).unwrap();
        // Cargo gives paths without links.
        let root = fs::canonicalize(root).unwrap();
        let project = Self { root };
        for (path, text) in files {
            let edgegen = env!("CARGO_MANIFEST_DIR");
            project.write(path, text.replace("{edgegen}", edgegen));
        }
        for name in ["tiny.bin", "tokenizer.bin"] {
            project.write(
                &format!("modèles/{name}"),
                fs::read(Path::new(TINY).join(name)).unwrap(),
            );
        }
        // The versions that are there: nothing is fetched.
        let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");
        project.write("Cargo.lock", fs::read(lock).unwrap());
        project
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Runs cargo with what the workspace and its example have built; gives what is printed.
    fn cargo(&self, args: &[&str]) -> String {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let output = Command::new(env!("CARGO"))
            .args(args)
            .args(["--release", "--offline", "--quiet"])
            .args(["--config", "profile.release.opt-level=0"])
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", target)
            .env("EDGEGEN_CACHE", self.root.join("cache"))
            .env_remove("RUSTFLAGS")
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo {args:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The modules in the cache, and when each of their files was made.
    fn cached(&self) -> BTreeMap<PathBuf, SystemTime> {
        let entries = fs::read_dir(self.root.join("cache/entries")).unwrap();
        entries
            .map(|entry| {
                let path = entry.unwrap().path();
                let made = fs::metadata(&path).unwrap().modified().unwrap();
                (path, made)
            })
            .collect()
    }
}

#[test]
#[ignore = "long"]
fn a_module_is_made_once_and_a_change_is_noticed() {
    let main = r#"
        edgegen_macros::edge_model! {
            /// A documented module.
            mod assistant { model: "modèles/tiny.bin", platform: "a desk.toml", quant: "q8" }
        }
        fn main() {
            let test = assistant::self_test(&mut assistant::Session::new());
            assert!(test.passed());
            println!("{} {:x} {}", assistant::NAME, test.hash, assistant::CONTEXT);
        }
    "#;
    let project = Project::new(
        "program",
        &[
            (
                "Cargo.toml",
                "[package]\nname = \"edgegen-test-program\"\nedition = \"2021\"\n[workspace]\n\
                 [dependencies]\nedgegen-macros.path = '{edgegen}'\n",
            ),
            ("src/main.rs", main),
            ("a desk.toml", PROFILE),
        ],
    );
    let first = project.cargo(&["run"]);
    assert!(
        first.starts_with("assistant ") && first.ends_with(" 64\n"),
        "{first}"
    );
    let cached = project.cached();
    assert_eq!(cached.len(), 1);

    // The macro expands again and finds what it made.
    project.write("src/main.rs", format!("{main}\n// Changed."));
    assert_eq!(project.cargo(&["run"]), first);
    assert_eq!(project.cached(), cached);

    // Cargo sees that a file changed, though it is none of the crate's sources.
    project.write("a desk.toml", PROFILE.replace("= 64", "= 32"));
    let second = project.cargo(&["run"]);
    assert!(second.ends_with(" 32\n"), "{second}");

    let mut model = fs::read(project.root.join("modèles/tiny.bin")).unwrap();
    let weights = &mut model[28..28 + 4 * 2000];
    weights.chunks_mut(4).for_each(|weight| weight[3] ^= 0x80);
    project.write("modèles/tiny.bin", model);
    let third = project.cargo(&["run"]);
    assert!(third.ends_with(" 32\n") && third != second, "{third}");
    assert_eq!(project.cached().len(), 3);

    // What is not as it was made is made again.
    let mut corrupt = 0;
    for entry in project.cached().into_keys() {
        for file in fs::read_dir(entry.join("weights")).unwrap() {
            fs::write(file.unwrap().path(), "corrupt").unwrap();
            corrupt += 1;
        }
    }
    assert!(corrupt > 3);
    assert_eq!(project.cargo(&["run"]), third);
}

#[test]
#[ignore = "long"]
fn crates_without_std_share_a_module_and_build_in_parallel() {
    let manifest = |name: &str| {
        format!(
            "[package]\nname = \"edgegen-test-{name}\"\nedition = \"2024\"\n\
             [dependencies]\nedgegen-macros.path = '{{edgegen}}'\n"
        )
    };
    let library = r#"
        //! A library.
        #![no_std]
        #![deny(warnings, missing_docs)]
        edgegen_macros::edge_model! {
            /// Small.
            pub mod NAME {
                model: "../modèles/tiny.bin",
                tokenizer: "../modèles/tokenizer.bin",
                platform: "esp32",
                quant: "q8",
                context: 48,
            }
        }
        edgegen_macros::edge_model! {
            /// Smaller.
            pub mod tiny {
                model: "../modèles/tiny.bin",
                platform: "esp32",
                tensors: { embedding: "q4", down: "f16" },
                calibration: "../words.txt",
                vocab_size: 280,
                answer_cache: 0,
                allow_oversize: true,
            }
        }
        const _: () = assert!(NAME::CONTEXT == 48 && tiny::VOCAB_SIZE == 280);
    "#;
    let project = Project::new(
        "workspace",
        &[
            (
                "Cargo.toml",
                "[workspace]\nmembers = ['one', 'two']\nresolver = '3'\n",
            ),
            ("one/Cargo.toml", &manifest("one")),
            ("two/Cargo.toml", &manifest("two")),
            ("one/src/lib.rs", &library.replace("NAME", "one")),
            ("two/src/lib.rs", &library.replace("NAME", "two")),
            ("words.txt", "hello there you are the one"),
        ],
    );
    project.cargo(&["check", "--workspace", "--jobs", "2"]);
    let cached = project.cached();
    assert_eq!(cached.len(), 2);
    project.cargo(&["doc", "--no-deps", "--package", "edgegen-test-one"]);
    assert_eq!(project.cached(), cached);
}

#[test]
#[ignore = "long"]
fn a_build_script_tells_what_it_read_and_writes_what_changed() {
    let project = Project::new(
        "script",
        &[
            (
                "Cargo.toml",
                "[package]\nname = \"edgegen-test-script\"\nedition = \"2024\"\n[workspace]\n\
                 [build-dependencies]\nedgegen.path = '{edgegen}/../edgegen'\n",
            ),
            (
                "build.rs",
                r#"
                    fn main() {
                        edgegen::build::Emit::new("modèles/tiny.bin")
                            .platform("a desk.toml")
                            .quant("q8")
                            .tensor("embedding", "q4")
                            .name("voice")
                            .generate();
                    }
                "#,
            ),
            (
                "src/main.rs",
                r#"
                    include!(concat!(env!("OUT_DIR"), "/voice.rs"));
                    fn main() {
                        let test = voice::self_test(&mut voice::Session::new());
                        assert!(test.passed() && voice::NAME == "voice");
                        println!("{}", env!("OUT_DIR"));
                    }
                "#,
            ),
            ("a desk.toml", PROFILE),
        ],
    );
    let out = PathBuf::from(project.cargo(&["run"]).trim());
    let said = fs::read_to_string(out.with_file_name("output")).unwrap();
    let watched: Vec<&str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("cargo::rerun-if-changed="))
        .collect();
    let expected = ["a desk.toml", "modèles/tiny.bin", "modèles/tokenizer.bin"];
    assert_eq!(
        watched,
        expected.map(|path| project.root.join(path).display().to_string())
    );

    let state = || {
        let folder = fs::read_dir(out.join("voice")).unwrap();
        let files = folder.map(|entry| entry.unwrap().path());
        files
            .chain([out.join("voice.rs")])
            .map(|path| (fs::metadata(&path).unwrap().modified().unwrap(), path))
            .collect::<Vec<_>>()
    };
    // It runs again, and finds everything as it is.
    let (before, cached) = (state(), project.cached());
    let ran = || {
        fs::metadata(out.with_file_name("output"))
            .unwrap()
            .modified()
            .unwrap()
    };
    let first = ran();
    project.write("a desk.toml", PROFILE);
    project.cargo(&["check"]);
    assert!(ran() > first);
    assert_eq!((state(), project.cached()), (before.clone(), cached));

    project.write("a desk.toml", PROFILE.replace("= 64", "= 32"));
    project.cargo(&["run"]);
    assert_ne!(state(), before);
}

/// What is published, and nothing beside it: a program that takes it as one of crates.io would.
#[test]
#[ignore = "long"]
fn the_packaged_crates_are_enough() {
    let packages = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
    let package = Command::new(env!("CARGO"))
        .args([
            "package",
            "--workspace",
            "--exclude=tests",
            "--exclude=expand",
            "--no-verify",
        ])
        .args(["--allow-dirty", "--offline", "--quiet", "--target-dir"])
        .arg(&packages)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&package.stderr);
    assert!(package.status.success(), "{errors}");

    let names = [
        "edgegen",
        "edgegen-macros",
        "edgegen-templates",
        "runtime-kernels",
    ];
    let patches = names.map(|name| format!("{name}.path = 'packages/{name}'\n"));
    let manifest = format!(
        "[package]\nname = \"edgegen-test-packaged\"\nedition = \"2024\"\n[workspace]\n\
         [dependencies]\nedgegen-macros = \"{}\"\n[patch.crates-io]\n{}",
        env!("CARGO_PKG_VERSION"),
        patches.concat()
    );
    let main = r#"
        edgegen_macros::edge_model! { mod assistant { platform: "host" } }
        fn main() {
            assert!(assistant::self_test(&mut assistant::Session::new()).passed());
        }
    "#;
    let project = Project::new(
        "packaged",
        &[("Cargo.toml", &manifest), ("src/main.rs", main)],
    );
    for name in names {
        let folder = project.root.join("packages").join(name);
        fs::create_dir_all(&folder).unwrap();
        let file = format!("package/{name}-{}.crate", env!("CARGO_PKG_VERSION"));
        let unpacked = Command::new("tar")
            // Packaged files are of one date, by which cargo would not see that they changed.
            .args(["--touch", "--strip-components=1", "-xzf"])
            .arg(packages.join(file))
            .arg("-C")
            .arg(&folder)
            .status()
            .unwrap();
        assert!(unpacked.success(), "{name}");
        for file in ["LICENSE-MIT", "LICENSE-APACHE"] {
            assert!(folder.join(file).is_file(), "{name}: {file}");
        }
    }
    project.cargo(&["run"]);
}
