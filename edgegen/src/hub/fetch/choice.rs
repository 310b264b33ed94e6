//! Which of a model's files are the model.

use std::collections::BTreeMap;

use crate::error::{Error, Kind, Result};
use crate::import::gguf::{ShardName, not_first};
use crate::import::{CONFIG, WEIGHTS, WEIGHTS_INDEX, refuse_adapter, refuse_folder};
use crate::size::format_size;

use super::repository::Sizes;
use crate::hub::Name;

/// What to read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The folder, with safetensors.
    Folder,
    /// A GGUF model: one file, or several of which the first one leads to the others.
    Files(Vec<String>),
}

const GGUF: &str = ".gguf";

/// The file that a name gives; else the folder, if it is one with safetensors; else the only GGUF
/// model.
///
/// # Errors
///
/// When there is no such file, or nothing to read; and when there are several, with a list of them.
pub(super) fn choose(files: &Sizes, name: &Name) -> Result<Choice> {
    let named = named(name)?;
    let models = models(files);
    let list = || {
        let models = models.iter().map(|(path, model)| match model.files {
            1 => format!("{path} ({})", format_size(model.bytes)),
            count => format!("{path} ({} in {count} files)", format_size(model.bytes)),
        });
        models.collect::<Vec<_>>().join(", ")
    };
    let example = || match models.first_key_value() {
        Some((path, _)) => format!("write for instance `{}`", name.with_file(path)),
        None => "give another model, or one with safetensors".to_owned(),
    };
    if let Some(named) = named {
        return if models.contains_key(&named[0]) {
            Ok(Choice::Files(named))
        } else {
            let problem = match models.is_empty() {
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
    match models.first_key_value() {
        Some((path, _)) if models.len() == 1 => Ok(Choice::Files(all(path))),
        Some(_) => {
            let problem = format!("the repository has several .gguf models: {}", list());
            Err(Error::of(Kind::Option, problem).remedy(example()))
        }
        None if has(CONFIG) => Err(Error::unsupported(
            "the model has neither safetensors nor a .gguf file",
        )
        .remedy("look on the hub for the same model in one of these formats")),
        None => {
            let has = |path: &str| {
                let folder = format!("{path}/");
                has(path) || files.keys().any(|file| file.starts_with(&folder))
            };
            Err(refuse_folder(has, || refuse_adapter("FOLDER", None)))
        }
    }
}

/// The files of the GGUF model that a name gives, if it gives one.
///
/// # Errors
///
/// When it is not the model's first file.
pub(super) fn named(name: &Name) -> Result<Option<Vec<String>>> {
    let Some(file) = &name.file else {
        return Ok(None);
    };
    match ShardName::parse(file) {
        Some(shard) if shard.number > 1 => Err(not_first(name.with_file(&shard.nth(1)))),
        _ => Ok(Some(all(file))),
    }
}

/// A GGUF model of a repository.
#[derive(Default)]
struct Gguf {
    /// How many files of it there are.
    files: usize,
    /// Their sizes together.
    bytes: u64,
}

/// The GGUF models by the paths of their first files.
fn models(files: &Sizes) -> BTreeMap<String, Gguf> {
    let mut models: BTreeMap<String, Gguf> = BTreeMap::new();
    for (path, size) in files.iter().filter(|(path, _)| path.ends_with(GGUF)) {
        let first = ShardName::parse(path).map_or_else(|| path.clone(), |shard| shard.nth(1));
        let model = models.entry(first).or_default();
        model.files += 1;
        model.bytes = model.bytes.saturating_add(*size);
    }
    models
}

/// All files of the model whose first one has this path.
fn all(first: &str) -> Vec<String> {
    match ShardName::parse(first) {
        Some(shard) => shard.all().collect(),
        None => vec![first.to_owned()],
    }
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
        let file = |path: &str| Ok(Choice::Files(vec![path.to_owned()]));
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
            ("hf:a/b", "several .gguf models"),
            ("hf:a/b:Q4_0", "no such .gguf file"),
            ("hf:a/b:README.md", "no such .gguf file"),
        ] {
            let error = choose(name, &files).unwrap_err().to_string();
            for part in [
                problem,
                "b-Q4_0.gguf (2.5 MB), b-Q8_0.gguf (2.5 MB), \
                 c-00001-of-00002.gguf (5 MB in 2 files)",
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
    fn several_files_are_one_model() {
        let files = ["q/c-00001-of-00002.gguf", "q/c-00002-of-00002.gguf"];
        let whole = || Ok(Choice::Files(files.map(str::to_owned).to_vec()));
        assert_eq!(choose("hf:a/b", &files), whole());
        let with_another = [&files[..], &["d.gguf"]].concat();
        assert_eq!(
            choose("hf:a/b:q/c-00001-of-00002.gguf", &with_another),
            whole()
        );
        // Who fetches says which one is not there.
        assert_eq!(choose("hf:a/b", &files[1..]), whole());
        let refused = choose("hf:a/b:q/c-00002-of-00002.gguf", &files);
        let refused = refused.unwrap_err().to_string();
        for part in ["not the first file", "hf:a/b:q/c-00001-of-00002.gguf"] {
            assert!(refused.contains(part), "{refused}");
        }
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
