//! `Cargo.toml` and `Cross.toml` of a generated crate.

use crate::model::Licence;
use crate::profile::Profile;
use crate::program::Program;

use super::Options;
use super::licences::CODE;

/// The oldest compiler that a generated crate is tested with is that of edgegen.
const RUST_VERSION: &str = env!("CARGO_PKG_RUST_VERSION");

/// `Cargo.toml`: no dependency, whatever the features.
pub(super) fn cargo(program: &Program, profile: &Profile, options: &Options) -> String {
    let name = &options.name;
    let description = quoted(&format!(
        "{}, compiled by edgegen for {}",
        program.provenance.model,
        profile.name()
    ));
    let default = if profile.std() { "\"cli\"" } else { "" };
    let stated = program.provenance.licences.iter().map(Licence::stated);
    let stated: Vec<&str> = stated
        .map(|stated| stated.unwrap_or("not stated"))
        .collect();
    let weights = quoted(&stated.join(", "));
    format!(
        r#"[package]
name = "{name}"
version = "0.1.0"
edition = "2024"
rust-version = "{RUST_VERSION}"
description = {description}
# Of the code.
license = "{CODE}"
publish = false
autobenches = false

# NOTICE says more.
[package.metadata.edgegen]
licence-of-the-weights = {weights}

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
license = "{CODE}"
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
rust-version = "{RUST_VERSION}"
description = "The C interface of {name}"
license = "{CODE}"
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

/// `.cargo/config.toml`: what the compiler has to be told of the devices.
pub(crate) fn cargo_config(profile: &Profile) -> Option<String> {
    let (name, features) = (profile.name(), profile.baseline().features());
    if profile.crt_static() {
        // For `build`, since `target` adds up along the folders and could not be undone in `ffi`.
        Some(format!(
            "# The program holds the C library, and so runs whichever one a device of the profile\n\
             # `{name}` has.\n\
             [build]\nrustflags = [\"-C\", \"target-feature=+crt-static\"]\n"
        ))
    } else if !profile.std() && !features.is_empty() {
        Some(format!(
            "# The baseline of the profile `{name}`: without `std`, a program cannot ask the CPU.\n\
             [target.{}]\nrustflags = [\"-C\", \"target-feature={}\"]\n",
            profile.target(),
            enabled(features)
        ))
    } else {
        None
    }
}

/// `ffi/.cargo/config.toml`: libraries leave the C library to the program that links them.
pub(super) fn ffi_cargo_config(profile: &Profile) -> Option<String> {
    profile.crt_static().then(|| {
        format!(
            "# The program that links the library brings the C library.\n\
             [target.{}]\nrustflags = [\"-C\", \"target-feature=-crt-static\"]\n",
            profile.target()
        )
    })
}

/// Target features as the compiler's option takes them.
pub(super) fn enabled(features: &[&str]) -> String {
    let enabled: Vec<String> = features.iter().map(|name| format!("+{name}")).collect();
    enabled.join(",")
}

/// `Cross.toml`: what `cross` builds for when no target is given.
pub(crate) fn cross(profile: &Profile) -> String {
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
