//! What a file says, as far as an architecture asks for it.

use crate::error::{Error, Result};

/// The settings of a file, by the names that its format has for them. Options that nobody asks for
/// are refused.
pub(crate) trait Settings {
    /// Whether it is there, be it that it says nothing.
    fn has(&self, name: &str) -> bool;

    fn number(&self, name: &str) -> Result<Option<f64>>;

    fn size(&self, name: &str) -> Result<Option<usize>>;

    fn flag(&self, name: &str) -> Result<Option<bool>>;

    fn sizes(&self, name: &str) -> Result<Option<Vec<usize>>>;

    fn flags(&self, name: &str) -> Result<Option<Vec<bool>>>;

    fn text(&self, name: &str) -> Result<Option<String>>;

    fn texts(&self, name: &str) -> Result<Option<Vec<String>>>;

    /// GGUF has no such thing.
    fn repeated_texts(&self, _name: &str) -> Result<Option<Repeated>> {
        Ok(None)
    }

    /// That a setting is not there.
    fn missing(&self, name: &str) -> Error;

    /// That a setting has a value which the network here has not.
    fn unsupported(&self, name: &str, value: &str, supported: &str) -> Error;
}

/// Lists of strings, and how often each comes.
pub(crate) type Repeated = Vec<(Vec<String>, usize)>;

impl dyn Settings + '_ {
    /// A number that must be there.
    pub(super) fn needed_number(&self, name: &str) -> Result<f64> {
        self.number(name)?.ok_or_else(|| self.missing(name))
    }
}
