//! What a result depends on, as one hash.

use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use edgegen_templates::{EMBEDDED, FILES};
use runtime_kernels::{INSTRUCTION_SETS, SOURCES};
use sha2::{Digest, Sha256};

/// Names a result by what it depends on. Edgegen's own code is always a part.
#[derive(Debug, Clone)]
pub struct Key(Sha256);

impl Key {
    /// A key for results of a kind.
    pub fn new(kind: &str) -> Self {
        Self(CODE.clone()).with(kind)
    }

    /// Something else that the result depends on.
    #[must_use]
    pub fn with(mut self, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        // The length keeps two parts apart from one that joins them.
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
        self
    }

    /// A value that the result depends on, as it is printed for debugging.
    #[must_use]
    pub fn with_value(self, value: &impl Debug) -> Self {
        self.with(format!("{value:?}"))
    }

    /// The hash, in hexadecimal.
    pub fn name(&self) -> String {
        hexadecimal(self.0.clone())
    }
}

/// The hash of edgegen's code, to go on with.
static CODE: LazyLock<Sha256> = LazyLock::new(|| {
    // As the build script hashes the rest.
    let mut sources = DefaultHasher::new();
    emitted().for_each(|file| file.hash(&mut sources));
    let code = (env!("CARGO_PKG_VERSION"), env!("EDGEGEN_CODE"));
    let key = Key(Sha256::new()).with_value(&code);
    key.with_value(&sources.finish()).0
});

/// The rows of instruction sets, of which the emitter makes the choice.
const ROWS: (&str, &str) = ("instruction_sets.rs", INSTRUCTION_SETS);

/// The sources that crates are made of: path and text.
fn emitted() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let sources = FILES.iter().chain(EMBEDDED.files).chain(SOURCES);
    sources.chain([&ROWS])
}

/// SHA-256 of some content, in hexadecimal.
pub(crate) fn sha256(content: impl AsRef<[u8]>) -> String {
    hexadecimal(Sha256::new_with_prefix(content))
}

pub(crate) fn hexadecimal(hash: impl Digest) -> String {
    let hash = hash.finalize();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the pass, of what a device needs, of the kernels and their rows.
    #[test]
    fn a_key_depends_on_all_code() {
        for part in [
            "fn mat_mul",
            "What a session knows of its weights: nothing",
            "unsafe trait HasAvx2",
            "neon_i8mm::NeonI8mm in",
        ] {
            let count = emitted().filter(|(_, text)| text.contains(part)).count();
            assert!(count > 0, "{part}");
        }
    }
}
