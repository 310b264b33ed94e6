//! What the compiler makes of the tiny demo model, as text: the program and the generated files.

use std::path::Path;

use edgegen::emit::{Crate, Options, emit};
use edgegen::plan::{Request, plan};
use edgegen::profile::Profile;
use edgegen::program::Program;
use edgegen::{compress, import, interpret};

fn program(quant: &str) -> Program {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/macro-assistant/models/tiny.bin");
    let model = import::import(&file).unwrap();
    let request = Request {
        quant: quant.parse().unwrap(),
        ..Request::default()
    };
    let plan = plan(&model, &Profile::load("raspberry_pi").unwrap(), &request).unwrap();
    compress::compress(&model, &plan, &|_, _| {}).unwrap()
}

fn krate(program: &Program, platform: &str) -> Crate {
    krate_for(program, &Profile::load(platform).unwrap())
}

fn krate_for(program: &Program, profile: &Profile) -> Crate {
    let golden = interpret::golden(program, 1).unwrap();
    let options = Options {
        name: "tiny".into(),
        allow_oversize: false,
    };
    emit(program, &golden, profile, &options)
}

fn text(krate: &Crate, path: &str) -> String {
    String::from_utf8(krate.files()[path].clone()).unwrap()
}

#[test]
fn the_program_prints_as_stable_text() {
    insta::assert_snapshot!("program_q4m", program("q4m").to_string());
}

#[test]
fn generated_files() {
    let krate = krate(&program("q8"), "raspberry_pi");
    for (name, path) in [
        ("model", "src/model.rs"),
        ("isa", "src/isa.rs"),
        ("lib", "src/lib.rs"),
        ("kernels", "src/kernels/mod.rs"),
        ("manifest", "Cargo.toml"),
        ("cross", "Cross.toml"),
        ("readme", "README.md"),
    ] {
        insta::assert_snapshot!(name, text(&krate, path));
    }
}

/// The folders of kernels, and the files in them.
fn kernels(krate: &Crate) -> Vec<&str> {
    krate
        .files()
        .keys()
        .filter_map(|path| path.strip_prefix("src/kernels/"))
        .filter(|path| path.contains('/'))
        .collect()
}

/// Only what the profile needs is copied.
/// Only what the profile needs is copied.
#[test]
fn a_crate_holds_its_own_kernels_only() {
    let krate = krate(&program("q8"), "esp32");
    assert_eq!(
        kernels(&krate),
        [
            "formats/q8.rs",
            "scalar/dot.rs",
            "scalar/lanes.rs",
            "scalar/mod.rs",
            "soft_float/dot.rs",
            "soft_float/float.rs",
            "soft_float/lanes.rs",
            "soft_float/mod.rs"
        ]
    );
}

#[test]
fn a_crate_for_a_cpu_holds_its_best_kernels() {
    let pi = Profile::load("raspberry_pi").unwrap();
    let krate = krate_for(&program("q8"), &pi.for_cpu("cortex-a53").unwrap());
    let isa = text(&krate, "src/isa.rs");
    assert!(
        isa.contains("pub const ALL: [Self; 1] = [Self::Neon];"),
        "{isa}"
    );
    let kernels = kernels(&krate);
    assert!(!kernels.iter().any(|path| path.starts_with("neon_dotprod")));
}

/// What the compiler must be told of the devices.
#[test]
fn flags_of_the_compiler() {
    const ROOT: &str = ".cargo/config.toml";
    const FFI: &str = "ffi/.cargo/config.toml";
    let config = |profile: &Profile, path| {
        let krate = krate_for(&program("q8"), profile);
        krate.files().contains_key(path).then(|| text(&krate, path))
    };
    let pi = Profile::load("raspberry_pi").unwrap();
    insta::assert_snapshot!(config(&pi, ROOT).unwrap(), @r#"
    # The program holds the C library, and so runs whichever one a device of the profile
    # `raspberry_pi` has.
    [build]
    rustflags = ["-C", "target-feature=+crt-static"]
    "#);
    insta::assert_snapshot!(config(&pi, FFI).unwrap(), @r#"
    # The program that links the library brings the C library.
    [target.aarch64-unknown-linux-gnu]
    rustflags = ["-C", "target-feature=-crt-static"]
    "#);

    // Without `std`, nothing of the CPU is found out at start.
    let bare = include_str!("../src/profile/built_in/raspberry_pi.toml")
        .replace("std = true\ncrt_static = true", "std = false")
        .replace("optional = [\"neon-dotprod\"]\n", "")
        .replace("threads = 4", "threads = 1");
    let bare = Profile::parse(&bare)
        .unwrap()
        .for_cpu("cortex-a76")
        .unwrap();
    insta::assert_snapshot!(config(&bare, ROOT).unwrap(), @r#"
    # The baseline of the profile `raspberry_pi`: without `std`, a program cannot ask the CPU.
    [target.aarch64-unknown-linux-gnu]
    rustflags = ["-C", "target-feature=+neon,+dotprod"]
    "#);
    assert_eq!(config(&bare, FFI), None);

    let host = Profile::load("host").unwrap();
    assert_eq!(config(&host, ROOT), None);
}
