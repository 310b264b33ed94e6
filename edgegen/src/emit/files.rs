//! A crate in memory.

use std::collections::BTreeMap;

/// The files of a crate, by relative path with `/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Crate {
    files: BTreeMap<String, Vec<u8>>,
}

impl Crate {
    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text file.
    pub fn insert_text(&mut self, path: &str, text: String) {
        self.insert_bytes(path, text.into_bytes());
    }

    /// Adds a file.
    pub fn insert_bytes(&mut self, path: &str, bytes: Vec<u8>) {
        self.files.insert(path.to_owned(), bytes);
    }

    /// Adds the list of all files with their hashes, by which a later emission
    /// knows its own.
    pub(super) fn seal(&mut self) {
        let lock = super::write::lock(&self.files);
        self.insert_text(super::write::LOCK, lock);
    }

    /// All files, by path.
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }
}
