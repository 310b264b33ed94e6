//! The command line.

use std::str::FromStr;

use super::Failure;

/// Words that are yet to be understood, and the options that the command has.
pub struct Args {
    words: Vec<String>,
    options: Vec<&'static str>,
}

impl Args {
    pub fn new(words: Vec<String>) -> Self {
        Self {
            words,
            options: Vec::new(),
        }
    }

    /// Takes the first word.
    pub fn command(&mut self) -> Option<String> {
        (!self.words.is_empty()).then(|| self.words.remove(0))
    }

    /// Takes an option without a value.
    pub fn flag(&mut self, name: &'static str) -> bool {
        let found = self.position(name);
        if let Some(at) = found {
            self.words.remove(at);
        }
        found.is_some()
    }

    /// Takes an option with a value.
    pub fn value(&mut self, name: &'static str) -> Result<Option<String>, Failure> {
        let Some(at) = self.position(name) else {
            return Ok(None);
        };
        if at + 1 == self.words.len() {
            return Err(Failure::Usage(format!("{name} wants a value")));
        }
        self.words.remove(at);
        Ok(Some(self.words.remove(at)))
    }

    /// Takes an option with a number.
    pub fn number<T: FromStr>(&mut self, name: &'static str) -> Result<Option<T>, Failure> {
        let Some(text) = self.value(name)? else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Failure::Usage(format!(
                "{name} wants a number, not `{text}`"
            ))),
        }
    }

    /// The one word that is left, when all options were taken.
    pub fn text(self, what: &str) -> Result<String, Failure> {
        let mut words = self.rest()?;
        match words.len() {
            0 => Err(Failure::Usage(format!("{what} is missing"))),
            1 => Ok(words.remove(0)),
            _ => Err(Failure::Usage(format!(
                "one {what} is wanted: put it in quotes"
            ))),
        }
    }

    /// Nothing is left.
    pub fn end(self) -> Result<(), Failure> {
        match self.rest()?.first() {
            None => Ok(()),
            Some(word) => Err(Failure::Usage(format!("`{word}` is not expected"))),
        }
    }

    /// Options stand before `--`, if there is one.
    fn position(&mut self, name: &'static str) -> Option<usize> {
        self.options.push(name);
        self.words
            .iter()
            .take_while(|word| *word != "--")
            .position(|word| word == name)
    }

    fn rest(mut self) -> Result<Vec<String>, Failure> {
        let end = self.words.iter().position(|word| word == "--");
        let options = &self.words[..end.unwrap_or(self.words.len())];
        if let Some(word) = options.iter().find(|word| word.starts_with("--")) {
            return Err(Failure::Usage(if self.options.contains(&word.as_str()) {
                format!("{word} is given twice")
            } else {
                let all = self.options.join(", ");
                format!("unknown option `{word}`: there are {all}")
            }));
        }
        if let Some(end) = end {
            self.words.remove(end);
        }
        Ok(self.words)
    }
}
