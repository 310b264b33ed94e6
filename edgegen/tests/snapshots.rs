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
    let golden = interpret::golden(program, 1).unwrap();
    let options = Options {
        name: "tiny".into(),
        allow_oversize: false,
    };
    emit(
        program,
        &golden,
        &Profile::load(platform).unwrap(),
        &options,
    )
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

/// Only what the profile needs is copied.
#[test]
fn a_crate_holds_its_own_kernels_only() {
    let krate = krate(&program("q8"), "esp32");
    let kernels: Vec<&str> = krate
        .files()
        .keys()
        .filter_map(|path| path.strip_prefix("src/kernels/"))
        .filter(|path| path.contains('/'))
        .collect();
    assert_eq!(
        kernels,
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
