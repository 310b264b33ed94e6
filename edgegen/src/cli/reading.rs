//! How commands read a model: from its files, or by its name on the hub.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::hub::{Name, fetch};
use crate::import;
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
    /// Where the model at a path, or of a name, is on disk; the built-in one, if there is neither.
    pub(super) fn find(&self, model: Option<&Path>) -> Result<Found> {
        Ok(Found {
            path: model.map(|model| self.fetching.path(model)).transpose()?,
            beside: self.beside.given(),
        })
    }

    /// The model at a path, or of a name.
    pub(super) fn read(&self, model: &Path) -> Result<Model> {
        self.find(Some(model))?.read()
    }
}

/// A model that is on disk, or built in.
pub(super) struct Found {
    path: Option<PathBuf>,
    beside: import::Beside,
}

impl Found {
    /// The files that reading it takes, and the folders.
    pub(super) fn inputs(&self) -> Result<Vec<PathBuf>> {
        let Some(path) = &self.path else {
            return Ok(Vec::new());
        };
        let mut inputs = import::files_of(path, &self.beside)?;
        inputs.push(path.clone());
        inputs.extend(
            self.beside
                .lora
                .iter()
                .map(|adapter| adapter.folder.clone()),
        );
        Ok(inputs)
    }

    /// The model.
    pub(super) fn read(&self) -> Result<Model> {
        let Some(path) = &self.path else {
            return import::built_in();
        };
        progress::spin("reading the model", || {
            import::import_with(path, &self.beside)
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
