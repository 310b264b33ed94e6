//! Names of models on the hub.

use std::fmt;
use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::path::stays_below;

/// What a name begins with, so that it is no path.
const PREFIX: &str = "hf:";

/// The revision that is meant where none is named.
const MAIN: &str = "main";

/// The pages of the hub.
const PAGES: &str = "https://huggingface.co/";

/// The longest name of an owner or a model.
const LONGEST: usize = 96;

/// A model, or a file of it: `hf:OWNER/NAME`, `hf:OWNER/NAME@REVISION`, each with `:FILE.gguf` if one
/// file is the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    pub(super) owner: String,
    pub(super) model: String,
    /// A branch, a tag or a commit.
    revision: Option<String>,
    /// A path in the repository.
    pub(super) file: Option<String>,
}

impl Name {
    /// The name that stands where a path could, if it is one.
    ///
    /// # Errors
    ///
    /// When it begins as a name does, and is none.
    pub fn given(path: &Path) -> Result<Option<Self>> {
        let Some(text) = path.to_str().filter(|text| text.starts_with(PREFIX)) else {
            return Ok(None);
        };
        let name = Self::parse(text).ok_or_else(|| {
            Error::of(Kind::Option, "this is no name of a model on the hub")
                .in_file(path)
                .remedy(
                    "write `hf:OWNER/NAME`, with `@REVISION` or `:FILE.gguf` behind it where \
                     need be",
                )
        })?;
        Ok(Some(name))
    }

    /// The name in a path that somebody made of one, such as `/crate/hf:owner/name`.
    pub(crate) fn within(path: &str) -> Option<Self> {
        let starts = path.match_indices(PREFIX).map(|(at, _)| at);
        starts
            .filter(|at| path[..*at].is_empty() || path[..*at].ends_with(['/', '\\']))
            .find_map(|at| Self::parse(&path[at..]))
    }

    /// The name of what has this address: a page of a model or of a file, or a file itself.
    pub(crate) fn of_address(address: &str) -> Option<Self> {
        let path = address.strip_prefix(PAGES)?;
        let path = path.split(['?', '#']).next()?;
        let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        let text = match parts[..] {
            [owner, model] => format!("{PREFIX}{owner}/{model}"),
            [
                owner,
                model,
                "resolve" | "blob" | "tree",
                revision,
                ref file @ ..,
            ] => {
                let revision = match revision {
                    MAIN => String::new(),
                    revision => format!("@{revision}"),
                };
                let file = match file {
                    [] => String::new(),
                    file => format!(":{}", file.join("/")),
                };
                format!("{PREFIX}{owner}/{model}{revision}{file}")
            }
            _ => return None,
        };
        Self::parse(&text)
    }

    /// The name of a file, or of the whole model, at a revision.
    pub(super) fn at(owner: &str, model: &str, revision: &str, file: Option<&str>) -> Option<Self> {
        let file = file.map_or_else(String::new, |file| format!(":{file}"));
        Self::parse(&format!("{PREFIX}{owner}/{model}@{revision}{file}"))
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix(PREFIX)?;
        let (text, file) = split(text, ':');
        let (text, revision) = split(text, '@');
        let (owner, model) = text.split_once('/')?;
        let fits = is_part(owner)
            && is_part(model)
            && revision.as_deref().is_none_or(is_revision)
            && file.as_deref().is_none_or(stays_below);
        fits.then(|| Self {
            owner: owner.to_owned(),
            model: model.to_owned(),
            revision,
            file,
        })
    }

    /// The branch, the tag or the commit.
    pub fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or(MAIN)
    }

    /// The same model at the same revision, with this file of it.
    #[must_use]
    pub fn with_file(&self, file: &str) -> Self {
        Self {
            file: Some(file.to_owned()),
            ..self.clone()
        }
    }
}

/// What stands before a mark, and what behind it if it is there.
fn split(text: &str, mark: char) -> (&str, Option<String>) {
    match text.split_once(mark) {
        Some((before, behind)) => (before, Some(behind.to_owned())),
        None => (text, None),
    }
}

/// As the hub has it for owners and models.
fn is_part(part: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !part.is_empty()
        && part.len() <= LONGEST
        && part.chars().all(fits)
        && !part.starts_with(['-', '.'])
        && !part.ends_with(['-', '.'])
        && !part.contains("--")
        && !part.contains("..")
}

/// What git allows, but for names that no path can have.
fn is_revision(revision: &str) -> bool {
    stays_below(revision) && !revision.contains(|c: char| c == ' ' || "~^?*[".contains(c))
}

/// Whether a revision is a commit, which never changes.
pub(super) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && is_hexadecimal(revision)
}

/// Whether a text is a hash as git and the hub write it.
pub(super) fn is_hexadecimal(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}/{}", self.owner, self.model)?;
        if let Some(revision) = &self.revision {
            write!(f, "@{revision}")?;
        }
        match &self.file {
            Some(file) => write!(f, ":{file}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn given(text: &str) -> Option<Name> {
        Name::given(Path::new(text)).unwrap()
    }

    #[test]
    fn a_name_has_up_to_four_parts() {
        let parts = |text| {
            let name = given(text).unwrap();
            let file = name.file.clone().unwrap_or_default();
            [&name.owner, &name.model, name.revision(), &file].map(str::to_owned)
        };
        for (text, expected) in [
            ("hf:a/b", ["a", "b", "main", ""]),
            ("hf:a/b@v1", ["a", "b", "v1", ""]),
            ("hf:a/b@refs/pr/1", ["a", "b", "refs/pr/1", ""]),
            ("hf:a/b:c.gguf", ["a", "b", "main", "c.gguf"]),
            (
                "hf:A.1/b_2@v1:c/d@e.gguf",
                ["A.1", "b_2", "v1", "c/d@e.gguf"],
            ),
        ] {
            assert_eq!(parts(text), expected);
            assert_eq!(given(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_path_is_no_name() {
        for path in ["a/b", "./hf:a/b", "model.gguf", "HF:a/b", ""] {
            assert_eq!(given(path), None, "{path}");
        }
    }

    #[test]
    fn what_no_model_is_called_is_refused() {
        let long = format!("hf:a/{}", "b".repeat(LONGEST + 1));
        for text in [
            "hf:",
            "hf:a",
            "hf:/b",
            "hf:a/",
            "hf:a/b/c",
            "hf://a/b",
            "hf:../b",
            "hf:a/..",
            "hf:a/-b",
            "hf:a--c/b",
            "hf:a b/c",
            "hf:a/b@",
            "hf:a/b@../x",
            "hf:a/b@/x",
            "hf:a/b:",
            "hf:a/b@v 1",
            "hf:a/b:../c.gguf",
            "hf:a/b:/c.gguf",
            r"hf:a/b:..\c",
            "hf:ä/b",
            &long,
        ] {
            let error = Name::given(Path::new(text)).unwrap_err().to_string();
            assert!(error.contains("no name of a model"), "{text}: {error}");
        }
    }

    #[test]
    fn an_address_of_the_hub_has_a_name() {
        let name = |address: &str| Name::of_address(address).map(|name| name.to_string());
        for (path, expected) in [
            ("a/b", "hf:a/b"),
            ("a/b/", "hf:a/b"),
            ("a/b/tree/main", "hf:a/b"),
            ("a/b/resolve/main/c/d.gguf?download=true", "hf:a/b:c/d.gguf"),
            ("a/b/blob/v1/c.gguf", "hf:a/b@v1:c.gguf"),
        ] {
            assert_eq!(name(&format!("{PAGES}{path}")).as_deref(), Some(expected));
        }
        for address in [
            "https://example.org/a/b",
            "https://huggingface.co/a",
            "https://huggingface.co/datasets/a/b",
            "https://huggingface.co/a/b/discussions/1",
        ] {
            assert_eq!(name(address), None, "{address}");
        }
    }

    #[test]
    fn a_name_is_found_in_a_path() {
        let name = |path| Name::within(path).map(|name| name.to_string());
        for path in [
            "hf:a/b:c.gguf",
            "/crate/hf:a/b:c.gguf",
            r"C:\crate\hf:a/b:c.gguf",
        ] {
            assert_eq!(name(path).as_deref(), Some("hf:a/b:c.gguf"), "{path}");
        }
        for path in ["xhf:a/b", "a/hf:b", "a/b"] {
            assert_eq!(name(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn a_name_is_what_it_is_written_as(text in "hf:[a-z./@:-]{0,20}|hf:.{0,20}") {
            if let Ok(Some(name)) = Name::given(Path::new(&text)) {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
