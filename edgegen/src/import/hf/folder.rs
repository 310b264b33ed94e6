//! Where a Hugging Face model's files are.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::hub;
use crate::import::source;
use crate::model::{BUILT_IN_FORMAT, View};

/// A folder on disk, or one inside this program.
#[derive(Debug, Clone, Copy)]
pub(in crate::import) enum Folder<'a> {
    /// A path.
    OnDisk(&'a Path),
    /// A name, and files by theirs.
    Embedded(&'static str, &'static [(&'static str, &'static [u8])]),
}

/// What describes the model.
pub(crate) const CONFIG: &str = "config.json";

/// The tokenizer, as the package `tokenizers` writes it.
pub(super) const FAST: &str = "tokenizer.json";

/// In place of it, SentencePiece's own.
pub(super) const SLOW: &str = "tokenizer.model";

/// The files beside the weights; the model may have no such file, but for the first.
const FILES: [&str; 5] = [
    CONFIG,
    "generation_config.json",
    FAST,
    "tokenizer_config.json",
    "chat_template.jinja",
];

/// Those that are read of a folder that has the files that are said.
#[cfg(feature = "hub")]
pub(crate) fn files_beside(has: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let slow = (!has(FAST)).then_some(SLOW);
    FILES.into_iter().chain(slow).collect()
}

/// The weights in one file.
pub(crate) const WEIGHTS: &str = "model.safetensors";

/// In place of it, the names of its shards.
pub(crate) const WEIGHTS_INDEX: &str = "model.safetensors.index.json";

/// Whether a file of this name may be read: nothing else in the folder is, but for what its licence says.
fn is_read(name: &Path) -> bool {
    let extension = name.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("json" | "safetensors" | "jinja"))
        || name.file_name().is_some_and(|name| name == SLOW)
}

/// The files in a folder that may be read, sorted.
pub(in crate::import) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error: std::io::Error| Error::io("list the folder", folder, &error);
    let mut files = Vec::new();
    for entry in folder.read_dir().map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if is_read(&path) && source::is_file(&path)? {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The path of a file, if it is in the folder or, from a snapshot in the hub's cache, in its repository.
fn within(folder: &Path, name: &str) -> Option<PathBuf> {
    let root = folder.canonicalize().ok()?;
    let root = hub::repository(&root).unwrap_or(&root);
    let path = folder.join(name).canonicalize().ok()?;
    path.starts_with(root).then_some(path)
}

fn embedded(files: &[(&str, &'static [u8])], name: &str) -> Option<View> {
    let file = files.iter().find(|(file, _)| *file == name);
    file.map(|(_, bytes)| View::new(*bytes))
}

impl Folder<'_> {
    /// The contents of a file, if there is one.
    pub(super) fn open(self, name: &str) -> Result<Option<View>> {
        debug_assert!(is_read(Path::new(name)), "{name} is not among the files");
        debug_assert!(
            FILES.contains(&name)
                || [SLOW, WEIGHTS_INDEX].contains(&name)
                || name.ends_with(".safetensors"),
            "{name} is not fetched"
        );
        match self {
            Self::OnDisk(_) => {
                let path = self.path(name);
                if !source::is_file(&path)? {
                    return Ok(None);
                }
                source::whole(&path).map(Some)
            }
            Self::Embedded(_, files) => Ok(embedded(files, name)),
        }
    }

    /// The names of all files, sorted; those that are no text are left out.
    pub(super) fn names(self) -> Vec<String> {
        let mut names: Vec<String> = match self {
            Self::OnDisk(folder) => {
                let entries = folder.read_dir().into_iter().flatten().flatten();
                let files = entries.filter(|entry| entry.path().is_file());
                let names = files.map(|entry| entry.file_name().into_string());
                names.flatten().collect()
            }
            Self::Embedded(_, files) => files.iter().map(|(name, _)| (*name).to_owned()).collect(),
        };
        names.sort();
        names
    }

    /// The text of a file, cut off after so many bytes; nothing if it is not there or is no UTF-8, and
    /// nothing of another folder, to which a link leads: such texts go into crates.
    pub(super) fn text(self, name: &str, most: usize) -> Option<String> {
        let view = match self {
            Self::OnDisk(folder) => source::open(&within(folder, name)?).ok()?,
            Self::Embedded(_, files) => embedded(files, name)?,
        };
        let bytes = &view.bytes()[..view.bytes().len().min(most)];
        match std::str::from_utf8(bytes) {
            Ok(text) => Some(text.to_owned()),
            // The cut may go through a character.
            Err(error) if error.error_len().is_none() && bytes.len() == most => {
                let whole = &bytes[..error.valid_up_to()];
                Some(String::from_utf8_lossy(whole).into_owned())
            }
            Err(_) => None,
        }
    }

    /// What to call the folder in messages.
    pub(super) fn root(self) -> PathBuf {
        match self {
            Self::OnDisk(folder) => folder.to_owned(),
            Self::Embedded(folder, _) => PathBuf::from(folder),
        }
    }

    /// What to call a file in messages.
    pub(super) fn path(self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// What the model is stored as.
    pub(super) fn format(self) -> &'static str {
        match self {
            Self::OnDisk(_) => "Hugging Face",
            Self::Embedded(..) => BUILT_IN_FORMAT,
        }
    }

    /// What to call the model.
    pub(in crate::import) fn name(self) -> String {
        match self {
            Self::OnDisk(folder) => hub::called(folder).unwrap_or_else(|| {
                source::stem(&folder.canonicalize().unwrap_or_else(|_| folder.to_owned()))
            }),
            Self::Embedded(name, _) => name.to_owned(),
        }
    }
}
