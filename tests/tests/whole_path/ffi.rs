//! The C interface: its header is that of the source, and a C program gets the model's bits.

use std::path::Path;
use std::process::Command;

use tests::golden::text;
use tests::{Emitted, Outcome, Recipe, paths, questions, run};

const HEAD: &str = "\
/* A model as a C library, made by edgegen.

   Pointers to text and pieces belong to the session and are valid until the next call with it.
   A session may move between threads, but two threads must not use it at once. Every function
   that takes a session takes one that edge_open gave and edge_close has not ended. Nothing
   unwinds or calls back. */";

/// The header, from the source of the interface.
fn header() -> String {
    let source = paths::workspace().join("templates/ffi/src/lib.rs");
    let config = cbindgen::Config {
        language: cbindgen::Language::C,
        cpp_compat: true,
        header: Some(HEAD.into()),
        no_includes: true,
        sys_includes: vec!["stddef.h".into(), "stdint.h".into()],
        include_guard: Some("EDGE_MODEL_H".into()),
        usize_is_size_t: true,
        documentation_style: cbindgen::DocumentationStyle::C99,
        style: cbindgen::Style::Type,
        enumeration: cbindgen::EnumConfig {
            rename_variants: cbindgen::RenameRule::QualifiedScreamingSnakeCase,
            ..Default::default()
        },
        ..Default::default()
    };
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(source)
        .generate()
        .expect("an interface that C has");
    let mut text = Vec::new();
    bindings.write(&mut text);
    String::from_utf8(text).expect("a header in UTF-8")
}

/// With `EDGEGEN_UPDATE` set the header is written; the test that does so fails all the same.
fn the_header_is_that_of_the_source() {
    let file = paths::workspace().join("templates/ffi/include/edge_model.h");
    let header = header();
    let found = std::fs::read_to_string(&file).expect("a readable header");
    if found != header && std::env::var_os("EDGEGEN_UPDATE").is_some() {
        std::fs::write(&file, &header).expect("a writable project");
    }
    assert_eq!(
        found, header,
        "the header is not that of the source: run this test with EDGEGEN_UPDATE=1, and commit it"
    );
}

/// Builds a crate's C interface; its libraries are in `release` of this folder.
pub(crate) fn built(emitted: &Emitted) -> std::path::PathBuf {
    let folder = paths::work("ffi").join(&emitted.name);
    run::must(
        run::cargo("build")
            .args(["--release", "--offline", "--target-dir"])
            .arg(&folder)
            .current_dir(emitted.folder.join("ffi")),
    );
    folder
}

/// The library of an emitted crate, and the C program of its examples.
pub(crate) struct Library {
    emitted: Emitted,
    folder: std::path::PathBuf,
}

impl Library {
    fn build() -> Self {
        Self::of(&Recipe::homectl())
    }

    /// A model with a chat template and without a schema.
    fn chat() -> Self {
        Self::of(&questions::chat_recipe())
    }

    fn of(recipe: &Recipe) -> Self {
        Self::with(recipe.emit())
    }

    pub(crate) fn with(emitted: Emitted) -> Self {
        let folder = built(&emitted);
        Self { emitted, folder }
    }

    /// The example, compiled with these flags.
    pub(crate) fn example(&self, name: &str, flags: &[&str]) -> std::path::PathBuf {
        let source = self.emitted.folder.join("ffi/examples/generate.c");
        self.program(&source, name, flags)
    }

    /// A C program of these tests, under the sanitizers of addresses and undefined behaviour.
    fn checked(&self, source: &str, flags: &[&str]) -> Command {
        let file = paths::workspace().join("tests/c").join(source);
        let name = format!("{}-{}", self.emitted.name, source.trim_end_matches(".c"));
        let checks = [
            "-O1",
            "-fsanitize=address,undefined",
            "-fno-sanitize-recover",
        ];
        Command::new(self.program(&file, &name, &[&checks, flags].concat()))
    }

    fn program(&self, source: &Path, name: &str, flags: &[&str]) -> std::path::PathBuf {
        let program = self.folder.join(name);
        let ffi = self.emitted.folder.join("ffi");
        let library = format!("lib{}_ffi.a", self.emitted.name.replace('-', "_"));
        run::must(
            Command::new("cc")
                .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-g"])
                .args(flags)
                .arg("-I")
                .arg(ffi.join("include"))
                .arg(source)
                .arg(self.folder.join("release").join(library))
                .args(["-lm", "-o"])
                .arg(&program),
        );
        program
    }
}

const PROMPT: &str = "switch off the lamp in the kitchen";

fn answers(library: &Library, command: &mut Command) {
    let output = run::must(command.arg(PROMPT).args(library.emitted.weights()));
    let lines: Vec<&str> = output.lines().collect();
    let hash = text(&library.emitted.report, "hash");
    let answer = r#"{"do":"off","what":"lamp","where":"kitchen"}"#;
    let expected = [
        format!("self-test: {hash}"),
        answer.to_owned(),
        "restored: ok".into(),
        "changed state: refused".into(),
        "a wrong prompt: the prompt is null or not UTF-8".into(),
    ];
    assert_eq!(lines, expected, "{command:?}");
}

fn a_c_program_gets_the_bits_without_an_error_of_memory() -> Outcome {
    let library = Library::build();
    let program = library.example("generate", &["-O2"]);
    answers(&library, &mut Command::new(&program));
    let sanitized = library.example("sanitized", &["-O1", "-fsanitize=address,undefined"]);
    answers(&library, &mut Command::new(sanitized));
    run::need(&[("valgrind", "valgrind")])?;
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--error-exitcode=9", "--leak-check=full"]);
    answers(
        &library,
        command.args(["--errors-for-leak-kinds=all"]).arg(&program),
    );
    Ok(())
}

fn every_function_holds_at_the_bounds_of_its_arguments() {
    let bounds = |library: &Library, context: &str, kind: &str| {
        let name = &library.emitted.name;
        let args = [name, context, library.emitted.hash(), kind];
        run::must(
            library
                .checked("bounds.c", &["-Wl,--wrap=pthread_create"])
                .args(args),
        );
    };
    bounds(&Library::chat(), questions::CONTEXT, "chat");
    bounds(&Library::build(), "112", "schema");
}

fn each_option_and_message_reaches_the_session() {
    let library = Library::chat();
    let (questions, answers) = questions::asked();
    let told = run::must(library.checked("ask.c", &[]).arg(questions));
    assert_eq!(&questions::told(&told), answers);
}

fn weights_outside_the_library_are_given_in_memory() {
    let recipe = Recipe::homectl_external();
    let library = Library::of(&recipe);
    let program = library.example("external", &["-O1", "-fsanitize=address,undefined"]);
    answers(&library, &mut Command::new(&program));

    let refuses = |program: &Path, weights: Option<&Path>| {
        let output = run::output(Command::new(program).arg(PROMPT).args(weights));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("status -8"), "{said}");
    };
    refuses(&program, None);
    refuses(&program, Some(&program));
    let weights = library.emitted.weights().expect("a file of weights");
    let weights = std::fs::read(weights).expect("a readable file");
    let mut changed = weights.clone();
    *changed.last_mut().expect("weights") ^= 1;
    for bytes in [&weights[..weights.len() - 1], &changed] {
        let file = library.folder.join("wrong.weights");
        std::fs::write(&file, bytes).expect("a writable target folder");
        refuses(&program, Some(&file));
    }
    // A library that has its weights inside has no use for others.
    let embedded = Library::build().example("embedded", &["-O1"]);
    refuses(&embedded, library.emitted.weights().as_deref());
}

fn the_shared_library_exports_the_interface_alone() {
    let library = Library::build();
    let symbols = run::must(
        Command::new("nm")
            .args(["--dynamic", "--defined-only", "--format=posix"])
            .arg(library.folder.join("release/libhomectl_ffi.so")),
    );
    let exported: Vec<&str> = symbols
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    let header = header();
    assert!(exported.len() > 10, "{exported:?}");
    for name in exported {
        assert!(
            header.contains(&format!(" {name}(")),
            "{name} is not in the header"
        );
    }
}

fn cmake_builds_the_example() -> Outcome {
    run::need(&[("cmake", "cmake")])?;
    let library = Library::build();
    let build = library.folder.join("cmake");
    let source: &Path = &library.emitted.folder.join("ffi");
    run::must(
        Command::new("cmake")
            .arg("-S")
            .arg(source)
            .arg("-B")
            .arg(&build),
    );
    run::must(Command::new("cmake").arg("--build").arg(&build));
    answers(&library, &mut Command::new(build.join("generate")));
    Ok(())
}

tests::trials![
    the_header_is_that_of_the_source,
    a_c_program_gets_the_bits_without_an_error_of_memory,
    every_function_holds_at_the_bounds_of_its_arguments,
    the_shared_library_exports_the_interface_alone;
    long: each_option_and_message_reaches_the_session,
    weights_outside_the_library_are_given_in_memory,
    cmake_builds_the_example,
];
