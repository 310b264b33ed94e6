//! Where a Hugging Face model's files are.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::import::source;
use crate::model::View;

/// A folder on disk, or one inside this program.
#[derive(Debug, Clone, Copy)]
pub(in crate::import) enum Folder<'a> {
    /// A path.
    OnDisk(&'a Path),
    /// A name, and files by theirs.
    Embedded(&'static str, &'static [(&'static str, &'static [u8])]),
}

impl Folder<'_> {
    /// The contents of a file, if there is one.
    pub(super) fn open(self, name: &str) -> Result<Option<View>> {
        match self {
            Self::OnDisk(_) => {
                let path = self.path(name);
                path.is_file().then(|| source::open(&path)).transpose()
            }
            Self::Embedded(_, files) => {
                let file = files.iter().find(|(file, _)| *file == name);
                Ok(file.map(|(_, bytes)| View::new(*bytes)))
            }
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

    /// What to call the model.
    pub(super) fn name(self) -> String {
        match self {
            Self::OnDisk(folder) => {
                source::stem(&folder.canonicalize().unwrap_or_else(|_| folder.to_owned()))
            }
            Self::Embedded(name, _) => name.to_owned(),
        }
    }
}
