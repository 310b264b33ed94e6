//! Texts to calibrate with and to evaluate on.

use std::fs;
use std::path::Path;

use crate::error::{Error, Result};

/// The built-in text to calibrate with: varied English prose, instructions, letters, dialogues, a
/// little code and a few lines of other languages (`texts/README.md` says where it is from).
pub const CALIBRATION: &str = include_str!("../texts/calibration.txt");

/// The built-in text to evaluate on, of the same kind as [`CALIBRATION`] and with nothing of it.
pub const HELD_OUT: &str = include_str!("../texts/held_out.txt");

/// Reads a text.
///
/// # Errors
///
/// When it cannot be read or is not UTF-8.
pub fn read(path: &Path) -> Result<String> {
    let bytes = fs::read(path).map_err(|error| Error::io("read", path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        Error::new("the text is not UTF-8")
            .in_file(path)
            .at(format!("byte {}", error.utf8_error().valid_up_to()))
            .remedy("convert it, for instance with `iconv -t UTF-8`")
    })
}
