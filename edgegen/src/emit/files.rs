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

    /// The content of a file.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// Bytes of all files together.
    pub fn total_bytes(&self) -> usize {
        self.files.values().map(Vec::len).sum()
    }

    /// All files, by path.
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }
}
