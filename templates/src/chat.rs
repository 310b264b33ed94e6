//! The chat template: literal text with the messages in between.

use core::fmt;

/// A part of a rendered chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Text of the template.
    Literal(&'t str),
    /// The system message.
    System,
    /// The system message without white space at either end.
    SystemTrimmed,
    /// The user message.
    User,
    /// The user message without white space at either end.
    UserTrimmed,
}

/// The chat template of a model, ready for the assistant's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChatTemplate<'t> {
    /// With a system message; `None` if the template refuses one.
    pub with_system: Option<&'t [Piece<'t>]>,
    /// Without one.
    pub without_system: &'t [Piece<'t>],
}

/// Why a chat cannot be rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatError {
    /// The model's template has no place for a system message.
    NoSystemMessage,
    /// The buffer is too small for the rendered chat.
    TooLong,
}

impl fmt::Display for ChatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSystemMessage => "this model's chat template takes no system message",
            Self::TooLong => "the chat is longer than the buffer",
        })
    }
}

impl core::error::Error for ChatError {}

impl ChatTemplate<'_> {
    /// Renders the messages into `buffer` and returns the text, to be encoded
    /// by `Tokenizer::encode_chat`. A buffer of [`len`](Self::len) suffices.
    ///
    /// # Errors
    /// If the template takes no system message, or the buffer is too small.
    pub fn render<'b>(
        &self,
        system: Option<&str>,
        user: &str,
        buffer: &'b mut [u8],
    ) -> Result<&'b str, ChatError> {
        let mut len = 0;
        for part in self.parts(system, user)? {
            let free = buffer.get_mut(len..len + part.len());
            free.ok_or(ChatError::TooLong)?
                .copy_from_slice(part.as_bytes());
            len += part.len();
        }
        core::str::from_utf8(&buffer[..len]).map_err(|_| ChatError::TooLong)
    }

    /// The length in bytes of the rendered chat.
    ///
    /// # Errors
    /// If the template takes no system message.
    pub fn len(&self, system: Option<&str>, user: &str) -> Result<usize, ChatError> {
        Ok(self.parts(system, user)?.map(str::len).sum())
    }

    /// The rendered chat in parts.
    ///
    /// # Errors
    /// If the template takes no system message.
    pub fn parts<'p>(
        &'p self,
        system: Option<&'p str>,
        user: &'p str,
    ) -> Result<impl Iterator<Item = &'p str>, ChatError> {
        let pieces = match system {
            Some(_) => self.with_system.ok_or(ChatError::NoSystemMessage)?,
            None => self.without_system,
        };
        let system = system.unwrap_or("");
        Ok(pieces.iter().map(move |piece| match *piece {
            Piece::Literal(text) => text,
            Piece::System => system,
            Piece::SystemTrimmed => system.trim_matches(is_space),
            Piece::User => user,
            Piece::UserTrimmed => user.trim_matches(is_space),
        }))
    }
}

/// What Python's `str.strip`, and so Jinja's `trim`, removes.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}
