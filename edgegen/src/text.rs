//! Texts to calibrate with and to evaluate on.

use std::borrow::Cow;
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

/// What to calibrate with, and what to measure on: calibration does not see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    /// For calibration.
    pub calibration: Cow<'static, str>,
    /// For measurements.
    pub held_out: Cow<'static, str>,
}

impl Texts {
    /// The built-in ones.
    pub fn built_in() -> Self {
        Self {
            calibration: CALIBRATION.into(),
            held_out: HELD_OUT.into(),
        }
    }

    /// The parts of a text: a tenth at its end, from the next line on, is held out.
    pub fn of(text: &str) -> Self {
        let about = text.floor_char_boundary(text.len() / 10 * 9);
        let at = text[about..].find('\n').map_or(about, |line| about + line + 1);
        let (calibration, held_out) = text.split_at(at);
        Self {
            calibration: calibration.to_owned().into(),
            held_out: held_out.to_owned().into(),
        }
    }
}
