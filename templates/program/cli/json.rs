//! One JSON object (RFC 8259).

use std::fmt::{Display, Write};

/// An object as text, without its closing brace.
pub struct Object(String);

impl Object {
    pub fn new() -> Self {
        Self("{".into())
    }

    /// Adds a string.
    pub fn text(self, key: &str, value: &str) -> Self {
        self.raw(key, &quoted(value))
    }

    /// Adds a number or a truth value; `null` for what is no number in JSON.
    pub fn plain(self, key: &str, value: impl Display) -> Self {
        match &*value.to_string() {
            "NaN" | "inf" | "-inf" => self.raw(key, "null"),
            value => self.raw(key, value),
        }
    }

    /// Adds a list of numbers, or of values that are JSON already.
    pub fn list(self, key: &str, values: impl IntoIterator<Item: Display>) -> Self {
        let values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
        self.raw(key, &format!("[{}]", values.join(",")))
    }

    /// The text of the object.
    pub fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn raw(mut self, key: &str, value: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{}:{value}", quoted(key));
        self
    }
}

/// A JSON string.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
