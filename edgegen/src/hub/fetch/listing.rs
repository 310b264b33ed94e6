//! What the hub says of a model: its commit, and the files with their sizes and hashes.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::cache::hexadecimal;
use crate::error::{Error, Result};
use crate::path::stays_below;

use super::repository::Sizes;
use crate::hub::name::{is_commit, is_hexadecimal};

/// The files of a model at a commit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) commit: String,
    /// By path.
    pub(super) files: BTreeMap<String, Content>,
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    /// In bytes.
    pub(super) size: u64,
    pub(super) hash: Hash,
}

/// The hash of a file, in hexadecimal: the hub's, by which the cache names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hash {
    /// Of a large file's bytes.
    Sha256(String),
    /// SHA-1 of a file as an object of git.
    Git(String),
}

impl Hash {
    pub(super) fn as_str(&self) -> &str {
        let (Self::Sha256(hash) | Self::Git(hash)) = self;
        hash
    }

    /// What takes a file's bytes and compares.
    pub(super) fn checker(&self, size: u64) -> Checker<'_> {
        match self {
            Self::Sha256(hash) => Checker::Sha256(hash, Sha256::new()),
            Self::Git(hash) => {
                let header = format!("blob {size}\0");
                Checker::Git(hash, sha1::Sha1::new_with_prefix(header))
            }
        }
    }
}

/// A hash that is being computed, and what it should be.
pub(super) enum Checker<'a> {
    Sha256(&'a str, Sha256),
    Git(&'a str, sha1::Sha1),
}

impl Checker<'_> {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(_, hasher) => hasher.update(bytes),
            Self::Git(_, hasher) => hasher.update(bytes),
        }
    }

    pub(super) fn fits(self) -> bool {
        match self {
            Self::Sha256(hash, hasher) => hexadecimal(hasher) == hash,
            Self::Git(hash, hasher) => hexadecimal(hasher) == hash,
        }
    }
}

/// The answer to `/api/models/OWNER/NAME/revision/REVISION?blobs=true`.
#[derive(Deserialize)]
struct Answer {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: String,
    size: u64,
}

impl Listing {
    /// Reads an answer of the hub. Files without size or hash are left out.
    ///
    /// # Errors
    ///
    /// When it is no such answer, and when a file lies outside of the repository.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let remedy = "try again later; if HF_ENDPOINT is set, check that it is a hub's address";
        let answer: Answer = serde_json::from_slice(bytes).map_err(|error| {
            Error::new(format!("the hub's answer is no list of files: {error}")).remedy(remedy)
        })?;
        if !is_commit(&answer.sha) {
            let problem = format!("the hub names {:?}, which is no commit", answer.sha);
            return Err(Error::new(problem).remedy(remedy));
        }
        let mut files = BTreeMap::new();
        for sibling in answer.siblings {
            let path = &sibling.rfilename;
            if !stays_below(path) {
                let problem = format!("the hub lists {path:?}, which is no path within a model");
                return Err(Error::new(problem).remedy("give another model: this one is damaged"));
            }
            if let Some(content) = sibling.content() {
                files.insert(sibling.rfilename, content);
            }
        }
        let commit = answer.sha;
        Ok(Self { commit, files })
    }

    /// The sizes alone.
    pub(super) fn sizes(&self) -> Sizes {
        let files = self.files.iter();
        files
            .map(|(path, content)| (path.clone(), content.size))
            .collect()
    }
}

impl Sibling {
    fn content(&self) -> Option<Content> {
        let (size, hash) = match &self.lfs {
            Some(lfs) => (lfs.size, Hash::Sha256(lfs.sha256.clone())),
            None => (self.size?, Hash::Git(self.blob_id.clone()?)),
        };
        let digits = match hash {
            Hash::Sha256(_) => 64,
            Hash::Git(_) => 40,
        };
        let fits = hash.as_str().len() == digits && is_hexadecimal(hash.as_str());
        fits.then_some(Content { size, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn parse(siblings: Value) -> Result<Listing> {
        let answer = json!({"id": "a/b", "sha": COMMIT, "siblings": siblings});
        Listing::parse(answer.to_string().as_bytes())
    }

    /// `printf hello | git hash-object --stdin`, and `printf hello | sha256sum`.
    #[test]
    fn contents_have_the_hashes_of_git_and_of_lfs() {
        for hash in [
            Hash::Git("b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0".into()),
            Hash::Sha256("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824".into()),
        ] {
            for (text, fits) in [("hello", true), ("hellp", false), ("hell", false)] {
                let mut checker = hash.checker(5);
                for byte in text.bytes() {
                    checker.update(&[byte]);
                }
                assert_eq!(checker.fits(), fits, "{hash:?} {text}");
            }
        }
    }

    #[test]
    fn large_files_have_the_hash_of_lfs() {
        let [sha1, sha256] = [40, 64].map(|digits| "a".repeat(digits));
        let listing = parse(json!([
            {"rfilename": "c.json", "size": 3, "blobId": sha1},
            {"rfilename": "d/e.gguf", "size": 4, "blobId": sha1,
             "lfs": {"size": 4, "sha256": sha256, "pointerSize": 130}},
            {"rfilename": "without a hash", "size": 5},
            {"rfilename": "with a bad one", "size": 5, "blobId": "../../x"},
        ]));
        let listing = listing.unwrap();
        assert_eq!(listing.commit, COMMIT);
        let content = |size, hash| Content { size, hash };
        let expected = [
            ("c.json", content(3, Hash::Git(sha1))),
            ("d/e.gguf", content(4, Hash::Sha256(sha256))),
        ];
        let expected = expected.map(|(path, content)| (path.to_owned(), content));
        assert_eq!(listing.files, expected.into());
    }

    #[test]
    fn what_is_no_list_of_files_is_refused() {
        for answer in [
            "",
            "<!doctype html>",
            "[]",
            r#"{"sha": "main", "siblings": []}"#,
            r#"{"sha": "../../../../../../../../../etc/passwd12", "siblings": []}"#,
        ] {
            assert!(Listing::parse(answer.as_bytes()).is_err(), "{answer}");
        }
        for path in ["../x", "/x", "a/../../x", r"..\x", "c:x", "", "a\0"] {
            let error = parse(json!([{"rfilename": path}])).unwrap_err().to_string();
            assert!(error.contains("no path within a model"), "{path}: {error}");
        }
    }
}
