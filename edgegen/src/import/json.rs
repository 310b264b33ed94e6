//! JSON as others read it.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Result, Value};

/// A byte order mark, which some editors put before a text.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// The value of a file.
pub(super) fn read<'a, T: Deserialize<'a>>(file: &'a [u8]) -> Result<T> {
    serde_json::from_slice(file.strip_prefix(MARK).unwrap_or(file))
}

/// The value of a small file. Of a key that is there twice the last counts, as in Python.
pub(super) fn read_small<T: DeserializeOwned>(file: &[u8]) -> Result<T> {
    serde_json::from_value(read::<Value>(file)?)
}
