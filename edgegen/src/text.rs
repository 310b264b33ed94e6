//! Texts to calibrate with and to evaluate on.

use std::borrow::Cow;
use std::path::Path;

use crate::error::{Error, Result};
use crate::small_file;

/// The built-in text to calibrate with: varied English prose, instructions, letters, dialogues, a
/// little code and a few lines of other languages (`texts/README.md` says where it is from).
pub const CALIBRATION: &str = include_str!("../texts/calibration.txt");

/// The built-in text to evaluate on, of the same kind as [`CALIBRATION`] and with nothing of it.
pub const HELD_OUT: &str = include_str!("../texts/held_out.txt");

/// Longest text, in bytes: some days of predictions.
const MAX_FILE: u64 = 1 << 28;

/// Reads a text.
///
/// # Errors
///
/// When it cannot be read, is longer than 256 MiB or is not UTF-8.
pub fn read(path: &Path) -> Result<String> {
    small_file::read_text("the text", path, MAX_FILE)
}

/// What to calibrate with, and what to measure on: calibration does not see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    whole: Cow<'static, str>,
    /// Bytes of `whole` to calibrate with.
    calibration: usize,
    /// What to measure on, if that is not the rest of `whole`.
    held_out: Option<&'static str>,
}

impl Texts {
    /// The built-in ones.
    pub fn built_in() -> Self {
        Self {
            whole: CALIBRATION.into(),
            calibration: CALIBRATION.len(),
            held_out: Some(HELD_OUT),
        }
    }

    /// Whether nobody gave a text.
    pub(crate) fn are_built_in(&self) -> bool {
        self.held_out.is_some()
    }

    /// The parts of a file, or the built-in texts.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is empty or not UTF-8.
    pub fn read(path: Option<&Path>) -> Result<Self> {
        match path {
            Some(path) => Self::of(&read(path)?).map_err(|error| error.in_file(path)),
            None => Ok(Self::built_in()),
        }
    }

    /// The parts of a text: about a tenth at its end, whole lines where there are any, is for
    /// measurements.
    ///
    /// # Errors
    ///
    /// When it is empty.
    pub fn of(text: &str) -> Result<Self> {
        if text.trim().is_empty() {
            return Err(Error::new("the text is empty")
                .remedy("give one of the kind that the model will see, 20 KB or more"));
        }
        let about = text.floor_char_boundary(text.len() / 10 * 9);
        let line = text[..about].rfind('\n').map(|at| at + 1);
        Ok(Self {
            calibration: line.filter(|&at| at >= text.len() / 2).unwrap_or(about),
            whole: text.to_owned().into(),
            held_out: None,
        })
    }

    /// What to calibrate with, where nothing is measured.
    pub fn whole(&self) -> &str {
        &self.whole
    }

    /// What to calibrate with.
    pub fn calibration(&self) -> &str {
        &self.whole[..self.calibration]
    }

    /// What to measure on.
    pub fn held_out(&self) -> &str {
        self.held_out
            .unwrap_or_else(|| &self.whole[self.calibration..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_parts_are_the_text(text in "\\PC{0,40}(\n\\PC{0,40}){0,9}") {
            prop_assume!(!text.trim().is_empty());
            let texts = Texts::of(&text).unwrap();
            prop_assert_eq!(format!("{}{}", texts.calibration(), texts.held_out()), text.as_str());
            prop_assert!(texts.calibration().len() >= texts.held_out().len().saturating_sub(40));
        }
    }
}
