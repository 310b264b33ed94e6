//! The chat template, reduced to literal pieces at import.

use edgegen_templates::chat;

/// What a chat template renders for one optional system message and one user
/// message, with the generation prompt added. The text is encoded with special
/// tokens recognised and nothing added before or after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatTemplate {
    /// Pieces when a system message is given; `None` if the template refuses one.
    pub with_system: Option<Vec<ChatPiece>>,
    /// Pieces when none is given (the template's default may still add one).
    pub without_system: Vec<ChatPiece>,
}

/// A part of a rendered chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatPiece {
    /// Text of the template; special tokens in it are recognised.
    Literal(String),
    /// The system message.
    System,
    /// The system message without white space at either end.
    SystemTrimmed,
    /// The user message.
    User,
    /// The user message without white space at either end.
    UserTrimmed,
}

impl ChatTemplate {
    /// The template with this system message wherever none is given; `None` if it refuses one.
    pub fn with_default_system(&self, text: &str) -> Option<Self> {
        let mut without_system = Vec::new();
        for piece in self.with_system.as_ref()? {
            let piece = match piece {
                ChatPiece::System => ChatPiece::Literal(text.to_owned()),
                ChatPiece::SystemTrimmed => {
                    ChatPiece::Literal(text.trim_matches(chat::is_space).to_owned())
                }
                other => other.clone(),
            };
            match (without_system.last_mut(), piece) {
                (Some(ChatPiece::Literal(before)), ChatPiece::Literal(text)) => {
                    before.push_str(&text);
                }
                (_, piece) => without_system.push(piece),
            }
        }
        Some(Self {
            with_system: self.with_system.clone(),
            without_system,
        })
    }

    /// The text that every chat without a system message begins with.
    pub fn beginning(&self) -> &str {
        match self.without_system.first() {
            Some(ChatPiece::Literal(text)) => text,
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_system_message_joins_the_text_around_it() {
        let literal = |text: &str| ChatPiece::Literal(text.to_owned());
        for (system, user, expected) in [
            (ChatPiece::System, ChatPiece::User, "<s> \u{1c}x\n<u>"),
            (ChatPiece::SystemTrimmed, ChatPiece::UserTrimmed, "<s>x<u>"),
        ] {
            let with_system = vec![literal("<s>"), system, literal("<u>"), user.clone()];
            let template = ChatTemplate {
                with_system: Some(with_system.clone()),
                without_system: vec![user.clone()],
            };
            let found = template.with_default_system(" \u{1c}x\n").unwrap();
            assert_eq!(found.with_system, Some(with_system));
            assert_eq!(found.without_system, [literal(expected), user]);
            assert_eq!(found.beginning(), expected);
        }
    }

    #[test]
    fn a_template_that_refuses_a_system_message_gets_none() {
        let template = ChatTemplate {
            with_system: None,
            without_system: vec![ChatPiece::User],
        };
        assert_eq!(template.with_default_system("x"), None);
        assert_eq!(template.beginning(), "");
    }
}
