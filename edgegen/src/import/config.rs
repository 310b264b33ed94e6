//! What a configuration says, whatever its format, and which of it was read.
//!
//! A key that somebody asks for is read. Another one is an option of some network, and is refused
//! unless it is off; or it says nothing of any network; or nobody knows it, and it is noted.

mod ignored;
mod options;

use std::cell::Cell;
use std::collections::BTreeMap;

use crate::architectures::Ignored;
use crate::error::{Error, Result};
use crate::plain::plain;

pub(super) use ignored::IGNORED;
pub(super) use options::{KEYS, ROPE, is_field};

/// A value, as far as it must be understood where nobody asks for it.
pub(super) trait Value {
    /// Whether it says no: as good as absent.
    fn is_off(&self) -> bool;

    /// What it says; each of a list, and nothing for nothing.
    fn words(&self) -> Vec<String>;
}

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Unread,
    Read,
    /// Nobody knows it, and nobody can read it.
    SetAside,
}

/// Values by key, and what became of each.
#[derive(Debug)]
pub(super) struct Config<V>(BTreeMap<String, (V, Cell<Fate>)>);

impl<V> FromIterator<(String, V)> for Config<V> {
    fn from_iter<I: IntoIterator<Item = (String, V)>>(values: I) -> Self {
        let values = values.into_iter();
        Self(
            values
                .map(|(key, value)| (key, (value, Cell::new(Fate::Unread))))
                .collect(),
        )
    }
}

impl<V> Config<V> {
    /// All keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The value of a key, which is read from now on.
    pub(super) fn get(&self, key: &str) -> Option<&V> {
        let (value, fate) = self.0.get(key)?;
        if fate.get() == Fate::SetAside {
            return None;
        }
        fate.set(Fate::Read);
        Some(value)
    }
}

impl<V: Value> Config<V> {
    /// From now on keys that are not known are as good as absent. Gives those that are not off.
    ///
    /// Only keys that begin with `prefix` count; `is_known` is asked without it.
    pub(super) fn set_aside(&self, prefix: &str, is_known: impl Fn(&str) -> bool) -> Vec<String> {
        let mut unknown = Vec::new();
        for (key, (value, fate)) in &self.0 {
            let name = key.strip_prefix(prefix);
            if fate.get() == Fate::Unread && name.is_some_and(|name| !is_known(name)) {
                fate.set(Fate::SetAside);
                if !value.is_off() {
                    unknown.push(key.clone());
                }
            }
        }
        unknown
    }

    /// Refuses an option that nobody asked for, by its name: to ignore it could change every answer.
    /// It is no obstacle if it is among `ignored` with such a value, or if it is off.
    ///
    /// Only keys that begin with `prefix` count; `ignored` names them without it.
    pub(super) fn refuse_unread(
        &self,
        prefix: &str,
        ignored: &[&[Ignored]],
        problem: &str,
    ) -> Result<()> {
        let keys = self.0.iter();
        let unread = keys.filter(|(_, (_, fate))| fate.get() == Fate::Unread);
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

/// What is told of keys that nobody knows, if there are any.
pub(super) fn unknown(keys: &[String]) -> Option<String> {
    const MOST: usize = 16;
    const MOST_BYTES: usize = 100;
    let shown = keys.iter().take(MOST);
    let shown: Vec<String> = shown
        .map(|key| format!("`{}`", plain(key, MOST_BYTES)))
        .collect();
    let more = match keys.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let shown = shown.join(", ");
    (!keys.is_empty()).then(|| format!("settings that nobody knows are ignored: {shown}{more}"))
}
