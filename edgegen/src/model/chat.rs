//! The chat template, reduced to literal pieces at import.

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
