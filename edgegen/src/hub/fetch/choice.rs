//! Which of a model's files are the model.

use std::collections::BTreeMap;

use crate::error::{Error, Kind, Result};
use crate::import::{CONFIG, WEIGHTS, WEIGHTS_INDEX, refuse_adapter, refuse_folder};
use crate::size::format_size;

use super::repository::Sizes;
use crate::hub::Name;

/// What to read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The folder, with safetensors.
    Folder,
    /// One GGUF file.
    File(String),
}

const GGUF: &str = ".gguf";

/// The file that a name gives; else the folder, if it is one with safetensors; else the only GGUF file.
///
/// # Errors
///
/// When there is no such file, or nothing to read; and when there are several, with a list of them.
pub(super) fn choose(files: &Sizes, name: &Name) -> Result<Choice> {
    let mut whole = Vec::new();
    let mut parts: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    for (path, &size) in files.iter().filter(|(path, _)| path.ends_with(GGUF)) {
        match part_of(path) {
            None => whole.push((path.as_str(), size)),
            Some(stem) => {
                let (count, bytes) = parts.entry(stem).or_default();
                *count += 1;
                *bytes = bytes.saturating_add(size);
            }
        }
    }
    let list = || {
        let whole = whole
            .iter()
            .map(|(path, size)| format!("{path} ({})", format_size(*size)));
        let parts = parts.iter().map(|(stem, (count, bytes))| {
            format!("{stem} ({} in {count} parts)", format_size(*bytes))
        });
        whole.chain(parts).collect::<Vec<_>>().join(", ")
    };
    let example = || match whole.first() {
        Some((path, _)) => format!("write for instance `{}`", name.with_file(path)),
        None => "give another model, or one with safetensors".to_owned(),
    };
    if let Some(file) = &name.file {
        return if part_of(file).is_some() {
            Err(split(name))
        } else if whole.iter().any(|(path, _)| path == file) {
            Ok(Choice::File(file.clone()))
        } else {
            let problem = match whole.is_empty() && parts.is_empty() {
                true => "the model has no such .gguf file, nor any other".to_owned(),
                false => format!("the model has no such .gguf file, but {}", list()),
            };
            Err(Error::of(Kind::Option, problem).remedy(example()))
        };
    }
    let has = |path: &str| files.contains_key(path);
    if has(CONFIG) && (has(WEIGHTS) || has(WEIGHTS_INDEX)) {
        return Ok(Choice::Folder);
    }
    match (&whole[..], parts.is_empty()) {
        ([(path, _)], true) => Ok(Choice::File((*path).to_owned())),
        ([], false) => Err(split(name)),
        ([], true) if has(CONFIG) => Err(Error::unsupported(
            "the model has neither safetensors nor a .gguf file",
        )
        .remedy("look on the hub for the same model in one of these formats")),
        ([], true) => {
            let has = |path: &str| {
                let folder = format!("{path}/");
                has(path) || files.keys().any(|file| file.starts_with(&folder))
            };
            Err(refuse_folder(has, || refuse_adapter("FOLDER", None)))
        }
        _ => {
            let problem = format!("the model has several .gguf files: {}", list());
            Err(Error::of(Kind::Option, problem).remedy(example()))
        }
    }
}

fn split(name: &Name) -> Error {
    Error::unsupported("a GGUF file in parts is not read").remedy(format!(
        "join the parts: fetch them with `hf download {}/{}`, and `llama-gguf-split --merge \
             FIRST-PART OUTPUT`",
        name.owner, name.model
    ))
}

/// Of `a-00001-of-00003.gguf`, `a`: it is a part of a file.
fn part_of(path: &str) -> Option<&str> {
    let number = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let (rest, count) = path.strip_suffix(GGUF)?.rsplit_once("-of-")?;
    let (stem, index) = rest.rsplit_once('-')?;
    (number(count) && number(index)).then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn choose(name: &str, files: &[&str]) -> Result<Choice> {
        let files = files.iter().map(|path| ((*path).to_owned(), 2_500_000));
        let name = Name::given(Path::new(name)).unwrap().unwrap();
        super::choose(&files.collect(), &name)
    }

    #[test]
    fn a_folder_or_the_only_file_is_the_model() {
        let folder = ["config.json", "model.safetensors", "a.gguf", "b.gguf"];
        assert_eq!(choose("hf:a/b", &folder), Ok(Choice::Folder));
        let shards = ["config.json", "model.safetensors.index.json"];
        assert_eq!(choose("hf:a/b", &shards), Ok(Choice::Folder));
        let file = |path: &str| Ok(Choice::File(path.to_owned()));
        assert_eq!(choose("hf:a/b:b.gguf", &folder), file("b.gguf"));
        let only = ["README.md", "config.json", "c/d.gguf"];
        assert_eq!(choose("hf:a/b", &only), file("c/d.gguf"));
    }

    #[test]
    fn nothing_is_chosen_of_several() {
        let files = [
            "b-Q4_0.gguf",
            "b-Q8_0.gguf",
            "c-00001-of-00002.gguf",
            "c-00002-of-00002.gguf",
        ];
        for (name, problem) in [
            ("hf:a/b", "several .gguf files"),
            ("hf:a/b:Q4_0", "no such .gguf file"),
            ("hf:a/b:README.md", "no such .gguf file"),
        ] {
            let error = choose(name, &files).unwrap_err().to_string();
            for part in [
                problem,
                "b-Q4_0.gguf (2.5 MB), b-Q8_0.gguf (2.5 MB), c (5 MB in 2 parts)",
                "`hf:a/b:b-Q4_0.gguf`",
            ] {
                assert!(error.contains(part), "{name}: {error}");
            }
        }
        let one = choose("hf:a/b:x.gguf", &["README.md"])
            .unwrap_err()
            .to_string();
        assert!(one.contains("nor any other"), "{one}");
    }

    #[test]
    fn parts_are_no_file() {
        let parts = ["c-00001-of-00002.gguf", "c-00002-of-00002.gguf"];
        for name in ["hf:a/b", "hf:a/b:c-00001-of-00002.gguf"] {
            let error = choose(name, &parts).unwrap_err().to_string();
            assert!(
                error.contains("in parts") && error.contains("--merge"),
                "{error}"
            );
        }
        assert_eq!(part_of("c-1-of-2.gguf"), None);
    }

    #[test]
    fn what_is_no_model_is_said_so() {
        for (files, problem) in [
            (
                &["config.json", "pytorch_model.bin"][..],
                "neither safetensors nor",
            ),
            (&["adapter_config.json"], "a LoRA adapter"),
            (&["onnx/model.onnx"], "ONNX"),
            (&[], "no config.json"),
        ] {
            let error = choose("hf:a/b", files).unwrap_err().to_string();
            assert!(error.contains(problem), "{files:?}: {error}");
        }
    }
}
