//! The project's Markdown: its fenced blocks, and what their commands print.

use std::path::{Path, PathBuf};

use crate::paths;

/// A fenced block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The file below the workspace and the line of the opening fence, as `README.md:12`.
    pub place: String,
    /// What stands behind the opening fence, such as `text`.
    pub info: String,
    /// The comment in the line before, such as `main command`.
    pub mark: Option<String>,
    /// The lines between the fences.
    pub lines: Vec<String>,
}

impl Block {
    /// The text between the fences.
    pub fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// Commands, the lines behind `$`, each with the lines that it prints.
    pub fn commands(&self) -> Vec<(String, Vec<String>)> {
        let mut found: Vec<(String, Vec<String>)> = Vec::new();
        for line in &self.lines {
            match (line.strip_prefix("$ "), found.last_mut()) {
                (Some(command), _) => found.push((command.to_owned(), Vec::new())),
                (None, Some((_, printed))) => printed.push(line.clone()),
                (None, None) => {}
            }
        }
        found
    }
}

/// The documents that users read.
pub fn files() -> Vec<PathBuf> {
    let docs = paths::workspace().join("docs");
    let entries = std::fs::read_dir(docs).expect("a folder of documents");
    let docs = entries.map(|entry| entry.expect("a readable folder").path());
    let mut files: Vec<PathBuf> = docs
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .chain([paths::workspace().join("README.md")])
        .collect();
    files.sort();
    files
}

/// The fenced blocks of a file.
pub fn blocks(file: &Path) -> Vec<Block> {
    let name = file.strip_prefix(paths::workspace()).unwrap_or(file);
    let text = std::fs::read_to_string(file).expect("a readable document");
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    let mut previous = "";
    for (index, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => {
                let mark = previous.strip_prefix("<!-- ");
                open = Some(Block {
                    place: format!("{}:{}", name.display(), index + 1),
                    info: info.to_owned(),
                    mark: mark
                        .and_then(|mark| mark.strip_suffix(" -->"))
                        .map(str::to_owned),
                    lines: Vec::new(),
                });
            }
            (Some(_), Some("")) => blocks.extend(open.take()),
            (Some(block), _) => block.lines.push(line.to_owned()),
            (None, None) => {}
        }
        previous = line;
    }
    assert_eq!(open, None, "a block without an end");
    blocks
}

/// The words of a text with what depends on the machine taken out: the instruction set that it has.
pub fn words(text: &str) -> Vec<&str> {
    const SETS: [&str; 4] = ["avx512-vnni", "avx2", "sse4.1", "neon"];
    let word = |word| if SETS.contains(&word) { "SET" } else { word };
    text.split_whitespace().map(word).collect()
}
