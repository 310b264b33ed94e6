//! The one error type: what is wrong, where, and what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};

/// A refusal: the file, the place in it, what is wrong there and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    file: Option<PathBuf>,
    place: Option<String>,
    problem: String,
    remedy: Option<String>,
}

/// The result of every stage.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error that says what is wrong.
    pub fn new(problem: impl Into<String>) -> Self {
        Self {
            file: None,
            place: None,
            problem: problem.into(),
            remedy: None,
        }
    }

    /// Names the file, unless a deeper stage named one.
    #[must_use]
    pub fn in_file(mut self, file: &Path) -> Self {
        self.file.get_or_insert_with(|| file.to_owned());
        self
    }

    /// Names the field, tensor or offset, unless a deeper stage named one.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place.get_or_insert_with(|| place.into());
        self
    }

    /// Says what to do, unless a deeper stage said so.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy.get_or_insert_with(|| remedy.into());
        self
    }

    /// The file that it is about.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The option of the command line that it is about, without the dashes.
    pub fn option(&self) -> Option<&str> {
        self.place.as_deref()?.strip_prefix("--")
    }

    /// Wraps a failure of the operating system.
    pub fn io(action: &str, file: &Path, error: &std::io::Error) -> Self {
        Self::new(format!("cannot {action}: {error}")).in_file(file)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}: ", file.display())?;
        }
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.problem)?;
        if let Some(remedy) = &self.remedy {
            write!(f, "\n  help: {remedy}")?;
        }
        Ok(())
    }
}
