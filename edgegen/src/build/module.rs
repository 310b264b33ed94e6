//! Recipe → Module, out of the cache where it is there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::compile::Compiled;
use crate::emit::Files;
use crate::error::{Error, Kind, Result};
use crate::progress::{Progress, Quiet};
use crate::recipe::{Recipe, Refusal};

use super::cache::{Modules, Put};
use super::key::key;

/// In the cached text: the module's name.
const NAME: &str = "@edgegen-name@";
/// In the cached text: the folder of the weights.
const FOLDER: &str = "@edgegen-folder@";
/// The cached text.
const TEXT: &str = "module.rs";
/// What is told of the model, a line each.
const NOTES: &str = "notes";
/// The cached weights.
const WEIGHTS: &str = "weights";

/// More than an optimised edgegen would take to compile.
const LONG: Duration = Duration::from_secs(60);

/// A model as the content of a Rust module, and its weights in files.
#[derive(Debug, Clone)]
pub struct Module {
    text: String,
    folder: PathBuf,
    sources: Vec<PathBuf>,
    warnings: Vec<String>,
}

impl Module {
    /// The content of a module that calls itself `name` and includes its weights from `folder`.
    pub fn code(&self, name: &str, folder: &str) -> String {
        self.text
            .replace(NAME, &name.escape_default().to_string())
            .replace(FOLDER, &folder.escape_default().to_string())
    }

    /// The folder of the weights, which must stay as it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The files that it was made from.
    pub fn sources(&self) -> &[PathBuf] {
        &self.sources
    }

    /// What to tell people, a line each: of the model, and of how long they waited.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// What to tell people who waited for it: they can choose that edgegen is optimised.
fn slowness(took: Duration) -> Option<String> {
    is_slow(env!("EDGEGEN_OPT_LEVEL"), took).then(|| {
        format!(
            "edgegen ran without optimisation, for {} s; with `[profile.dev.build-override] opt-level = 3` in \
             the workspace's Cargo.toml, and the same for `profile.release`, it is many times as fast",
            took.as_secs()
        )
    })
}

/// Whether an optimised edgegen would have been done long before.
fn is_slow(opt_level: &str, took: Duration) -> bool {
    opt_level == "0" && took > LONG
}

/// The module of a recipe. It is made once on a machine, and found in the cache from then on.
///
/// # Errors
///
/// What [`Ready::compile`](crate::recipe::Ready::compile) refuses, a cache that cannot be
/// written, and files that change meanwhile.
pub fn module(recipe: &Recipe) -> Result<Module, Refusal> {
    module_in(&Modules::folder().map_err(Refusal::cache)?, recipe)
}

/// As [`module`], with the cache in the folder `cache`.
///
/// # Errors
///
/// As [`module`].
pub fn module_in(cache: &Path, recipe: &Recipe) -> Result<Module, Refusal> {
    make(cache, recipe, &Quiet)
}

fn make(cache: &Path, recipe: &Recipe, progress: &impl Progress) -> Result<Module, Refusal> {
    let start = Instant::now();
    let ready = recipe.read()?;
    let cache = Modules::at(cache.to_owned());
    let remembered = cache.remembered();
    let look = || {
        let sources = recipe.files()?;
        let key = key(&ready, &sources, &remembered);
        let key = key.map_err(|error| recipe.about_model(error))?;
        Ok::<_, Refusal>((sources, key))
    };
    let (sources, key) = look()?;
    let entry = cache.get(&key, |put| {
        let compiled = ready.compile(&cache.results(), progress)?;
        if look()?.1 != key {
            return Err(Refusal::cache(
                Error::of(Kind::Io, "a file of the model changed while it was read")
                    .remedy("build again"),
            ));
        }
        write(put, &compiled).map_err(Refusal::cache)
    })?;
    let read = |name: &str| {
        let file = entry.join(name);
        std::fs::read_to_string(&file)
            .map_err(|error| Refusal::cache(Error::io("read", &file, &error)))
    };
    let notes = read(NOTES)?;
    let notes = notes.lines().map(str::to_owned);
    Ok(Module {
        text: read(TEXT)?,
        folder: entry.join(WEIGHTS),
        sources,
        warnings: notes.chain(slowness(start.elapsed())).collect(),
    })
}

fn write(put: Put<'_>, compiled: &Compiled<'_>) -> Result<()> {
    let text = compiled.module(NAME, FOLDER);
    let weights: Vec<(String, &[u8])> = compiled
        .weights()
        .map(|(name, bytes)| (format!("{WEIGHTS}/{name}"), bytes))
        .collect();
    let notes = compiled.notes().join("\n");
    let own = [(TEXT, text.as_bytes()), (NOTES, notes.as_bytes())];
    let mut files: Files<'_> = BTreeMap::from(own);
    files.extend(weights.iter().map(|(path, bytes)| (path.as_str(), *bytes)));
    put.files(&files)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody who saves a file while it is compiled.
    struct Saves<'a>(&'a Path);

    impl Progress for Saves<'_> {
        fn spin<T>(&self, _what: &'static str, work: impl FnOnce() -> T) -> T {
            let mut bytes = std::fs::read(self.0).unwrap();
            bytes.push(b'\n');
            std::fs::write(self.0, bytes).unwrap();
            work()
        }
    }

    #[test]
    fn an_edgegen_that_is_not_optimised_and_takes_long_is_slow() {
        let longer = LONG + Duration::from_secs(1);
        assert!(is_slow("0", longer));
        assert!(!is_slow("0", LONG));
        assert!(!is_slow("0", Duration::ZERO));
        assert!(!is_slow("3", longer));
    }

    #[test]
    fn what_was_made_of_a_changed_file_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let schema = folder.path().join("schema.json");
        std::fs::write(&schema, r#"{"type": "boolean"}"#).unwrap();
        let recipe = Recipe {
            platform: "host".into(),
            schema: Some(schema.clone()),
            ..Recipe::default()
        };
        let cache = folder.path().join("cache");
        let refusal = make(&cache, &recipe, &Saves(&schema)).unwrap_err();
        let error = refusal.into_error().to_string();
        assert!(error.contains("changed while it was read"), "{error}");
        assert!(error.contains("build again"), "{error}");
        make(&cache, &recipe, &Quiet).unwrap();
    }
}
