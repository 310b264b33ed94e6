//! What an input is, and what every message must be like.

use std::cell::LazyCell;
use std::path::Path;

use arbitrary::Unstructured;
use edgegen::error::Error;
use tempfile::TempDir;

/// An input.
pub enum Input<'a> {
    /// The file itself.
    File(&'a [u8]),
    /// One of eight kinds, and choices for a file that is right but for a few faults.
    Recipe(u8, Unstructured<'a>),
}

impl<'a> Input<'a> {
    /// Recipes begin with a byte that no file begins with.
    pub fn new(data: &'a [u8]) -> Self {
        match data.split_first() {
            Some((&kind @ 0..8, choices)) => Self::Recipe(kind, Unstructured::new(choices)),
            _ => Self::File(data),
        }
    }
}

/// An empty folder, one for each thread.
pub fn with_folder(work: impl FnOnce(&Path)) {
    thread_local! {
        static FOLDER: LazyCell<TempDir> = LazyCell::new(|| tempfile::tempdir().unwrap());
    }
    FOLDER.with(|folder| {
        work(folder.path());
        for entry in folder.path().read_dir().unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
    });
}

/// A refusal says what to do.
pub fn assert_helpful(error: &Error) {
    let text = error.to_string();
    assert_printable(&text);
    assert!(text.contains("help: "), "no remedy in: {text}");
}

/// Nothing that a file holds can move a terminal's cursor or flood it.
pub fn assert_printable(text: &str) {
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!text.contains(control), "control characters in {text:?}");
    assert!(text.len() < 1 << 16, "{} bytes of text", text.len());
}
