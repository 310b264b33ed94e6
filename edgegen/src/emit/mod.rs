//! Program → Crate: token streams and files. Total: everything that can be
//! wrong with the input was found before.

mod app;
mod files;
mod isa;
mod licences;
mod literal;
mod manifest;
mod model;
mod network;
mod probe;
mod readme;
mod root;
mod sources;
mod step;
mod tables;
mod weights;
mod write;

pub use files::Crate;
#[cfg(feature = "cli")]
pub(crate) use manifest::{cargo_config, cross};
pub use probe::probe;
pub use sources::module;
#[cfg(feature = "cli")]
pub(crate) use write::parent;
pub(crate) use write::{Files, create_folder, place};
pub use write::{WriteReport, check_apart, check_destination, write};

use crate::profile::Profile;
use crate::program::{Golden, Placement, Program};

use model::Settings;
use sources::Source;
use weights::Weights;

/// What the user chooses, beside model and profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The crate's name: a valid package name.
    pub name: String,
    /// Where the weights are.
    pub weights: Placement,
    /// Whether to leave out the assertion of the profile's limits.
    pub allow_oversize: bool,
}

/// The whole crate, in memory.
pub fn emit(program: &Program, golden: &Golden, profile: &Profile, options: &Options) -> Crate {
    let sets = profile.instruction_sets();
    let weights = match options.weights {
        Placement::Embedded => Weights::InCrate,
        Placement::External => Weights::Apart,
    };
    let mut files = Crate::new();
    files.insert_text("Cargo.toml", manifest::cargo(program, profile, options));
    files.insert_text("Cross.toml", manifest::cross(profile));
    files.insert_text(
        "README.md",
        readme::readme(program, golden, profile, &sets, &weights, options),
    );
    files.insert_text("PROGRAM.txt", program.to_string());
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
        weights,
    };
    for (path, text) in sources.files() {
        files.insert_text(&path, text);
    }
    for (path, text) in licences::files(program) {
        files.insert_text(&path, text);
    }
    for (path, text) in app::files(program, golden, profile, options) {
        files.insert_text(&path, text);
    }
    let included: Vec<(String, &[u8])> = match options.weights {
        Placement::Embedded => weight_files(program).collect(),
        Placement::External => {
            let file = weights_file(&options.name);
            files.insert_bytes(&file, weights::file(program));
            table_files(program).collect()
        }
    };
    for (name, bytes) in included {
        files.insert_bytes(&format!("weights/{name}"), bytes.to_vec());
    }
    files
}

/// The file that holds the weights of the crate of this name, if they are not in the program.
pub fn weights_file(name: &str) -> String {
    format!("{name}.weights")
}

/// The files that `include_bytes!` reads: name and content.
pub fn weight_files(program: &Program) -> impl Iterator<Item = (String, &[u8])> {
    program
        .files
        .files()
        .iter()
        .map(|file| (format!("{}.bin", file.name), &file.bytes[..]))
        .chain(table_files(program))
}

/// Those of them that the program always holds: small, and needed before the first weight is.
fn table_files(program: &Program) -> impl Iterator<Item = (String, &[u8])> {
    let grammar = program.grammar.iter().map(|grammar| grammar.blob());
    [("tokenizer.bin".to_owned(), program.tokenizer.blob())]
        .into_iter()
        .chain(grammar.map(|blob| ("grammar.bin".to_owned(), blob)))
        .chain(
            (!program.prefix.is_empty()).then(|| ("prefix.bin".to_owned(), program.prefix.blob())),
        )
}

fn settings(profile: &Profile, options: &Options, weights: Weights) -> Settings {
    Settings {
        name: options.name.clone(),
        max_threads: profile.threads(),
        weights,
    }
}
