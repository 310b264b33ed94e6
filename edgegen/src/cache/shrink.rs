//! Room for new entries.

use std::path::PathBuf;
use std::time::SystemTime;

/// An entry of a cache.
pub(crate) struct Entry {
    /// When it was last used.
    pub(crate) used: SystemTime,
    /// What it takes.
    pub(crate) bytes: u64,
    /// Where it is.
    pub(crate) path: PathBuf,
}

/// Removes entries that were used longest ago, until the rest is of at most `most` bytes. `remove`
/// says whether an entry is gone; one that stays is tried again the next time.
pub(crate) fn shrink(mut entries: Vec<Entry>, most: u64, remove: impl Fn(&Entry) -> bool) {
    entries.sort_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
    let mut bytes: u64 = entries.iter().map(|entry| entry.bytes).sum();
    for entry in entries {
        if bytes <= most {
            break;
        }
        if remove(&entry) {
            bytes -= entry.bytes;
        }
    }
}
