//! What a module depends on, as one hash: edgegen's code, every option, and the content of every file.

use std::path::PathBuf;

use crate::cache::Key;
use crate::error::Result;
use crate::import::{Beside, called};
use crate::recipe::{Compression, Ready, Recipe};

use super::remembered::Remembered;

/// The key of a recipe's module, in hexadecimal.
pub(super) fn key(
    ready: &Ready<'_>,
    sources: &[PathBuf],
    remembered: &Remembered,
) -> Result<String> {
    // Every option is here: a new one does not compile before it is.
    let Recipe {
        model,
        beside:
            Beside {
                tokenizer: _, // among the sources, or refused before
                lora,
            },
        platform: _, // the profile says more, as it does of
        cpu: _,
        compression,
        context,
        answer_cache,
        schema: _, // its text is there
        system,
        weights,
        allow_oversize,
    } = ready.recipe();
    let Compression {
        quant,
        tensors,
        calibrate,
        vocab_size,
        shape,
        plan: _, // its content is there
        calibration,
        kv_cache,
    } = compression;
    // Their files are among the sources.
    let scales: Vec<f32> = lora.iter().map(|adapter| adapter.scale).collect();
    // The built-in text is a part of the code.
    let text = calibration.as_ref().map(|_| ready.loaded().text());
    let mut key = Key::new("module")
        .with_value(ready.profile())
        .with_value(&(quant, tensors, calibrate, vocab_size, shape, kv_cache))
        .with_value(&ready.loaded().file())
        .with_value(&(context, answer_cache, scales))
        .with_value(&(system, weights, allow_oversize))
        .with_value(&ready.schema())
        .with_value(&text)
        .with_value(&model.as_deref().map(called));
    for source in sources {
        key = key
            .with_value(&source.file_name())
            .with(remembered.hash(source)?);
    }
    Ok(key.name())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use crate::import::Adapter;
    use crate::model::Role;
    use crate::plan::Quant;
    use crate::program::Placement;
    use crate::program::{CacheFormat, WeightFormat};

    use super::*;

    #[test]
    fn every_option_and_every_file_is_part_of_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let plan = "version = 1\nmodel = \"m\"\n[formats]\nembedding = \"q8\"\n";
        for (name, text) in [
            ("a", "true"),
            ("as-a", "true"),
            ("b", "{}"),
            ("tokenizer.bin", "c"),
            ("plan.toml", plan),
        ] {
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
        fn adapted(adapter: &str) -> Recipe {
            let mut recipe = Recipe {
                model: Some("a".into()),
                platform: "raspberry_pi".into(),
                ..Recipe::default()
            };
            recipe.beside.lora = vec![Adapter::parse(adapter.as_ref()).unwrap()];
            recipe
        }
        type Change = fn(&mut Recipe);
        let changes: [Change; 26] = [
            |_| (),
            |recipe| recipe.model = Some("a".into()),
            |recipe| recipe.model = Some("b".into()),
            |recipe| *recipe = adapted("x"),
            |recipe| *recipe = adapted("x:2"),
            |recipe| recipe.platform = "host".into(),
            |recipe| recipe.platform = "one.toml".into(),
            |recipe| recipe.platform = "two.toml".into(),
            |recipe| recipe.cpu = Some("cortex-a76".into()),
            |recipe| recipe.compression.quant = Quant::To(WeightFormat::Q4),
            |recipe| {
                _ = recipe
                    .compression
                    .tensors
                    .insert(Role::Down, WeightFormat::Q4)
            },
            |recipe| {
                _ = recipe
                    .compression
                    .tensors
                    .insert(Role::Up, WeightFormat::Q4)
            },
            |recipe| recipe.compression.vocab_size = Some(32),
            |recipe| recipe.compression.calibration = Some("a".into()),
            |recipe| recipe.compression.calibrate = true,
            |recipe| recipe.compression.shape.num_hidden_layers = Some(1),
            |recipe| recipe.compression.kv_cache = CacheFormat::I8,
            |recipe| {
                recipe.compression = Compression {
                    plan: Some("plan.toml".into()),
                    ..Compression::default()
                };
            },
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
                of(board(), &["as-a"]),
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
