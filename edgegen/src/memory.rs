//! Memory that a file's sizes ask for: refused with its amount, before any work, where this machine
//! has not so much.

use std::hint::black_box;

use crate::error::{Error, Result};
use crate::size::format_size;

/// Whether this machine gives so many bytes. `what_takes` them, with the verb, is for the message.
///
/// # Errors
///
/// Says what takes them, and how many they are.
pub(crate) fn check(what_takes: &str, bytes: usize) -> Result<()> {
    let mut memory = Vec::<u8>::new();
    let given = memory.try_reserve_exact(bytes);
    // An allocation that nobody looks at might never be asked for.
    black_box(&mut memory);
    given.map_err(|_| {
        Error::does_not_fit(format!(
            "{what_takes} {} of memory, more than this machine gives",
            format_size(bytes as u64)
        ))
        .remedy("the file describes a model far beyond edge devices, or the context is too long")
    })
}
