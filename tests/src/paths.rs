//! Where things are.

use std::path::{Path, PathBuf};

use crate::not_run;

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

/// A file of the data shared beside the workspace: golden data and the tiny model.
/// Says so and gives `None` if it is missing.
pub fn shared(path: &str) -> Option<PathBuf> {
    let file = workspace().join("../shared").join(path);
    if !file.exists() {
        not_run(false, &format!("../shared/{path} is missing"));
        return None;
    }
    Some(file)
}

/// stories260K as a llama2.c checkpoint.
pub fn stories() -> Option<PathBuf> {
    shared("models/stories260K/stories260K.bin")
}

/// The tiny model of the examples, as a llama2.c checkpoint.
pub fn tiny() -> PathBuf {
    workspace().join("examples/macro-assistant/models/tiny.bin")
}

/// SmolLM2-135M-Instruct.Q4_1.gguf, as `tests/fetch-smollm2.sh` fetches it.
pub fn smollm2() -> Option<PathBuf> {
    let Some(path) = std::env::var_os("EDGEGEN_SMOLLM2") else {
        not_run(
            true,
            "EDGEGEN_SMOLLM2 is not set: EDGEGEN_SMOLLM2=$(tests/fetch-smollm2.sh)",
        );
        return None;
    };
    Some(path.into())
}

/// What `edgegen plan SmolLM2-135M-Instruct.Q4_1.gguf --platform raspberry_pi --out …` found.
pub fn smollm2_plan() -> PathBuf {
    workspace().join("tests/data/smollm2-pi.plan.toml")
}
