//! Files and names that are no model that is read here, and what to do with each kind.

use std::fmt::Display;
use std::path::Path;

use crate::error::{Error, Kind, Remedy, Setting};
use crate::hub::Name;

/// What a file is that is none of those that are read, by its first bytes or else its name.
pub(super) fn file(path: &Path, bytes: &[u8]) -> Error {
    if let Some(error) = not_fetched(bytes) {
        return error;
    }
    let (what, remedy) = match (bytes, ending(path).as_str()) {
        ([b'P', b'K', 3, 4, ..], end) if !is_checkpoint(bytes, end) => {
            ("a ZIP archive", "unpack it, and give the model in it")
        }
        (
            [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] | [0xfd, b'7', b'z', b'X', b'Z', ..],
            _,
        ) => ("a compressed file", "unpack it, and give the model in it"),
        ([b'P', b'K', 3, 4, ..] | [0x80, 2, ..], _) | (_, "pt" | "pth") => (
            "a PyTorch checkpoint",
            "give the safetensors of the same model, in a folder with its config.json",
        ),
        ([_, _, _, _, b'T', b'F', b'L', b'3', ..], _) | (_, "tflite" | "litertlm" | "task") => (
            "a TensorFlow Lite model",
            "give the original model: a .gguf file, or its Hugging Face folder with safetensors",
        ),
        ([_, _, _, _, _, _, 0, 0, b'{', ..], _) | (_, "safetensors") => (
            "weights alone, in safetensors",
            "give the folder that it is in, with config.json and tokenizer.json",
        ),
        ([b't' | b'l', b'j' | b'm', b'g', b'g', ..], _) => (
            "an old file of ggml, from before GGUF",
            "convert the original model again with a current llama.cpp",
        ),
        (_, "onnx") => (
            "an ONNX model",
            "give the original model: a .gguf file, or its Hugging Face folder with safetensors",
        ),
        (_, "mlmodel" | "mlpackage") => (
            "a Core ML model",
            "give the original model: a .gguf file, or its Hugging Face folder with safetensors",
        ),
        (_, "h5" | "keras" | "pb") => (
            "a TensorFlow model",
            "give the original model: a .gguf file, or its Hugging Face folder with safetensors",
        ),
        _ => {
            return Error::unsupported(
                "this is no GGUF file, Hugging Face folder or llama2.c checkpoint",
            )
            .remedy("give a .gguf file, a folder with config.json, or a .bin written by llama2.c");
        }
    };
    Error::unsupported(format!("this is {what}, which is not read")).remedy(remedy)
}

/// Whether an archive is what PyTorch writes: a pickle comes first.
fn is_checkpoint(archive: &[u8], end: &str) -> bool {
    let pickle = b"data.pkl";
    let mut first = archive.windows(pickle.len()).take(256);
    matches!(end, "pt" | "pth") || first.any(|bytes| bytes == pickle)
}

/// What stands in a file's place where a download went wrong.
pub(super) fn not_fetched(bytes: &[u8]) -> Option<Error> {
    let start = bytes.trim_ascii_start();
    let begins =
        |with: &[u8]| start.len() >= with.len() && start[..with.len()].eq_ignore_ascii_case(with);
    let (what, remedy) = if begins(b"version https://git-lfs.github.com/") {
        (
            "this is a pointer of Git LFS, not the file itself",
            "fetch the file: `git lfs pull` in its repository, or `edgegen fetch`",
        )
    } else if begins(b"<!doctype html") || begins(b"<html") {
        (
            "this is a web page, not the file itself",
            "fetch the file again, by the address that its page names for downloads",
        )
    } else {
        return None;
    };
    Some(Error::new(what).remedy(remedy))
}

/// What a folder is that has no config.json; `has` says whether it has a file or folder of that name,
/// `adapter` what to do with an adapter.
pub(crate) fn folder(has: impl Fn(&str) -> bool, adapter: impl FnOnce() -> Error) -> Error {
    let (what, remedy) = if has("adapter_config.json") {
        return adapter();
    } else if has("model.onnx") || has("onnx") {
        (
            "this is a folder of ONNX files, which are not read",
            "give the original model's folder, with config.json and safetensors",
        )
    } else if has("params.json") {
        (
            "this is a folder in the format of the original Llama, which is not read",
            "give the same model in Hugging Face's format, with config.json and safetensors",
        )
    } else {
        (
            "the folder has no config.json",
            "give a Hugging Face folder, or a .gguf file",
        )
    };
    Error::unsupported(what).remedy(remedy)
}

/// What has a LoRA adapter alone, to be given as `given`; the name of the model that it was trained on.
pub(crate) fn adapter(given: impl Display, base: Option<&str>) -> Error {
    let base = base.map_or_else(String::new, |base| format!(", {base}"));
    Error::unsupported("this is a LoRA adapter, without the model that it changes").remedy(
        Remedy::from(format!("give that model{base}, and the adapter with "))
            .set(Setting::text("lora", given)),
    )
}

/// What a path means that leads nowhere, if it is no path at all.
pub(super) fn elsewhere(path: &Path) -> Option<Error> {
    let text = path.to_str()?;
    let (what, remedy) = if let Some(name) = Name::of_address(text) {
        (
            "this is an address, where a path or a name is wanted",
            by_name(&name),
        )
    } else if text.contains("://") || text.starts_with("http:/") {
        (
            "this is an address, and only models of the Hugging Face hub are fetched, by name",
            "fetch the file first, for instance with `curl -LO URL`".to_owned(),
        )
    } else if let Some(name) = Name::within(text) {
        (
            "this is a name on the Hugging Face hub, and a build fetches nothing",
            format!("give the path that `edgegen fetch {name}` prints, or a copy in your crate"),
        )
    } else if let Some(name) = hub_name(text) {
        (
            "there is no such file or folder, but it may be a name on the Hugging Face hub",
            by_name(&name),
        )
    } else {
        return None;
    };
    Some(Error::of(Kind::Io, what).remedy(remedy))
}

fn by_name(name: &Name) -> String {
    format!("the command line takes `{name}`")
}

/// `owner/model`, where there is no folder of the first name.
fn hub_name(path: &str) -> Option<Name> {
    let ends = ["gguf", "bin", "safetensors"];
    let (owner, model) = path.split_once('/')?;
    let is_file = ends.contains(&ending(Path::new(model)).as_str());
    if is_file || Path::new(owner).is_dir() {
        return None;
    }
    Name::within(&format!("hf:{path}"))
}

/// The end of a file's name, in small letters.
pub(super) fn ending(path: &Path) -> String {
    let end = path.extension().unwrap_or_default();
    end.to_string_lossy().to_lowercase()
}
