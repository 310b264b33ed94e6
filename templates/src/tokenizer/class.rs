//! Classes of characters beyond letters, digits and spaces, whose table a model brings if it needs
//! them.

/// The class of a character in a [`Tokenizer`](super::Tokenizer)'s table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// None of the table's.
    Other = 0,
    /// `\p{M}`.
    Mark = 1,
    /// `\p{P}` and `\p{S}`.
    Sign = 2,
    /// `\p{Lu}` and `\p{Lt}`.
    Capital = 3,
    /// `\p{Ll}`.
    Small = 4,
}

impl Class {
    /// The bits of an entry of the table that are the class; the first character is above them.
    pub const BITS: u32 = 3;

    /// The class of an entry of the table.
    pub(super) fn of(entry: u32) -> Self {
        match entry & ((1 << Self::BITS) - 1) {
            1 => Self::Mark,
            2 => Self::Sign,
            3 => Self::Capital,
            4 => Self::Small,
            _ => Self::Other,
        }
    }
}
