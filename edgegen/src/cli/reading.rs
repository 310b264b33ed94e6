//! How commands read a model: from its files, or by its name on the hub.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::hub::{Name, fetch};
use crate::import::{built_in, import_with};
use crate::model::Model;

use super::beside::Beside;
use super::progress;

/// What a command is told about a model beside its path.
#[derive(clap::Args)]
pub(super) struct Reading {
    #[command(flatten)]
    pub(super) beside: Beside,
    #[command(flatten)]
    fetching: Fetching,
}

/// Whether the hub may be asked.
#[derive(clap::Args)]
pub(super) struct Fetching {
    /// Of a model by its name on the hub, take what was fetched before, and fetch nothing
    #[arg(long)]
    offline: bool,
}

impl Reading {
    /// The model at a path, or of a name; the built-in one, if there is neither.
    pub(super) fn read_or_built_in(&self, model: Option<&Path>) -> Result<Model> {
        match model {
            Some(model) => self.read(model),
            None => built_in(),
        }
    }

    /// The model at a path, or of a name.
    pub(super) fn read(&self, model: &Path) -> Result<Model> {
        let path = self.fetching.path(model)?;
        progress::spin("reading the model", || {
            import_with(&path, &self.beside.given())
        })
    }
}

impl Fetching {
    /// The path itself, or where the files of a name are after they were fetched.
    fn path(&self, model: &Path) -> Result<PathBuf> {
        match Name::given(model)? {
            None => Ok(model.to_owned()),
            Some(name) => self.fetch(&name),
        }
    }

    /// Where the files of a name are after they were fetched.
    pub(super) fn fetch(&self, name: &Name) -> Result<PathBuf> {
        progress::bytes("fetching the model", |progress| {
            fetch(name, self.offline, progress)
        })
    }
}
