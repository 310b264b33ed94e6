//! Numbers on the command line.

use std::num::IntErrorKind;

/// A whole number.
pub(super) fn whole(text: &str) -> Result<usize, String> {
    text.parse()
        .map_err(|error: std::num::ParseIntError| match error.kind() {
            IntErrorKind::PosOverflow => "it is too large".to_owned(),
            _ => "give a whole number, such as 128".to_owned(),
        })
}

/// A number with or without a point.
pub(super) fn decimal(text: &str) -> Result<f64, String> {
    let given = "give a number, such as 0.5";
    text.parse().map_err(|_| given.to_owned())
}
