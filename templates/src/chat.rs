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

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn trimmed_messages_have_no_white_space_at_their_ends() {
        let template = ChatTemplate {
            with_system: Some(&[
                Piece::Literal("<s>"),
                Piece::System,
                Piece::Literal("|"),
                Piece::SystemTrimmed,
                Piece::Literal("<u>"),
                Piece::User,
                Piece::Literal("|"),
                Piece::UserTrimmed,
                Piece::Literal("<a>"),
            ]),
            without_system: &[Piece::UserTrimmed, Piece::User],
        };
        let (system, user) = (" \u{1c}x\n", "\u{1f}\u{a0}y z\t\u{1d}");
        for (system, expected) in [
            (
                Some(system),
                "<s> \u{1c}x\n|x<u>\u{1f}\u{a0}y z\t\u{1d}|y z<a>",
            ),
            (None, "y z\u{1f}\u{a0}y z\t\u{1d}"),
        ] {
            let mut buffer = [0; 64];
            assert_eq!(template.render(system, user, &mut buffer), Ok(expected));
            let len = expected.len();
            assert_eq!(template.len(system, user), Ok(len));
            let text = template.render(system, user, &mut buffer[..len]);
            assert_eq!(text, Ok(expected));
            let text = template.render(system, user, &mut buffer[..len - 1]);
            assert_eq!(text, Err(ChatError::TooLong));
        }
    }

    #[test]
    fn a_system_message_without_a_place_is_refused() {
        let template = ChatTemplate {
            with_system: None,
            without_system: &[Piece::User],
        };
        let refused = Err(ChatError::NoSystemMessage);
        assert_eq!(template.len(Some("x"), "y"), refused);
        assert!(
            ChatError::NoSystemMessage
                .to_string()
                .contains("no system message")
        );
        assert!(
            ChatError::TooLong
                .to_string()
                .contains("longer than the buffer")
        );
        assert_eq!(template.len(None, "y"), Ok(1));
    }

    /// All that Python's `str.isspace` is true of.
    #[test]
    fn white_space_is_that_of_python() {
        let ranges = [
            0x09..=0x0d,
            0x1c..=0x20,
            0x85..=0x85,
            0xa0..=0xa0,
            0x1680..=0x1680,
            0x2000..=0x200a,
            0x2028..=0x2029,
            0x202f..=0x202f,
            0x205f..=0x205f,
            0x3000..=0x3000,
        ];
        for c in '\0'..=char::MAX {
            let expected = ranges.iter().any(|range| range.contains(&u32::from(c)));
            assert_eq!(is_space(c), expected, "{c:?}");
        }
    }
}
