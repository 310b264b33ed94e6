//! What README and docs show is what users get: commands print it, and Rust compiles.

use std::fs;
use std::path::{Path, PathBuf};

use tests::document::{Block, blocks, files, headings, is_excerpt, links, words};
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
    let external = Recipe::homectl_external();
    let external = external.emit();
    let all = files().into_iter().flat_map(|file| blocks(&file));
    let rust = all.filter(|block| block.info.starts_with("rust") && block.source().is_none());
    let rust: Vec<Block> = rust.collect();
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

/// A name that documents give to a file of the repository, or to a heading in it, exists.
fn files_that_are_named_exist() {
    for file in files().into_iter().chain([contributing()]) {
        let text = read(&file);
        for (path, heading) in links(&text) {
            let linked = match path.is_empty() {
                true => file.clone(),
                false => beside(&file, path),
            };
            assert!(linked.exists(), "{}: {path}", file.display());
            if let Some(heading) = heading {
                let found = headings(&read(&linked)).iter().any(|name| name == heading);
                assert!(found, "{}: {path}#{heading}", file.display());
            }
        }
    }
}

/// What documents show of a file is in the file.
fn excerpts_are_what_files_have() {
    let all = files().into_iter().flat_map(|file| blocks(&file));
    let excerpts = all.filter_map(|block| Some((block.source()?.to_owned(), block)));
    let excerpts: Vec<(String, Block)> = excerpts.collect();
    assert!(excerpts.len() >= 20, "{excerpts:?}");
    for (source, block) in excerpts {
        let text = read(&paths::workspace().join(&source));
        let found = is_excerpt(&block.lines, &text);
        assert!(found, "{}: {source} has not\n{}", block.place, block.text());
    }
}

/// What the comparison above sees.
fn an_excerpt_leaves_out_what_it_says_and_no_more() {
    let file = "mod a {\n    fn b() {\n        c();\n\n        d();\n    }\n}\n";
    let is = |lines: &[&str]| {
        let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
        is_excerpt(&lines, file)
    };
    for excerpt in [
        &["fn b() {", "    c();", "", "    d();", "}"][..],
        &["    fn b() {", "        c();"],
        &["fn b() {", "    …", "    d();"],
        &["…", "c();", "…", "d();", "…"],
    ] {
        assert!(is(excerpt), "{excerpt:?}");
    }
    for other in [
        &[][..],
        &["…"],
        &["fn b()"],
        &["fn b() {", "    e();"],
        &["fn b() {", "c();"],
        &["c();", "d();"],
        &["d();", "…", "c();"],
        &["c();", "…", "c();"],
        &["fn b() {", "…", "d();"],
    ] {
        assert!(!is(other), "{other:?}");
    }
}

/// All that docs/adding.md shows, but for commands, is some file's; and the tests that it says would
/// fail are in a file that the same line names.
fn the_guide_for_contributors_shows_the_source() {
    let guide = paths::workspace().join("docs/adding.md");
    for block in blocks(&guide) {
        let known = block.info == "sh" || block.source().is_some();
        assert!(known, "{}: of which file is it?", block.place);
    }
    let mut tests = 0;
    for line in read(&guide).lines() {
        // Their names are sentences.
        let names = line.split('`').skip(1).step_by(2);
        let is_sentence = |name: &&str| {
            let mut letters = name.chars();
            name.matches('_').count() >= 3 && letters.all(|c| c.is_ascii_lowercase() || c == '_')
        };
        for name in names.filter(is_sentence) {
            let function = format!("fn {name}(");
            let found =
                links(line).any(|(path, _)| read(&beside(&guide, path)).contains(&function));
            assert!(found, "{name}, in: {line}");
            tests += 1;
        }
    }
    assert!(tests >= 10, "{tests}");
}

fn contributing() -> PathBuf {
    paths::workspace().join("CONTRIBUTING.md")
}

/// A path as a document names it.
fn beside(document: &Path, path: &str) -> PathBuf {
    document.parent().expect("a folder").join(path)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `cargo run -p tests --bin demo-picture` draws it again.
fn the_picture_shows_what_the_demo_prints() {
    let picture = read(&paths::workspace().join("docs/demo.svg"));
    let texts = picture.lines().filter_map(|line| {
        let (_, text) = line.strip_prefix("<text ")?.split_once('>')?;
        text.strip_suffix("</text>")
    });
    let texts: Vec<&str> = texts.collect();
    let (command, shown) = texts.split_first().expect("a command");
    let (_, prompt) = command.split_once("demo \"").expect("the README's command");
    let printed = run::must(
        run::clean(edgegen())
            .args(["demo", prompt.trim_end_matches('"')])
            .current_dir(paths::workspace()),
    );
    let printed: Vec<&str> = printed.lines().collect();
    assert_eq!(lasting(&printed), lasting(shown));
}

/// The words of lines but for those that say how long it took.
fn lasting<'t>(lines: &[&'t str]) -> Vec<Vec<&'t str>> {
    let lines = lines.iter().filter(|line| !line.contains("tokens/s"));
    lines.map(|line| words(line)).collect()
}

tests::trials![
    files_that_are_named_exist,
    excerpts_are_what_files_have,
    an_excerpt_leaves_out_what_it_says_and_no_more,
    the_guide_for_contributors_shows_the_source;
    long: rust_compiles,
    the_picture_shows_what_the_demo_prints,
    commands_print_what_is_shown;
    nightly: long_commands_print_what_is_shown,
];
