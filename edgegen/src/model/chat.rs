//! The chat template, reduced to literal pieces at import.

/// What a chat template renders for one optional system message and one user
/// message, with the generation prompt added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatTemplate {
    /// Pieces when a system message is given.
    pub with_system: Vec<ChatPiece>,
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
    /// The user message.
    User,
}
