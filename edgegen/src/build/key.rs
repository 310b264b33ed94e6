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
