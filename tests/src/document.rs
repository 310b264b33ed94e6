//! The project's Markdown: its fenced blocks, and what their commands print.

use std::path::{Path, PathBuf};

use edgegen::profile::InstructionSet;

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

/// A line of an excerpt that stands for any others.
const OMITTED: &str = "…";

impl Block {
    /// The file that it is an excerpt of, which the comment `<!-- from PATH -->` names.
    pub fn source(&self) -> Option<&str> {
        self.mark.as_deref()?.strip_prefix("from ")
    }

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

/// Whether a file's text has the lines of an excerpt, in order. All may be indented deeper there, by
/// as much; a line `…` stands for any others.
pub fn is_excerpt(excerpt: &[String], text: &str) -> bool {
    let parts = excerpt.split(|line| line.trim() == OMITTED);
    let parts: Vec<&[String]> = parts.filter(|part| !part.is_empty()).collect();
    let lines: Vec<&str> = text.lines().collect();
    let depth = |line: &&str| line.len() - line.trim_start().len();
    let deepest = lines.iter().map(depth).max().unwrap_or(0);
    let has_all = |depth: usize| {
        let indentation = " ".repeat(depth);
        let is = |(line, shown): (&&str, &String)| match shown.is_empty() {
            true => line.is_empty(),
            false => line.strip_prefix(&indentation) == Some(shown),
        };
        let mut rest = &lines[..];
        parts.iter().all(|part| {
            let mut windows = rest.windows(part.len());
            let at = windows.position(|lines| lines.iter().zip(*part).all(is));
            rest = at.map_or(&[], |at| &rest[at + part.len()..]);
            at.is_some()
        })
    };
    !parts.is_empty() && (0..=deepest).any(has_all)
}

/// Files that a text links to, each with what stands behind `#`.
pub fn links(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let links = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    links
        .filter(|link| !link.contains("://"))
        .map(|link| match link.split_once('#') {
            Some((path, heading)) => (path, Some(heading)),
            None => (link, None),
        })
}

/// What links name a document's headings by: its letters in lower case, with hyphens for spaces.
pub fn headings(text: &str) -> Vec<String> {
    let mut inside = false;
    let mut headings = Vec::new();
    for line in text.lines() {
        inside ^= line.starts_with("```");
        if inside || !line.starts_with('#') {
            continue;
        }
        let name = line.trim_start_matches('#').trim().to_lowercase();
        let kept = name.chars().filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        });
        headings.push(kept.collect());
    }
    headings
}

/// The words of a text with what depends on the machine taken out: the instruction set that it has.
pub fn words(text: &str) -> Vec<&str> {
    let is_set = |word: &str| {
        let mut sets = InstructionSet::ALL.iter();
        sets.any(|set| !set.features().is_empty() && set.name() == word)
    };
    let word = |word| if is_set(word) { "SET" } else { word };
    text.split_whitespace().map(word).collect()
}
