//! What README and docs show is what users get: commands print it, and Rust compiles.

use std::fs;
use std::path::Path;

use tests::document::{Block, blocks, files, words};
use tests::emitted::edgegen;
use tests::{Outcome, Recipe, paths, run};

/// A block whose commands take many minutes.
const LONG: &str = "takes minutes";

const MODEL: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";

/// Blocks that show commands with what they print.
fn samples(long: bool) -> Vec<Block> {
    let all = files().into_iter().flat_map(|file| blocks(&file));
    all.filter(|block| block.info == "text" && !block.commands().is_empty())
        .filter(|block| (block.mark.as_deref() == Some(LONG)) == long)
        .collect()
}

/// Runs the commands of blocks as a user's shell would, in a folder with the model, and compares.
fn print_what_is_shown(samples: &[Block]) -> Outcome {
    let model = paths::smollm2()?;
    let place = tempfile::tempdir_in(paths::work("documents")).expect("a writable target folder");
    std::os::unix::fs::symlink(model, place.path().join(MODEL)).expect("a link");
    let bin = place.path().join("bin");
    fs::create_dir(&bin).expect("a new folder");
    std::os::unix::fs::symlink(edgegen(), bin.join("edgegen")).expect("a link");
    let path = std::env::var("PATH").expect("a path");
    let path = format!("{}:{path}", bin.display());
    for block in samples {
        let mut script = String::from("set -eu\n");
        for (command, shown) in block.commands() {
            let output = run::output(
                run::clean("bash")
                    .arg("-c")
                    .arg(format!("{script}{command}"))
                    .env("PATH", &path)
                    .env("EDGEGEN_CACHE", place.path().join("cache"))
                    .current_dir(place.path()),
            );
            let printed = String::from_utf8_lossy(&output.stdout);
            let complaint = String::from_utf8_lossy(&output.stderr);
            let place = format!("{}: {command}", block.place);
            assert!(output.status.success(), "{place}\n{printed}{complaint}");
            let shown = shown.join("\n");
            if !shown.trim().is_empty() {
                assert_eq!(words(&printed), words(&shown), "{place}\n{printed}");
            }
            // Later commands of the block are in the folder that this one changed to.
            if let Some((folder, _)) = command.split_once(" && ")
                && folder.starts_with("cd ")
            {
                script.push_str(&format!("{folder}\n"));
            }
        }
    }
    Ok(())
}

fn commands_print_what_is_shown() -> Outcome {
    let samples = samples(false);
    assert!(samples.len() >= 2, "{samples:?}");
    print_what_is_shown(&samples)
}

fn long_commands_print_what_is_shown() -> Outcome {
    let samples = samples(true);
    assert!(samples.len() >= 2, "{samples:?}");
    print_what_is_shown(&samples)
}

/// A program of its own for each block, since a block may be a build script or a whole file.
struct Project<'a> {
    folder: &'a Path,
}

impl Project<'_> {
    fn write(&self, path: &str, text: &str) {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a writable target folder");
        fs::write(path, text).expect("a writable target folder");
    }

    /// Compiles with what the workspace has built.
    fn check(&self, place: &str) {
        let output = run::output(
            run::cargo("check")
                .args(["--release", "--offline", "--quiet", "--target-dir"])
                .arg(paths::target())
                .env("EDGEGEN_CACHE", paths::work("documents").join("cache"))
                .current_dir(self.folder),
        );
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{place}\n{complaint}");
    }
}

/// Blocks of Rust: `// build.rs` and `// src/main.rs` in the first line say which file it is; what
/// has neither is the body of a function.
fn rust_compiles() -> Outcome {
    let model = paths::smollm2()?;
    let work = paths::work("documents");
    let external = Recipe::built_in("homectl-external", "host", "q4").with("--weights=external");
    let external = external.emit();
    let all = files().into_iter().flat_map(|file| blocks(&file));
    let rust: Vec<Block> = all.filter(|block| block.info.starts_with("rust")).collect();
    assert!(rust.len() >= 6, "{rust:?}");
    let place = tempfile::tempdir_in(work).expect("a writable target folder");
    let project = Project {
        folder: place.path(),
    };
    let workspace = paths::workspace().display();
    let lock = paths::workspace().join("Cargo.lock");
    fs::copy(lock, place.path().join("Cargo.lock")).expect("a copy");
    project.write(
        "Cargo.toml",
        &format!(
            "[package]\nname = \"documents\"\nedition = \"2024\"\n[workspace]\n\
             [dependencies]\nedgegen-macros.path = '{workspace}/edgegen-macros'\n\
             homectl-external.path = '{}'\n\
             [build-dependencies]\nedgegen.path = '{workspace}/edgegen'\n",
            external.folder.display()
        ),
    );
    fs::create_dir(place.path().join("models")).expect("a new folder");
    let models = place.path().join("models");
    std::os::unix::fs::symlink(model, models.join(MODEL)).expect("a link");
    let tiny = paths::data("architectures/llama/model.gguf");
    std::os::unix::fs::symlink(tiny, models.join("homectl.gguf")).expect("a link");

    let mut script = "fn main() {}".to_owned();
    for block in &rust {
        let text = block.text();
        let main = match block.lines[0].as_str() {
            "// build.rs" => {
                script = text;
                continue;
            }
            "// src/main.rs" => format!("{text}\nfn main() {{}}\n"),
            _ => format!(
                "#![allow(unused)]\nuse homectl_external::{{Session, Weights}};\n\
                 fn main() -> Result<(), Box<dyn std::error::Error>> {{\n{text}\nOk(())\n}}\n"
            ),
        };
        project.write("build.rs", &script);
        project.write("src/main.rs", &main);
        project.check(&block.place);
        script = "fn main() {}".to_owned();
    }
    Ok(())
}

/// A name that documents give to a file of the repository exists.
fn files_that_are_named_exist() {
    for file in files() {
        let text = fs::read_to_string(&file).expect("a readable document");
        let links = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        for link in links {
            let path = link.split('#').next().expect("a part");
            if path.is_empty() || path.contains("://") {
                continue;
            }
            let folder = file.parent().expect("a folder");
            assert!(folder.join(path).exists(), "{}: {link}", file.display());
        }
    }
}

tests::trials![
    files_that_are_named_exist;
    long: rust_compiles,
    commands_print_what_is_shown;
    nightly: long_commands_print_what_is_shown,
];
