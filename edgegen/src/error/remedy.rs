//! What to do about an error, so that each front end can say it with its own options.

use std::fmt;

use super::similar::similar;
use crate::plain::plain;

/// The most bytes of a piece of text in a remedy.
const MOST: usize = 1000;

/// An option, alone or with a value, in no front end's words: the command line writes `--quant t2`,
/// the macro `quant: "t2"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    option: &'static str,
    value: Value,
}

/// What an option is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// Nothing: the option is only spoken of.
    None,
    /// The option is switched on.
    On,
    /// A number, or a word such as `N` that stands for a value.
    Bare(String),
    /// A text.
    Text(String),
}

impl Setting {
    /// The option alone, to speak of it. Names are those of [`Recipe`](crate::recipe::Recipe)'s
    /// fields, such as `kv_cache`.
    pub fn named(option: &'static str) -> Self {
        let value = Value::None;
        Self { option, value }
    }

    /// The option, switched on.
    pub fn on(option: &'static str) -> Self {
        let value = Value::On;
        Self { option, value }
    }

    /// The option with a number, or with a word that stands for a value.
    pub fn bare(option: &'static str, value: impl fmt::Display) -> Self {
        let value = Value::Bare(plain(&value.to_string(), MOST));
        Self { option, value }
    }

    /// The option with a text.
    pub fn text(option: &'static str, value: impl fmt::Display) -> Self {
        let value = Value::Text(plain(&value.to_string(), MOST));
        Self { option, value }
    }

    /// The option's name on the command line, without its dashes.
    pub(crate) fn long(&self) -> String {
        match self.option {
            // One at a time.
            "tensors" => "tensor".into(),
            option => option.replace('_', "-"),
        }
    }

    /// The option's name.
    pub fn option(&self) -> &'static str {
        self.option
    }

    /// What it is set to.
    pub fn value(&self) -> &Value {
        &self.value
    }
}

/// As the command line writes it.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--{}", self.long())?;
        match &self.value {
            Value::None | Value::On => Ok(()),
            Value::Bare(value) | Value::Text(value) => write!(f, " {value}"),
        }
    }
}

/// What to do: ways that each lead out, the best first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    ways: Vec<Vec<Part>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Setting(Setting),
}

impl Remedy {
    /// For a word that is none of `names`: the one that it probably means, and else what `all` says.
    pub(crate) fn similar(word: &str, names: &[&str], all: impl Into<Self>) -> Self {
        match similar(word, names) {
            Some(name) => Self::from(format!("a similar name is `{name}`")).or(all),
            None => all.into(),
        }
    }

    /// Continues the last way with text.
    #[must_use]
    pub fn say(self, text: impl Into<String>) -> Self {
        self.with(Part::Text(plain(&text.into(), MOST)))
    }

    /// Continues the last way with an option.
    #[must_use]
    pub fn set(self, setting: Setting) -> Self {
        self.with(Part::Setting(setting))
    }

    /// Adds ways.
    #[must_use]
    pub fn or(mut self, other: impl Into<Self>) -> Self {
        self.ways.extend(other.into().ways);
        self
    }

    /// Speaks of another option wherever it speaks of `from`.
    #[cfg(feature = "cli")]
    pub(super) fn replace(&mut self, from: &str, to: &'static str) {
        for part in self.ways.iter_mut().flatten() {
            match part {
                Part::Setting(setting) if setting.option == from => setting.option = to,
                _ => {}
            }
        }
    }

    fn with(mut self, part: Part) -> Self {
        let way = self.ways.last_mut().expect("a remedy has a way");
        way.push(part);
        self
    }

    /// In a front end's words. Ways with an option that it has not, for which `write` gives nothing,
    /// are left out.
    pub fn told(&self, write: impl Fn(&Setting) -> Option<String>) -> String {
        let told = |part: &Part| match part {
            Part::Text(text) => Some(text.clone()),
            Part::Setting(setting) => write(setting).map(|words| format!("`{words}`")),
        };
        let ways = self.ways.iter();
        let ways = ways.filter_map(|way| way.iter().map(told).collect::<Option<String>>());
        ways.collect::<Vec<_>>().join("; ")
    }
}

impl From<&str> for Remedy {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<String> for Remedy {
    fn from(text: String) -> Self {
        Self {
            ways: vec![Vec::new()],
        }
        .say(text)
    }
}

impl From<Setting> for Remedy {
    fn from(setting: Setting) -> Self {
        Self {
            ways: vec![vec![Part::Setting(setting)]],
        }
    }
}
