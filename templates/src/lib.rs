//! The parts of a generated crate that are not computed from the model.
//!
//! What can stand alone is a module here, compiled and tested in place; the
//! emitter copies its text.
#![no_std]

extern crate std;

/// The kernels, as generated crates see them.
pub mod kernels {
    pub use runtime_kernels::*;

    macro_rules! tokens {
        ($($module:ident::$token:ident in [$($arch:literal)?] $row:tt)*) => {
            $(
                #[cfg(all($(target_arch = $arch)?))]
                pub use runtime_kernels::$module::$token;
            )*
        };
    }

    instruction_sets!(tokens);
}

pub use runtime_kernels::instruction_sets;

pub mod chat;
#[cfg(feature = "std")]
pub mod crew;
#[allow(
    dead_code,
    reason = "sessions, which use it all, are in generated crates"
)]
pub mod error;
pub mod frame;
pub mod golden;
pub mod grammar;
pub mod mapping;
#[allow(
    dead_code,
    reason = "sessions, which use it all, are in generated crates"
)]
pub mod options;
pub mod probe;
pub mod sampler;
pub mod team;
pub mod tokenizer;
pub mod weight_file;

/// Path below `src` and text of the library's files, sorted.
pub const FILES: &[(&str, &str)] = &[
    ("answers.rs", include_str!("answers.rs")),
    ("chat.rs", include_str!("chat.rs")),
    ("completion.rs", include_str!("completion.rs")),
    ("crew.rs", include_str!("crew.rs")),
    ("error.rs", include_str!("error.rs")),
    ("frame.rs", include_str!("frame.rs")),
    ("generation.rs", include_str!("generation.rs")),
    ("golden.rs", include_str!("golden.rs")),
    ("grammar.rs", include_str!("grammar.rs")),
    ("lookup.rs", include_str!("lookup.rs")),
    ("memory.rs", include_str!("memory.rs")),
    ("options.rs", include_str!("options.rs")),
    ("pass.rs", include_str!("pass.rs")),
    ("piece.rs", include_str!("piece.rs")),
    ("prefix.rs", include_str!("prefix.rs")),
    ("sampler.rs", include_str!("sampler.rs")),
    ("scratch.rs", include_str!("scratch.rs")),
    ("self_test.rs", include_str!("self_test.rs")),
    ("session.rs", include_str!("session.rs")),
    ("state.rs", include_str!("state.rs")),
    ("team.rs", include_str!("team.rs")),
    ("tokenizer.rs", include_str!("tokenizer.rs")),
    ("tokenizer/bpe.rs", include_str!("tokenizer/bpe.rs")),
    ("tokenizer/cased.rs", include_str!("tokenizer/cased.rs")),
    ("tokenizer/class.rs", include_str!("tokenizer/class.rs")),
    ("tokenizer/hunyuan.rs", include_str!("tokenizer/hunyuan.rs")),
    ("tokenizer/known.rs", include_str!("tokenizer/known.rs")),
    ("tokenizer/nfc.rs", include_str!("tokenizer/nfc.rs")),
    ("tokenizer/ranks.rs", include_str!("tokenizer/ranks.rs")),
    ("tokenizer/split.rs", include_str!("tokenizer/split.rs")),
    ("tokenizer/stream.rs", include_str!("tokenizer/stream.rs")),
    ("tokenizer/tables.rs", include_str!("tokenizer/tables.rs")),
    ("tokenizer/unicode.rs", include_str!("tokenizer/unicode.rs")),
];

/// Path and text of the crate's other files; `{{crate}}` stands for the crate's name, and
/// `{{session}}` for what [`Placement::session`] is.
pub const PROGRAM: &[(&str, &str)] = &[
    ("src/cli/args.rs", include_str!("../program/cli/args.rs")),
    ("src/cli/bench.rs", include_str!("../program/cli/bench.rs")),
    (
        "src/cli/generate.rs",
        include_str!("../program/cli/generate.rs"),
    ),
    (
        "src/cli/interrupt.rs",
        include_str!("../program/cli/interrupt.rs"),
    ),
    ("src/cli/json.rs", include_str!("../program/cli/json.rs")),
    (
        "src/cli/logits.rs",
        include_str!("../program/cli/logits.rs"),
    ),
    ("src/cli/mod.rs", include_str!("../program/cli/mod.rs")),
    ("src/cli/score.rs", include_str!("../program/cli/score.rs")),
    (
        "src/cli/self_test.rs",
        include_str!("../program/cli/self_test.rs"),
    ),
    (
        "src/cli/tokenize.rs",
        include_str!("../program/cli/tokenize.rs"),
    ),
    ("src/main.rs", include_str!("../program/main.rs")),
    (
        "benches/empty.rs",
        include_str!("../program/benches/empty.rs"),
    ),
    (
        "benches/session.rs",
        include_str!("../program/benches/session.rs"),
    ),
    (
        "tests/golden.rs",
        include_str!("../program/tests/golden.rs"),
    ),
    ("ffi/CMakeLists.txt", include_str!("../ffi/CMakeLists.txt")),
    (
        "ffi/examples/generate.c",
        include_str!("../ffi/examples/generate.c"),
    ),
    ("ffi/src/lib.rs", include_str!("../ffi/src/lib.rs")),
    (
        "ffi/include/edge_model.h",
        include_str!("../ffi/include/edge_model.h"),
    ),
];

/// Path and text of a program around the macro; `{{…}}` stands for what `edgegen new` knows.
pub const NEW: &[(&str, &str)] = &[
    (".github/workflows/ci.yml", include_str!("../new/ci.yml")),
    (".gitignore", include_str!("../new/gitignore")),
    ("Cargo.toml", include_str!("../new/manifest.toml")),
];

/// The source of a program that has [`NEW`].
pub const NEW_PROGRAM: &str = include_str!("../new/main.rs");

/// The source of a library that has [`NEW`].
pub const NEW_LIBRARY: &str = include_str!("../new/library.rs");

/// The source of a library without `std` that has [`NEW`].
pub const NEW_EMBEDDED: &str = include_str!("../new/embedded.rs");

/// The files that depend on where the weights are.
pub struct Placement {
    /// More files of the library, as [`FILES`].
    pub files: &'static [(&'static str, &'static str)],
    /// More of the crate's other files, as [`PROGRAM`].
    pub program: &'static [(&'static str, &'static str)],
    /// What stands for `{{session}}` in [`PROGRAM`]: statements that make one; `{{root}}` is the
    /// way to the crate's folder.
    pub session: &'static str,
}

/// The weights are in the program.
pub const EMBEDDED: Placement = Placement {
    files: &[("weights.rs", include_str!("../embedded/src/weights.rs"))],
    program: &[
        (
            "src/cli/open.rs",
            include_str!("../embedded/src/cli/open.rs"),
        ),
        (
            "ffi/src/open.rs",
            include_str!("../embedded/ffi/src/open.rs"),
        ),
    ],
    session: "let mut session = Session::new();",
};

/// The weights are in a file of their own.
pub const EXTERNAL: Placement = Placement {
    files: &[
        ("mapping.rs", include_str!("mapping.rs")),
        ("weight_file.rs", include_str!("weight_file.rs")),
        ("weights.rs", include_str!("../external/src/weights.rs")),
    ],
    program: &[
        (
            "src/cli/open.rs",
            include_str!("../external/src/cli/open.rs"),
        ),
        (
            "ffi/src/open.rs",
            include_str!("../external/ffi/src/open.rs"),
        ),
    ],
    session: r#"let file = std::path::Path::new("{{root}}").join(model::WEIGHTS_FILE);
    let mut session = Session::new(model::Weights::open(file).expect("the crate's weights"));"#,
};

/// Path and text of the crate that measures a device; the kernels go beside it.
pub const PROBE: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../probe/manifest.toml")),
    ("src/main.rs", include_str!("../probe/main.rs")),
    ("src/probe.rs", include_str!("probe.rs")),
    ("src/probe/machine.rs", include_str!("probe/machine.rs")),
    ("src/probe/speed.rs", include_str!("probe/speed.rs")),
];

/// Path and text of the npm package for browsers; `{{package}}` stands for the crate's package.
pub const WEB: &[(&str, &str)] = &[
    ("web/build.mjs", include_str!("../web/build.mjs")),
    ("web/engine.js", include_str!("../web/engine.js")),
    ("web/index.d.ts", include_str!("../web/index.d.ts")),
    ("web/index.html", include_str!("../web/index.html")),
    ("web/index.js", include_str!("../web/index.js")),
    ("web/loader.js", include_str!("../web/loader.js")),
    ("web/package.json", include_str!("../web/package.json")),
    ("web/page.css", include_str!("../web/page.css")),
    ("web/page.js", include_str!("../web/page.js")),
    ("web/serve.mjs", include_str!("../web/serve.mjs")),
    ("web/sha256.js", include_str!("../web/sha256.js")),
    ("web/split.mjs", include_str!("../web/split.mjs")),
    ("web/sw.js", include_str!("../web/sw.js")),
    ("web/worker.js", include_str!("../web/worker.js")),
];

/// Path and text of the Gradle module; `{{crate}}` stands for the crate's name, `{{target}}` and
/// `{{abi}}` for the target in Rust's and in Android's words.
pub const ANDROID: &[(&str, &str)] = &[
    (
        "android/build.gradle.kts",
        include_str!("../android/build.gradle.kts"),
    ),
    (
        "android/src/main/AndroidManifest.xml",
        include_str!("../android/src/main/AndroidManifest.xml"),
    ),
    (
        "android/src/main/cpp/CMakeLists.txt",
        include_str!("../android/src/main/cpp/CMakeLists.txt"),
    ),
    (
        "android/src/main/cpp/edge_jni.c",
        include_str!("../android/src/main/cpp/edge_jni.c"),
    ),
    (
        "android/src/main/java/edgegen/Model.java",
        include_str!("../android/src/main/java/edgegen/Model.java"),
    ),
    (
        "android/src/main/java/edgegen/ModelException.java",
        include_str!("../android/src/main/java/edgegen/ModelException.java"),
    ),
    (
        "android/src/main/java/edgegen/Native.java",
        include_str!("../android/src/main/java/edgegen/Native.java"),
    ),
    (
        "android/src/main/java/edgegen/Options.java",
        include_str!("../android/src/main/java/edgegen/Options.java"),
    ),
    (
        "android/src/main/kotlin/edgegen/EdgeModel.kt",
        include_str!("../android/src/main/kotlin/edgegen/EdgeModel.kt"),
    ),
];

/// Path and text of the Swift package; `{{crate}}` stands for the crate's name.
pub const IOS: &[(&str, &str)] = &[
    ("ios/Package.swift", include_str!("../ios/Package.swift")),
    (
        "ios/Sources/EdgeModel/EdgeModel.swift",
        include_str!("../ios/Sources/EdgeModel/EdgeModel.swift"),
    ),
    (
        "ios/make-xcframework.sh",
        include_str!("../ios/make-xcframework.sh"),
    ),
    (
        "ios/module.modulemap",
        include_str!("../ios/module.modulemap"),
    ),
];
