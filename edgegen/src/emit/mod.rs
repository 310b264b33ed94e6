//! Program → Crate: token streams and files. Total: everything that can be
//! wrong with the input was found before.

mod app;
mod files;
mod isa;
mod manifest;
mod model;
mod readme;
mod root;
mod sources;
mod tables;
mod weights;
mod write;

pub use files::Crate;
pub use sources::module;
pub use write::{WriteReport, check_folder, write};

use crate::plan::instruction_sets;
use crate::profile::Profile;
use crate::program::{Golden, Program};

use model::Settings;
use sources::Source;
use weights::Weights;

/// What the user chooses, beside model and profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The crate's name: a valid package name.
    pub name: String,
    /// Whether to leave out the assertion of the profile's limits.
    pub allow_oversize: bool,
}

/// The whole crate, in memory.
pub fn emit(program: &Program, golden: &Golden, profile: &Profile, options: &Options) -> Crate {
    let sets = instruction_sets(profile);
    let mut files = Crate::new();
    files.insert_text("Cargo.toml", manifest::cargo(program, profile, options));
    files.insert_text("Cross.toml", manifest::cross(profile));
    files.insert_text(
        "README.md",
        readme::readme(program, golden, profile, &sets, options),
    );
    files.insert_text("benches/Cargo.toml", manifest::benches(options));
    files.insert_text("ffi/Cargo.toml", manifest::ffi(profile, options));
    for (path, config) in [
        (".cargo/config.toml", manifest::cargo_config(profile)),
        (
            "ffi/.cargo/config.toml",
            manifest::ffi_cargo_config(profile),
        ),
    ] {
        if let Some(config) = config {
            files.insert_text(path, config);
        }
    }
    let sources = Source {
        program,
        golden,
        profile,
        options,
        weights: Weights::InCrate,
    };
    for (path, text) in sources.files() {
        files.insert_text(&path, text);
    }
    for (path, text) in app::files(program, golden, profile, options) {
        files.insert_text(&path, text);
    }
    for (name, bytes) in weight_files(program) {
        files.insert_bytes(&format!("weights/{name}"), bytes.to_vec());
    }
    files
}

/// The files that `include_bytes!` reads: name and content.
pub fn weight_files(program: &Program) -> impl Iterator<Item = (String, &[u8])> {
    program
        .files
        .files()
        .iter()
        .map(|file| (format!("{}.bin", file.name), &file.bytes[..]))
        .chain([("tokenizer.bin".to_owned(), program.tokenizer.blob())])
        .chain(
            program
                .grammar
                .iter()
                .map(|grammar| ("grammar.bin".to_owned(), grammar.blob())),
        )
}

fn settings(profile: &Profile, options: &Options, weights: Weights) -> Settings {
    Settings {
        name: options.name.clone(),
        max_threads: profile.threads(),
        weights,
    }
}
