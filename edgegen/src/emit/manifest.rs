//! `Cargo.toml` and `Cross.toml` of a generated crate.

use crate::profile::{InstructionSet, Profile};
use crate::program::Program;

use super::Options;

/// `Cargo.toml`: no dependency, whatever the features.
pub(super) fn cargo(program: &Program, profile: &Profile, options: &Options) -> String {
    let name = &options.name;
    let description = quoted(&format!(
        "{}, compiled by edgegen for {}",
        program.provenance.model,
        profile.name()
    ));
    let default = if profile.std() { "\"cli\"" } else { "" };
    format!(
        r#"[package]
name = "{name}"
version = "0.1.0"
edition = "2024"
rust-version = "1.95"
description = {description}
publish = false
autobenches = false

[features]
default = [{default}]
# Threads, the choice of instruction set at start, and heap-allocated sessions.
std = []
# The program in src/main.rs.
cli = ["std"]

[dependencies]

[[bin]]
name = "{name}"
path = "src/main.rs"
required-features = ["cli"]

# Kernels without optimisation are of no use to anybody.
[profile.dev]
opt-level = 3

# Weights take no part in optimisation across crates: it costs the compiler
# 12 times their size in memory and gains nothing.
[profile.release]
codegen-units = 1
lto = "off"

[workspace]
exclude = ["benches", "ffi"]
"#
    )
}

/// `benches/Cargo.toml`: a package of its own, since even an optional
/// dependency would put a registry into every build of the crate.
pub(super) fn benches(options: &Options) -> String {
    let name = &options.name;
    format!(
        r#"[package]
name = "{name}-benches"
version = "0.1.0"
edition = "2024"
publish = false

[dependencies]
criterion = {{ version = "0.8", default-features = false, features = ["cargo_bench_support"] }}
{name} = {{ path = ".." }}

[lib]
path = "empty.rs"
bench = false

[[bench]]
name = "session"
path = "session.rs"
harness = false

[profile.bench]
codegen-units = 1
lto = "off"

[workspace]
"#
    )
}

/// `ffi/Cargo.toml`: the C interface as a package of its own, since a library without `std` that
/// others link needs a panic handler, and a dependency must not have one.
pub(super) fn ffi(profile: &Profile, options: &Options) -> String {
    let name = &options.name;
    let library = name.replace('-', "_");
    let default = if profile.std() { "\"std\"" } else { "" };
    format!(
        r#"[package]
name = "{name}-ffi"
version = "0.1.0"
edition = "2024"
rust-version = "1.95"
description = "The C interface of {name}"
publish = false

[lib]
name = "{library}_ffi"
crate-type = ["cdylib", "staticlib"]

[features]
default = [{default}]
# Threads, and the choice of instruction set at start.
std = ["model/std"]

[dependencies]
model = {{ package = "{name}", path = "..", default-features = false }}

[profile.dev]
opt-level = 3
panic = "abort"

[profile.release]
codegen-units = 1
lto = "off"
panic = "abort"

[workspace]
"#
    )
}

/// `.cargo/config.toml`, where a target's instruction set is not found out at start.
pub(super) fn cargo_config(profile: &Profile) -> Option<String> {
    (profile.baseline() == InstructionSet::Simd128).then(|| {
        format!(
            "# The baseline of the profile `{}`: an engine refuses a module that it cannot run.\n\
             [target.{}]\nrustflags = [\"-C\", \"target-feature=+simd128\"]\n",
            profile.name(),
            profile.target()
        )
    })
}

/// `Cross.toml`: what `cross` builds for when no target is given.
pub(super) fn cross(profile: &Profile) -> String {
    format!(
        r#"# `cross build --release` builds for the profile `{}`;
# `cross build --release --target TRIPLE` for another device of its kind.
[build]
default-target = "{}"
"#,
        profile.name(),
        profile.target()
    )
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
