//! The packages for apps, as far as they go without a phone's kit: the JNI methods on this
//! machine's JVM, and the libraries for Android and iOS as objects.

use std::path::{Path, PathBuf};
use std::process::Command;

use tests::built::cargo_for;
use tests::{Emitted, Missing, Outcome, Recipe, paths, questions, run};

use crate::ffi;

const PROMPT: &str = "switch off the lamp in the kitchen";
const ANSWER: &str = r#"{"do":"off","what":"lamp","where":"kitchen"}"#;

/// What a library without an operating system may want of the system's library.
const LIBC: [&str; 5] = ["memcpy", "memmove", "memset", "memcmp", "bcmp"];

/// What the compiler calls of Apple's system library beside [`LIBC`].
const APPLE: [&str; 2] = ["bzero", "memset_pattern16"];

/// The header folders of this machine's JDK.
fn jdk_headers() -> [PathBuf; 2] {
    let javac = run::must(Command::new("readlink").args(["-f", "/usr/bin/javac"]));
    let home = Path::new(javac.trim()).ancestors().nth(2).expect("a JDK");
    ["include", "include/linux"].map(|folder| home.join(folder))
}

/// The C interface of a crate as a static library for a target, without `std`.
fn archive(emitted: &Emitted, target: &str) -> PathBuf {
    let folder = paths::work("apps").join("target");
    run::must(
        cargo_for("core", target, "rustc")
            .args(["--release", "--offline", "--lib", "--no-default-features"])
            .args(["--crate-type", "staticlib", "--target-dir"])
            .arg(&folder)
            .current_dir(emitted.folder.join("ffi")),
    );
    let name = format!("lib{}_ffi.a", emitted.name.replace('-', "_"));
    folder.join(target).join("release").join(name)
}

/// The functions that the header declares.
fn interface(emitted: &Emitted) -> Vec<String> {
    let header = emitted.folder.join("ffi/include/edge_model.h");
    let text = std::fs::read_to_string(header).expect("a header");
    let mut names: Vec<String> = text
        .lines()
        .filter(|line| !line.starts_with("//"))
        .flat_map(|line| line.split([' ', '*']))
        .filter_map(|word| word.split_once('('))
        .map(|(name, _)| name.to_owned())
        .filter(|name| name.starts_with("edge_"))
        .collect();
    names.sort();
    names
}

/// Symbols of a file, as `nm` with these arguments tells them.
fn symbols(file: &Path, arguments: &[&str]) -> Vec<String> {
    let text = run::must(
        Command::new("llvm-nm-22")
            .args(["--just-symbol-name", "--quiet"])
            .args(arguments)
            .arg(file),
    );
    let mut names: Vec<String> = text
        .lines()
        .filter(|line| !line.is_empty() && !line.ends_with(':'))
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// A crate for this machine behind the package of one for Android, and the programs of these
/// tests that use it.
pub(crate) struct Jvm {
    folder: PathBuf,
}

impl Jvm {
    pub(crate) fn build(host: &Emitted) -> Self {
        let folder = paths::work("jvm").join(&host.name);
        std::fs::create_dir_all(&folder).expect("a writable target folder");
        let target = ffi::built(host);
        let [include, linux] = jdk_headers();
        let android = Recipe::built_in("homectl-android", "android", "q4").emit();
        let sources = android.folder.join("android/src/main");
        let library = format!("lib{}_ffi.a", host.name.replace('-', "_"));
        run::must(
            Command::new("cc")
                .args([
                    "-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared",
                ])
                .args(["-Wl,--exclude-libs,ALL", "-Wl,-z,defs", "-o"])
                .arg(folder.join("libedge_model.so"))
                .arg("-I")
                .arg(include)
                .arg("-I")
                .arg(linux)
                .arg("-I")
                .arg(host.folder.join("ffi/include"))
                .arg(sources.join("cpp/edge_jni.c"))
                .arg(target.join("release").join(library))
                .arg("-lm"),
        );
        let package = sources.join("java/edgegen");
        let own = paths::workspace().join("tests/jvm");
        let files = ["Model", "ModelException", "Native", "Options"].map(|name| package.join(name));
        let files = files
            .into_iter()
            .chain(["Ask", "Check", "SelfTest"].map(|name| own.join(name)));
        run::must(
            Command::new("javac")
                .args(["-Xlint:all", "-Werror", "-d"])
                .arg(folder.join("classes"))
                .args(files.map(|file| file.with_extension("java"))),
        );
        Self { folder }
    }

    pub(crate) fn java(&self, class: &str) -> Command {
        self.java_with(class, &self.folder.join("classes"))
    }

    /// The class with this path of classes.
    fn java_with(&self, class: &str, classes: &Path) -> Command {
        let mut command = Command::new("java");
        command
            .args(["-Xcheck:jni", "-Xmx64m", "-cp"])
            .arg(classes)
            .arg(format!("-Djava.library.path={}", self.folder.display()))
            .arg(format!("edgegen.{class}"));
        command
    }
}

fn the_jni_methods_work_on_a_jvm() -> Outcome {
    run::need(&[("javac", "openjdk-17-jdk-headless")])?;
    let embedded = Recipe::homectl();
    let external = Recipe::homectl_external();
    for recipe in [embedded, external] {
        let host = recipe.emit();
        let mut check = Jvm::build(&host).java("Check");
        check.args([host.hash(), PROMPT, ANSWER]);
        let said = run::must(check.args(host.weights()));
        let expected = format!("ok: {}, context of 112 tokens", recipe.name);
        assert_eq!(said.trim(), expected);
    }
    Ok(())
}

fn each_option_and_message_reaches_the_session_through_jni() -> Outcome {
    run::need(&[("javac", "openjdk-17-jdk-headless")])?;
    let (questions, answers) = questions::asked();
    let host = questions::chat_recipe().emit();
    let told = run::must(Jvm::build(&host).java("Ask").arg(questions));
    let without_tokens = answers.iter().map(|answer| questions::Answer {
        tokens: Vec::new(),
        ..answer.clone()
    });
    assert!(
        questions::told(&told).into_iter().eq(without_tokens),
        "{told}"
    );
    Ok(())
}

fn each_option_and_message_reaches_the_session_through_kotlin() -> Outcome {
    run::need(&[("javac", "openjdk-17-jdk-headless")])?;
    let kotlin = paths::kotlin()?;
    let (questions, answers) = questions::asked();
    let host = questions::chat_recipe().emit();
    let jvm = Jvm::build(&host);
    let classes = [&jvm.folder.join("classes"), &kotlin].map(|path| path.display().to_string());
    let classes = PathBuf::from(classes.join(":"));
    let android = Recipe::built_in("homectl-android", "android", "q4").emit();
    run::must(
        Command::new("java")
            .arg("-cp")
            .arg(&kotlin)
            .arg("org.jetbrains.kotlin.cli.jvm.K2JVMCompiler")
            .args([
                "-no-stdlib",
                "-no-reflect",
                "-jvm-target",
                "17",
                "-Werror",
                "-cp",
            ])
            .arg(&classes)
            .arg("-d")
            .arg(jvm.folder.join("classes"))
            .arg(
                android
                    .folder
                    .join("android/src/main/kotlin/edgegen/EdgeModel.kt"),
            )
            .arg(paths::workspace().join("tests/jvm/AskKotlin.kt")),
    );
    let told = run::must(jvm.java_with("AskKotlinKt", &classes).arg(questions));
    let texts = |answers: &[questions::Answer]| -> Vec<String> {
        answers.iter().map(|answer| answer.text.clone()).collect()
    };
    assert_eq!(texts(&questions::told(&told)), texts(answers));
    Ok(())
}

fn the_library_for_android_has_its_exports_and_its_alignment() -> Outcome {
    run::need(&[
        ("clang-22", "clang-22"),
        ("ld.lld-22", "lld-22"),
        ("llvm-nm-22", "llvm-22"),
        ("javac", "openjdk-17-jdk-headless"),
    ])?;
    let emitted = Recipe::built_in("homectl-android", "android", "q4").emit();
    let archive = archive(&emitted, "aarch64-linux-android");
    let folder = paths::work("apps").join("android");
    std::fs::create_dir_all(&folder).expect("a writable target folder");

    // A stand-in for the device's C library: what is not in it must not be wanted.
    let stub = folder.join("libc.c");
    let names = LIBC.into_iter().chain(["malloc", "calloc", "free"]);
    let text: String = names
        .map(|name| format!("void {name}(void) {{}}\n"))
        .collect();
    std::fs::write(&stub, text).expect("a writable target folder");
    let clang = || {
        let mut clang = Command::new("clang-22");
        clang
            .args([
                "--target=aarch64-linux-android24",
                "-O2",
                "-fPIC",
                "-shared",
            ])
            .args(["-nostdlib", "-fuse-ld=lld-22", "-fno-builtin"]);
        clang
    };
    run::must(
        clang()
            .arg("-Wno-incompatible-library-redeclaration")
            .args(["-Wl,-soname,libc.so", "-o"])
            .arg(folder.join("libc.so"))
            .arg(&stub),
    );
    let [include, linux] = jdk_headers();
    let library = folder.join("libedge_model.so");
    run::must(
        clang()
            .args(["-Wl,-soname,libedge_model.so", "-Wl,-z,defs"])
            .args(["-Wl,-z,max-page-size=16384", "-Wl,--exclude-libs,ALL"])
            .args(["-isystem", "/usr/aarch64-linux-gnu/include", "-I"])
            .arg(include)
            .arg("-I")
            .arg(linux)
            .arg("-I")
            .arg(emitted.folder.join("ffi/include"))
            .arg(emitted.folder.join("android/src/main/cpp/edge_jni.c"))
            .arg(archive)
            .arg("-L")
            .arg(&folder)
            .args(["-lc", "-o"])
            .arg(&library),
    );

    let java = emitted
        .folder
        .join("android/src/main/java/edgegen/Native.java");
    let java = std::fs::read_to_string(java).expect("the methods");
    let mut methods: Vec<String> = java
        .lines()
        .filter_map(|line| line.trim().strip_prefix("static native "))
        .filter_map(|line| line.split(['(', ' ']).nth(1))
        .map(|name| format!("Java_edgegen_Native_{name}"))
        .collect();
    methods.sort();
    assert_eq!(symbols(&library, &["--dynamic", "--defined-only"]), methods);

    let headers = run::must(Command::new("llvm-readelf-22").arg("-dlW").arg(&library));
    let loads: Vec<&str> = headers
        .lines()
        .filter(|line| line.trim_start().starts_with("LOAD "))
        .collect();
    assert!(!loads.is_empty(), "{headers}");
    for load in loads {
        assert!(load.trim_end().ends_with("0x4000"), "{load}");
    }
    let needed: Vec<&str> = headers
        .lines()
        .filter(|line| line.contains("NEEDED"))
        .collect();
    assert_eq!(needed.len(), 1, "{headers}");
    assert!(needed[0].contains("[libc.so]"), "{headers}");
    Ok(())
}

/// A target of Apple: the library has the interface, and wants nothing of the system.
fn library_for_ios(target: &str) -> Result<Emitted, Missing> {
    run::need(&[("llvm-nm-22", "llvm-22"), ("clang-22", "clang-22")])?;
    let emitted = Recipe::built_in("homectl-ios", "ios", "q4").emit();
    let interface: Vec<String> = interface(&emitted)
        .into_iter()
        .map(|name| format!("_{name}"))
        .collect();
    assert!(interface.len() > 10, "{interface:?}");
    let archive = archive(&emitted, target);
    let defined = symbols(&archive, &["--defined-only", "--extern-only"]);
    for name in &interface {
        assert!(defined.contains(name), "{target}: {name} is missing");
    }
    for name in symbols(&archive, &["--undefined-only"]) {
        let plain = name.trim_start_matches('_');
        let known = APPLE.contains(&plain) || LIBC.contains(&plain);
        assert!(defined.contains(&name) || known, "{target} wants {name}");
    }
    Ok(emitted)
}

fn the_library_for_the_simulator_of_ios_has_its_exports() -> Outcome {
    library_for_ios("aarch64-apple-ios-sim").map(|_| ())
}

fn the_library_for_ios_has_its_exports_and_swift_reads_its_header() -> Outcome {
    let emitted = library_for_ios("aarch64-apple-ios")?;

    // The module map and the header are what Swift imports.
    let folder = paths::work("apps").join("ios");
    std::fs::create_dir_all(&folder).expect("a writable target folder");
    for file in ["ffi/include/edge_model.h", "ios/module.modulemap"] {
        let file = emitted.folder.join(file);
        std::fs::copy(&file, folder.join(file.file_name().expect("a file"))).expect("a copy");
    }
    let user = folder.join("user.m");
    std::fs::write(
        &user,
        "@import CEdgeModel;\nEdgeStatus last(EdgeSession *s, EdgePiece *p) { return edge_next(s, p); }\n",
    )
    .expect("a writable target folder");
    run::must(
        Command::new("clang-22")
            .args([
                "--target=arm64-apple-ios13",
                "-ffreestanding",
                "-fmodules",
                "-Werror",
            ])
            .arg(format!(
                "-fmodules-cache-path={}",
                folder.join("cache").display()
            ))
            .arg(format!(
                "-fmodule-map-file={}",
                folder.join("module.modulemap").display()
            ))
            .arg("-fsyntax-only")
            .arg(user),
    );
    Ok(())
}

tests::trials![
    long: the_jni_methods_work_on_a_jvm,
    each_option_and_message_reaches_the_session_through_jni;
    nightly: the_library_for_ios_has_its_exports_and_swift_reads_its_header,
    the_library_for_android_has_its_exports_and_its_alignment,
    the_library_for_the_simulator_of_ios_has_its_exports,
    each_option_and_message_reaches_the_session_through_kotlin,
];
