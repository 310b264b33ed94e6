//! What a configuration says, whatever its format, and which of it was read.
//!
//! A key is known because somebody asked for it: no list can disagree with what is read, and what
//! one architecture has no use for is refused in its files though another reads it.

mod ignored;

use std::cell::Cell;
use std::collections::BTreeMap;

use crate::architectures::Ignored;
use crate::error::{Error, Result};

pub(super) use ignored::IGNORED;

/// A value, as far as it must be understood where nobody asks for it.
pub(super) trait Value {
    /// Whether it says no: as good as absent.
    fn is_off(&self) -> bool;

    /// What it says; each of a list, and nothing for nothing.
    fn words(&self) -> Vec<String>;
}

/// Values by key, and whether somebody asked for each.
#[derive(Debug)]
pub(super) struct Config<V>(BTreeMap<String, (V, Cell<bool>)>);

impl<V> FromIterator<(String, V)> for Config<V> {
    fn from_iter<I: IntoIterator<Item = (String, V)>>(values: I) -> Self {
        let values = values.into_iter();
        Self(
            values
                .map(|(key, value)| (key, (value, Cell::new(false))))
                .collect(),
        )
    }
}

impl<V> Config<V> {
    /// All keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The value of a key, which is known from now on.
    pub(super) fn get(&self, key: &str) -> Option<&V> {
        let (value, read) = self.0.get(key)?;
        read.set(true);
        Some(value)
    }
}

impl<V: Value> Config<V> {
    /// Refuses a key that nobody asked for, by its name: to ignore it could change every answer.
    /// It is no obstacle if it is among `ignored` with such a value, or if it is off. A key that no
    /// architecture knows is refused like the others, as an import has nobody to warn.
    ///
    /// Only keys that begin with `prefix` count; `ignored` names them without it.
    pub(super) fn refuse_unread(
        &self,
        prefix: &str,
        ignored: &[&[Ignored]],
        problem: &str,
    ) -> Result<()> {
        let unread = self.0.iter().filter(|(_, (_, read))| !read.get());
        for (key, (value, _)) in unread {
            let Some(name) = key.strip_prefix(prefix) else {
                continue;
            };
            let mut ignored = ignored.iter().copied().flatten();
            match ignored.find(|(ignored, _)| *ignored == name) {
                Some((_, [])) => {}
                Some((_, allowed)) => {
                    let words = value.words();
                    let other = words.iter().find(|word| !allowed.contains(&word.as_str()));
                    if let Some(other) = other {
                        return Err(unsupported(key, other, &allowed.join(" or ")));
                    }
                }
                None if value.is_off() => {}
                None => {
                    return Err(Error::unsupported(problem)
                        .at(key)
                        .remedy("use a model without it; ignoring it could change every answer"));
                }
            }
        }
        Ok(())
    }
}

/// A value that the network here does not have.
pub(super) fn unsupported(key: &str, value: &str, supported: &str) -> Error {
    Error::unsupported(format!("{value} is not supported"))
        .at(key)
        .remedy(format!("use a model where it is {supported}"))
}
