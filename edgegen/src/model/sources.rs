//! The files that a model was made from.

use std::fmt;
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use crate::cache::{hexadecimal, sha256};

use super::View;

/// The contents of all files that a model was made from, and their hash.
#[derive(Clone)]
pub struct Sources(Arc<Inner>);

struct Inner {
    files: Vec<View>,
    digest: OnceLock<String>,
}

impl Sources {
    pub(super) fn new(files: Vec<View>) -> Self {
        Self(Arc::new(Inner {
            files,
            digest: OnceLock::new(),
        }))
    }

    /// These and more.
    pub(super) fn with(&self, files: impl IntoIterator<Item = View>) -> Self {
        Self::new(self.0.files.iter().cloned().chain(files).collect())
    }

    /// SHA-256, in hexadecimal: that of the file, or that of the hashes of several. Paths and dates do
    /// not enter. Computed when it is first asked for.
    pub fn digest(&self) -> &str {
        self.0.digest.get_or_init(|| {
            if let [file] = &self.0.files[..] {
                return sha256(file.bytes());
            }
            let mut hash = Sha256::new();
            for file in &self.0.files {
                hash.update(Sha256::digest(file.bytes()));
            }
            hexadecimal(hash)
        })
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sources").field(&self.0.files).finish()
    }
}

impl PartialEq for Sources {
    fn eq(&self, other: &Self) -> bool {
        self.digest() == other.digest()
    }
}
