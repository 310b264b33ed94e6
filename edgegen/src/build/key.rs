//! What a module depends on, as one hash: edgegen's code, every option, and the content of every file.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use edgegen_templates::{EMBEDDED, FILES};
use runtime_kernels::SOURCES;
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::recipe::{Ingredients, Recipe};

use super::remembered::Remembered;

/// The key of a recipe's module, in hexadecimal.
pub(super) fn key(
    ingredients: &Ingredients<'_>,
    sources: &[PathBuf],
    remembered: &Remembered,
) -> Result<String> {
    // Every option is here: a new one does not compile before it is.
    let Recipe {
        model,
        tokenizer: _, // among the sources
        platform: _,  // the profile says more, as it does of
        cpu: _,
        quant,
        tensors,
        vocab_size,
        calibration: _, // its text is there
        context,
        answer_cache,
        schema: _, // its text is there
        system,
        weights,
        allow_oversize,
    } = ingredients.recipe();
    let mut key = Key(CODE.clone());
    key.value(ingredients.profile());
    key.value(&(quant, tensors, vocab_size, context, answer_cache));
    key.value(&(system, weights, allow_oversize));
    key.value(&ingredients.schema());
    key.bytes(ingredients.calibration().as_bytes());
    // A model without a name is called as its file or folder is.
    key.value(&model.as_deref().and_then(Path::file_name));
    for source in sources {
        key.value(&source.file_name());
        key.bytes(remembered.hash(source)?.as_bytes());
    }
    Ok(hexadecimal(key.0))
}

/// The hash of edgegen's code, to go on with.
static CODE: LazyLock<Sha256> = LazyLock::new(|| {
    let mut key = Key(Sha256::new());
    key.value(&(env!("CARGO_PKG_VERSION"), env!("EDGEGEN_CODE")));
    for (path, text) in FILES.iter().chain(EMBEDDED.files).chain(SOURCES) {
        key.bytes(path.as_bytes());
        key.bytes(text.as_bytes());
    }
    key.0
});

struct Key(Sha256);

impl Key {
    /// The length keeps two values apart from one that joins them.
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn value(&mut self, value: &impl Debug) {
        self.bytes(format!("{value:?}").as_bytes());
    }
}

pub(super) fn hexadecimal(hash: Sha256) -> String {
    let hash = hash.finalize();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use crate::model::Role;
    use crate::plan::{Placement, Quant};
    use crate::program::WeightFormat;

    use super::*;

    #[test]
    fn every_option_and_every_file_is_part_of_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for (name, text) in [("a", "true"), ("b", "{}"), ("tokenizer.bin", "c")] {
            fs::write(root.join(name), text).unwrap();
        }
        let profile = include_str!("../profile/built_in/raspberry_pi.toml");
        for name in ["one", "two"] {
            let text = profile.replace("description = \"", &format!("description = \"{name} "));
            fs::write(root.join(name).with_extension("toml"), text).unwrap();
        }
        let of = |recipe: Recipe, sources: &[&str]| {
            let recipe = recipe.below(root);
            let sources: Vec<PathBuf> = sources.iter().map(|name| root.join(name)).collect();
            let remembered = Remembered::new(root.join("files"));
            key(&recipe.read().unwrap(), &sources, &remembered).unwrap()
        };
        let board = || Recipe {
            platform: "raspberry_pi".into(),
            ..Recipe::default()
        };
        type Change = fn(&mut Recipe);
        let changes: [Change; 20] = [
            |_| (),
            |recipe| recipe.model = Some("a".into()),
            |recipe| recipe.model = Some("b".into()),
            |recipe| recipe.platform = "host".into(),
            |recipe| recipe.platform = "one.toml".into(),
            |recipe| recipe.platform = "two.toml".into(),
            |recipe| recipe.cpu = Some("cortex-a76".into()),
            |recipe| recipe.quant = Quant::To(WeightFormat::Q4),
            |recipe| _ = recipe.tensors.insert(Role::Down, WeightFormat::Q4),
            |recipe| _ = recipe.tensors.insert(Role::Up, WeightFormat::Q4),
            |recipe| recipe.vocab_size = Some(32),
            |recipe| recipe.calibration = Some("a".into()),
            |recipe| recipe.context = Some(32),
            |recipe| recipe.answer_cache = Some(32),
            |recipe| recipe.schema = Some("a".into()),
            |recipe| recipe.schema = Some("b".into()),
            |recipe| recipe.system = Some(String::new()),
            |recipe| recipe.system = Some("Be brief.".into()),
            |recipe| recipe.weights = Placement::External,
            |recipe| recipe.allow_oversize = true,
        ];
        let keys: Vec<String> = changes
            .into_iter()
            .map(|change| {
                let mut recipe = board();
                change(&mut recipe);
                of(recipe, &[])
            })
            .chain([
                of(board(), &["a"]),
                of(board(), &["b"]),
                of(board(), &["a", "b"]),
                of(board(), &["a", "tokenizer.bin"]),
            ])
            .collect();
        let distinct: BTreeSet<&String> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len(), "{keys:?}");
        assert_eq!(of(board(), &[]), keys[0]);
    }
}
