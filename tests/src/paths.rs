//! Where things are.

use std::path::{Path, PathBuf};

use crate::Missing;

/// The workspace's root.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests are a member of a workspace")
}

/// The target folder that this program was built in.
pub fn target() -> PathBuf {
    let program = std::env::current_exe().expect("the path of the running program");
    let profile = |name: &std::ffi::OsStr| name == "release" || name == "debug";
    program
        .ancestors()
        .find(|folder| folder.file_name().is_some_and(profile))
        .and_then(Path::parent)
        .map_or_else(|| workspace().join("target"), Path::to_owned)
}

/// A folder for what these tests make, kept so that a second run is short.
pub fn work(name: &str) -> PathBuf {
    let folder = target().join("whole-path").join(name);
    std::fs::create_dir_all(&folder).expect("a writable target folder");
    folder
}

/// A file of the tests' data, which `tests/data/README.md` describes.
pub fn data(path: &str) -> PathBuf {
    workspace().join("tests/data").join(path)
}

/// A random model of about 100,000 weights with golden data, as a GGUF file in F32.
pub fn architecture(name: &str) -> PathBuf {
    data(&format!("architectures/{name}/model.gguf"))
}

/// That of Llama.
pub fn llama() -> PathBuf {
    architecture("llama")
}

/// The tiny model of the examples, as a llama2.c checkpoint.
pub fn tiny() -> PathBuf {
    workspace().join("examples/macro-assistant/models/tiny.bin")
}

/// SmolLM2-135M-Instruct.Q4_1.gguf, as `tests/fetch-smollm2.sh` fetches it.
///
/// # Errors
///
/// When `EDGEGEN_SMOLLM2` does not name it.
pub fn smollm2() -> Result<PathBuf, Missing> {
    named("EDGEGEN_SMOLLM2", "tests/fetch-smollm2.sh")
}

/// Gemma 3 270M (base) in Q4_K_M, as `tests/fetch-gemma3.sh` fetches it.
///
/// # Errors
///
/// When `EDGEGEN_GEMMA3` does not name it.
pub fn gemma3() -> Result<PathBuf, Missing> {
    named("EDGEGEN_GEMMA3", "tests/fetch-gemma3.sh")
}

/// Qwen2.5-Coder-0.5B-Instruct in Q4_K_M, as `tests/fetch-qwen2.sh` fetches it.
///
/// # Errors
///
/// When `EDGEGEN_QWEN2` does not name it.
pub fn qwen2() -> Result<PathBuf, Missing> {
    named("EDGEGEN_QWEN2", "tests/fetch-qwen2.sh")
}

/// Kotlin's compiler, library and coroutines, as `tests/fetch-kotlin.sh` fetches them.
///
/// # Errors
///
/// When `EDGEGEN_KOTLIN` does not name it.
pub fn kotlin() -> Result<PathBuf, Missing> {
    named("EDGEGEN_KOTLIN", "tests/fetch-kotlin.sh")
}

/// What a variable names, and a script fetches.
fn named(variable: &str, script: &str) -> Result<PathBuf, Missing> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    path.ok_or_else(|| Missing::new(format!("{variable} is not set: {variable}=$({script})")))
}

/// stories260K in F32 as a GGUF file, if `EDGEGEN_STORIES` names it: for comparisons with other
/// runtimes.
pub fn stories() -> Option<PathBuf> {
    std::env::var_os("EDGEGEN_STORIES").map(PathBuf::from)
}

/// What `edgegen plan` found for a model (`smollm2`, `gemma3`, `qwen2`) on a Raspberry Pi.
pub fn pi_plan(model: &str) -> PathBuf {
    data(&format!("{model}-pi.plan.toml"))
}
