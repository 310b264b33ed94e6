//! The one error type: of what kind, where, what is wrong, and what to do about it.

mod remedy;
mod similar;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::plain::plain;

pub use remedy::{Remedy, Setting, Value};
pub(crate) use similar::similar;

/// The most bytes of a part of a message: names in model files can have any length.
const MOST: usize = 2000;

/// The place of what no tensor alone is to blame for.
const WEIGHTS: &str = "weights";

/// The longest word that can be a misspelling.
const MOST_WORD: usize = 64;

/// A refusal: the file, the place in it, what is wrong there and the remedy.
///
/// Its texts are fit for a terminal: what a file says in them is
/// without control characters and of bounded length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Error(Box<Parts>);

/// Behind a pointer, so that results stay small.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    kind: Kind,
    file: Option<PathBuf>,
    place: Option<Place>,
    problem: String,
    remedy: Option<Remedy>,
}

/// What kind of error it is: who can do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A file is damaged, malformed, or at odds with another.
    Malformed,
    /// A file is as it should be, and has something that edgegen does not support.
    Unsupported,
    /// The result exceeds a limit: of the profile, of the device or of this machine.
    DoesNotFit,
    /// An option has a value that cannot be, or contradicts another.
    Option,
    /// The operating system, or a server, refused to read or write.
    Io,
    /// Another program, such as cargo, could not do its part.
    Tool,
}

/// Where in a file, or in the options, the error is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// An option, by the name of [`Recipe`](crate::recipe::Recipe)'s field, such as `kv_cache`.
    Option(&'static str),
    /// A key, a field, a path of fields or a line.
    Field(String),
    /// A tensor.
    Tensor(String),
    /// Bytes from the beginning of the file.
    Offset(usize),
}

impl Place {
    /// A tensor, by the name that it has in the file.
    pub fn tensor(name: &str) -> Self {
        Self::Tensor(plain(name, MOST))
    }
}

/// A field.
impl<T: AsRef<str>> From<T> for Place {
    fn from(field: T) -> Self {
        Self::Field(plain(field.as_ref(), MOST))
    }
}

/// The result of every stage.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error that says what is wrong with a file: it is malformed.
    pub fn new(problem: impl Into<String>) -> Self {
        Self::of(Kind::Malformed, problem)
    }

    /// Something that a file may have, and edgegen does not support.
    pub fn unsupported(problem: impl Into<String>) -> Self {
        Self::of(Kind::Unsupported, problem)
    }

    /// Something that exceeds a limit.
    pub fn does_not_fit(problem: impl Into<String>) -> Self {
        Self::of(Kind::DoesNotFit, problem)
    }

    /// A value of an option, by the name of [`Recipe`](crate::recipe::Recipe)'s field, that cannot be.
    pub fn option(option: &'static str, problem: impl Into<String>) -> Self {
        Self::of(Kind::Option, problem).at(Place::Option(option))
    }

    /// A word that is none of the names that there are: the nearest is suggested, and all are listed.
    pub fn unknown(what: &str, word: &str, names: &[&str]) -> Self {
        let all = format!("there are {}", names.join(", "));
        let error = Self::of(Kind::Option, format!("unknown {what} `{word}`"));
        error.remedy(Remedy::similar(word, names, all))
    }

    /// Weights so large that the network overflows.
    pub(crate) fn overflow() -> Self {
        Self::new("the network computes values that are not finite from these weights")
            .at(WEIGHTS)
            .remedy(
                "check the model file, and adapters with their scales: the weights are too large",
            )
    }

    /// Whether it is about the weights, wherever they come from.
    #[cfg(feature = "cli")]
    pub(crate) fn is_of_weights(&self) -> bool {
        match &self.0.place {
            Some(Place::Tensor(_)) => true,
            Some(Place::Field(field)) => field == WEIGHTS,
            _ => false,
        }
    }

    /// A failure of another program.
    pub fn tool(problem: impl Into<String>) -> Self {
        Self::of(Kind::Tool, problem)
    }

    /// A failure of the operating system, for a caller that knows best what to do.
    pub(crate) fn system(action: &str, file: &Path, error: &io::Error) -> Self {
        // What a library made of it may name a file of the library's own.
        let said = match error.get_ref() {
            Some(_) => error.kind().to_string(),
            None => error.to_string(),
        };
        Self::of(Kind::Io, format!("cannot {action}: {said}")).in_file(file)
    }

    /// A failure of the operating system, with what is usually to be done.
    pub fn io(action: &str, file: &Path, error: &io::Error) -> Self {
        let this = Self::system(action, file, error);
        let way = match error.kind() {
            io::ErrorKind::NotFound => "check the path: nothing is there",
            io::ErrorKind::PermissionDenied => "get the right to it, or give another path",
            io::ErrorKind::NotADirectory => "a part of the path is a file: give another path",
            io::ErrorKind::IsADirectory => "it is a folder: give a file",
            io::ErrorKind::StorageFull => "make room on the disk, or give another path",
            io::ErrorKind::ReadOnlyFilesystem => "give a path that can be written",
            _ => "give another path",
        };
        this.remedy(way)
    }

    /// As [`Self::io`], for what is written.
    pub(crate) fn output(action: &str, file: &Path, error: &io::Error) -> Self {
        let way = match error.kind() {
            io::ErrorKind::NotFound if file.parent().is_some_and(Path::is_dir) => {
                "give another path: nothing can be made here"
            }
            io::ErrorKind::NotFound => "make the folder that it is in first",
            io::ErrorKind::PermissionDenied => "get the right to write there, or give another path",
            io::ErrorKind::IsADirectory => {
                "a folder has this name: move it away, or give another path"
            }
            _ => return Self::io(action, file, error),
        };
        Self::system(action, file, error).remedy(way)
    }

    /// An error of a kind.
    pub fn of(kind: Kind, problem: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            kind,
            file: None,
            place: None,
            problem: plain(&problem.into(), MOST),
            remedy: None,
        }))
    }

    /// Names the file, unless a deeper stage named one.
    #[must_use]
    pub fn in_file(mut self, file: &Path) -> Self {
        self.0.file.get_or_insert_with(|| file.to_owned());
        self
    }

    /// Names the place, unless a deeper stage named one.
    #[must_use]
    pub fn at(mut self, place: impl Into<Place>) -> Self {
        self.0.place.get_or_insert_with(|| place.into());
        self
    }

    /// The option that it is about is a field of this file.
    #[must_use]
    pub(crate) fn set_in(mut self, file: &Path) -> Self {
        if let Some(Place::Option(option)) = self.0.place {
            self.0.place = Some(option.into());
        }
        self.in_file(file)
    }

    /// The field that it is about has another name in this file.
    #[must_use]
    pub(crate) fn rename(mut self, name: impl FnOnce(&str) -> Option<String>) -> Self {
        if let Some(Place::Field(field)) = &self.0.place
            && let Some(name) = name(field)
        {
            self.0.place = Some(name.into());
        }
        self
    }

    /// About another file, in place of one whose name would say nothing to a user.
    pub(crate) fn instead(self, what: &str, file: &Path) -> Self {
        let problem = format!("{what}: {}", self.problem());
        let error = Self::of(self.kind(), problem).in_file(file);
        match self.0.remedy {
            Some(remedy) => error.remedy(remedy),
            None => error,
        }
    }

    /// Says what to do, unless a deeper stage said so.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<Remedy>) -> Self {
        self.0.remedy.get_or_insert_with(|| remedy.into());
        self
    }

    /// Says what to do, whatever a deeper stage said.
    #[must_use]
    pub(crate) fn instead_do(mut self, remedy: impl Into<Remedy>) -> Self {
        self.0.remedy = Some(remedy.into());
        self
    }

    /// What to do with `from` is to be done with another option.
    #[must_use]
    #[cfg(feature = "cli")]
    pub(crate) fn with_option(mut self, from: &str, to: &'static str) -> Self {
        if let Some(remedy) = &mut self.0.remedy {
            remedy.replace(from, to);
        }
        self
    }

    /// What kind of error it is.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The file that it is about.
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// Where it is.
    pub fn place(&self) -> Option<&Place> {
        self.0.place.as_ref()
    }

    /// The option that it is about.
    pub fn about(&self) -> Option<&'static str> {
        match self.0.place {
            Some(Place::Option(option)) => Some(option),
            _ => None,
        }
    }

    /// What is wrong.
    pub fn problem(&self) -> &str {
        &self.0.problem
    }

    /// What to do.
    pub fn what_to_do(&self) -> Option<&Remedy> {
        self.0.remedy.as_ref()
    }

    /// The whole message in a front end's words: `write` says how it writes an option, and nothing
    /// for one that it has not.
    pub fn told(&self, write: impl Fn(&Setting) -> Option<String>) -> String {
        let mut message = String::new();
        if let Some(file) = &self.0.file {
            message += &plain(&file.to_string_lossy(), MOST);
            message += ": ";
        }
        let place = self.0.place.as_ref().map(|place| match place {
            Place::Option(option) => {
                write(&Setting::named(option)).unwrap_or_else(|| (*option).to_owned())
            }
            Place::Field(name) | Place::Tensor(name) => name.clone(),
            Place::Offset(offset) => format!("offset {offset}"),
        });
        if let Some(place) = place {
            message += &place;
            message += ": ";
        }
        message += &self.0.problem;
        let remedy = self.0.remedy.as_ref().map(|remedy| remedy.told(write));
        if let Some(remedy) = remedy.filter(|remedy| !remedy.is_empty()) {
            message += "\n  help: ";
            message += &remedy;
        }
        message
    }
}

/// In the words of the command line.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told(|setting| Some(setting.to_string())))
    }
}

#[cfg(test)]
mod tests;
