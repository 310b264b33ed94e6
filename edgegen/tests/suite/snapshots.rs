//! What the compiler makes of the tiny demo model, as text: the program and the generated files.

use std::path::Path;

use edgegen::emit::{Crate, Options, emit, weight_files};
use edgegen::plan::{Request, plan};
use edgegen::profile::Profile;
use edgegen::program::{Placement, Program};
use edgegen::{compress, import, interpret};
use edgegen_templates::weight_file::{WeightsError, check};

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

fn krate(program: &Program, platform: &str, weights: Placement) -> Crate {
    krate_for(program, &Profile::load(platform).unwrap(), weights)
}

fn krate_for(program: &Program, profile: &Profile, weights: Placement) -> Crate {
    let golden = interpret::golden(program, 1).unwrap();
    let options = Options {
        name: "tiny".into(),
        weights,
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
    let krate = krate(&program("q8"), "raspberry_pi", Placement::Embedded);
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

/// The map of the modules has a sentence for each, in one line.
#[test]
fn the_library_has_a_map_of_its_modules() {
    for weights in [Placement::Embedded, Placement::External] {
        let library = text(&krate(&program("q8"), "host", weights), "src/lib.rs");
        let modules = library.lines().filter_map(|line| {
            let line = line.strip_prefix("pub ").unwrap_or(line);
            line.strip_prefix("mod ")?.strip_suffix(';')
        });
        let modules: Vec<&str> = modules.collect();
        let entries = library.lines().filter(|line| line.starts_with("//! - `"));
        let named = entries.map(|entry| {
            assert!(entry.ends_with('.') && entry.len() <= 100, "{entry}");
            entry.split('`').nth(1).unwrap()
        });
        assert_eq!(named.collect::<Vec<_>>(), modules);
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
#[test]
fn a_crate_holds_its_own_kernels_only() {
    let krate = krate(&program("q8"), "esp32", Placement::Embedded);
    assert_eq!(
        kernels(&krate),
        [
            "caches/f32.rs",
            "formats/q8.rs",
            "scalar/dot.rs",
            "scalar/integers.rs",
            "scalar/lanes.rs",
            "scalar/mod.rs",
            "soft_float/dot.rs",
            "soft_float/float.rs",
            "soft_float/integers.rs",
            "soft_float/lanes.rs",
            "soft_float/mod.rs"
        ]
    );
}

/// The file holds what the program would, where the code looks for it.
#[test]
fn weights_in_a_file() {
    let program = program("q8");
    let krate = krate(&program, "esp32", Placement::External);
    let included: Vec<&str> = krate
        .files()
        .keys()
        .filter_map(|path| path.strip_prefix("weights/"))
        .collect();
    assert_eq!(included, ["tokenizer.bin"]);

    let file = &krate.files()["tiny.weights"];
    check(file, program.digest(), file.len()).unwrap();
    let other = check(file, program.digest() ^ 1, file.len());
    assert!(matches!(other, Err(WeightsError::OtherModel { .. })));
    let mut place = 64;
    for (name, bytes) in weight_files(&program).filter(|(name, _)| name != "tokenizer.bin") {
        assert_eq!(file[place..][..bytes.len()], *bytes, "{name}");
        place = (place + bytes.len()).next_multiple_of(64);
    }
    assert_eq!(place, file.len());

    let model = text(&krate, "src/model.rs");
    let (start, end) = (
        "pub const WEIGHTS_FILE",
        "/// Blocks of quantized activations",
    );
    let (start, end) = (model.find(start).unwrap(), model.find(end).unwrap());
    insta::assert_snapshot!(model[start..end].trim(), @r#"
    pub const WEIGHTS_FILE: &str = "tiny.weights";

    /// Bytes of the file of weights, a part of [`FLASH_BYTES`].
    pub const WEIGHTS_BYTES: usize = 32_960;
    "#);
    let start = model.find("impl<'w> Network<'w>").unwrap();
    let end = model
        .find("/// The weights before the first layer")
        .unwrap();
    insta::assert_snapshot!(model[start..end].trim(), @r#"
    impl<'w> Network<'w> {
        /// Of the content of a file that was checked.
        pub(crate) fn new(file: &'w [u8]) -> Self {
            let embedding_file = slice(file, 64..10_672);
            let rope_file = slice(file, 10_688..12_736);
            let layer_00_file = slice(file, 12_736..22_784);
            let layer_01_file = slice(file, 22_784..32_832);
            let head_file = slice(file, 32_832..32_960);
            Network {
                rope: slice(rope_file, 0..2_048),
                embedding: Embedding {
                    embedding: [slice(embedding_file, 0..10_608)],
                },
                layers: [
                    Layer {
                        attention_norm: slice(layer_00_file, 0..128),
                        query_key_value: [slice(layer_00_file, 128..2_304)],
                        state: 0,
                        attention_output: [slice(layer_00_file, 2_304..3_392)],
                        feed_forward_norm: slice(layer_00_file, 3_392..3_520),
                        gate_up: [slice(layer_00_file, 3_520..7_872)],
                        down: [slice(layer_00_file, 7_872..10_048)],
                    },
                    Layer {
                        attention_norm: slice(layer_01_file, 0..128),
                        query_key_value: [slice(layer_01_file, 128..2_304)],
                        state: 2_048,
                        attention_output: [slice(layer_01_file, 2_304..3_392)],
                        feed_forward_norm: slice(layer_01_file, 3_392..3_520),
                        gate_up: [slice(layer_01_file, 3_520..7_872)],
                        down: [slice(layer_01_file, 7_872..10_048)],
                    },
                ],
                head: Head {
                    output_norm: slice(head_file, 0..128),
                    embedding: [slice(embedding_file, 0..10_608)],
                },
            }
        }
    }
    "#);
    let readme = text(&krate, "README.md");
    insta::assert_snapshot!(&readme[readme.find("## The library").unwrap()..], @r#"
    ## The library

    With the feature `std`:

    ```rust,ignore
    use tiny::{Options, Session, Weights};

    let weights = Weights::open("tiny.weights")?;
    let mut session = Session::new(weights);
    for piece in session.generate("Once upon a time", &Options::default())? {
        print!("{piece}");
    }
    ```

    Without it there is no allocation: give the session its memory, for instance from a
    static, with `Session::with_memory(&mut MEMORY, weights)`. `RAM_BYTES` and `FLASH_BYTES` are
    compared with the profile's limits when the crate is compiled.

    `tiny.weights` is opened once, for any number of sessions, and checked by a hash of all its
    bytes; another crate's, one that was cut off or changed is refused with the reason.
    Nobody may change it while it is in use.
    Without an operating system it is in flash, mapped into the address space, and goes to
    `Weights::from_static`; from C, to `edge_open_with_weights`.

    On an ESP32 that is a partition, at a multiple of 64 KiB, such as

    ```text
    weights, data, undefined, 0x110000, 2M
    ```

    written by `esptool write-flash 0x110000 tiny.weights`, and mapped by `esp_partition_mmap`
    of ESP-IDF or, without it, by the ROM's `Cache_Dbus_MMU_Set`.

    `NOTICE` has the terms of the weights and of the code: give it to whom you give the program.

    `src/lib.rs` begins with a map of the modules. `PROGRAM.txt` is what they compute: every
    operation, its weights and where its values lie, as `edgegen plan --show program` prints.

    `ffi` is the same for C, and for what calls C: a static and a shared library, the header
    `ffi/include/edge_model.h`, and a CMake project with an example.

    Benchmarks are a package of their own, so that this one needs no registry:
    `cargo bench --manifest-path benches/Cargo.toml`.
    "#);
}

#[test]
fn not_every_platform_has_its_weights_in_a_file() {
    let model = import::built_in().unwrap();
    let planned = |platform: &str| {
        let request = Request {
            weights: Placement::External,
            quant: "q4".parse().unwrap(),
            ..Request::default()
        };
        plan(&model, &Profile::load(platform).unwrap(), &request).map(|plan| plan.weights())
    };
    for platform in ["host", "raspberry_pi", "android", "esp32"] {
        assert_eq!(planned(platform), Ok(Placement::External), "{platform}");
    }
    // Its package has shards in any case.
    assert_eq!(planned("browser"), Ok(Placement::Embedded));
    let message = planned("ios").unwrap_err().to_string();
    assert!(
        message.starts_with("--weights: ") && message.contains("iOS"),
        "{message}"
    );
}

#[test]
fn a_crate_for_a_cpu_holds_its_best_kernels() {
    let pi = Profile::load("raspberry_pi").unwrap();
    let krate = krate_for(
        &program("q8"),
        &pi.for_cpu("cortex-a53").unwrap(),
        Placement::Embedded,
    );
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
        let krate = krate_for(&program("q8"), profile, Placement::Embedded);
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
    let bare = include_str!("../../src/profile/built_in/raspberry_pi.toml")
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
