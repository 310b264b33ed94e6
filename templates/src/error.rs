//! What can go wrong.

use core::fmt;

/// Why a session refuses. The session is as it was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// There is no room for further tokens.
    ContextFull {
        /// Tokens that the context holds.
        context: usize,
    },
    /// The prompt has more tokens than the context holds, or than can be encoded.
    PromptTooLong {
        /// Tokens that the context holds.
        context: usize,
    },
    /// A prompt without a token: there is nothing to go on from.
    EmptyPrompt,
    /// The shortest answer that the schema allows is longer than the tokens that are left.
    AnswerTooLong {
        /// Tokens of the shortest answer.
        needed: usize,
        /// Tokens that the options or the context leave.
        room: usize,
    },
    /// No such token.
    InvalidToken(u32),
    /// A setting that means nothing.
    InvalidOption(&'static str),
    /// The model has no chat template.
    NoChatTemplate,
    /// The model's chat template takes no system message.
    NoSystemMessage,
    /// The buffer is too small.
    BufferTooSmall {
        /// Bytes that are needed.
        needed: usize,
    },
    /// Bytes that are no saved state of this model.
    InvalidState(&'static str),
    /// The CPU lacks an instruction set; without `std`, the compiler was not told that it has it.
    MissingInstructionSet(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ContextFull { context } => {
                write!(f, "the context of {context} tokens is full")
            }
            Self::PromptTooLong { context } => {
                write!(f, "the prompt does not fit the context of {context} tokens")
            }
            Self::EmptyPrompt => f.write_str("the prompt is empty"),
            Self::AnswerTooLong { needed, room } => write!(
                f,
                "the shortest answer has {needed} tokens and there is room for {room}"
            ),
            Self::InvalidToken(id) => write!(f, "there is no token {id}"),
            Self::InvalidOption(what) => f.write_str(what),
            Self::NoChatTemplate => f.write_str("the model has no chat template"),
            Self::NoSystemMessage => {
                f.write_str("the model's chat template takes no system message")
            }
            Self::BufferTooSmall { needed } => {
                write!(f, "the buffer is too small: {needed} bytes are needed")
            }
            Self::InvalidState(what) => write!(f, "not a saved state of this model: {what}"),
            Self::MissingInstructionSet(name) if cfg!(feature = "std") => {
                write!(f, "this CPU lacks {name}")
            }
            Self::MissingInstructionSet(name) => {
                write!(f, "the compiler was not told that the CPU has {name}")
            }
        }
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn a_refusal_says_its_figures() {
        for (error, said) in [
            (
                Error::ContextFull { context: 7 },
                "context of 7 tokens is full",
            ),
            (
                Error::PromptTooLong { context: 7 },
                "does not fit the context of 7 tokens",
            ),
            (Error::EmptyPrompt, "prompt is empty"),
            (
                Error::AnswerTooLong { needed: 9, room: 7 },
                "has 9 tokens and there is room for 7",
            ),
            (Error::InvalidToken(7), "no token 7"),
            (Error::InvalidOption("top_p is 7"), "top_p is 7"),
            (Error::NoChatTemplate, "no chat template"),
            (Error::NoSystemMessage, "no system message"),
            (Error::BufferTooSmall { needed: 7 }, "7 bytes are needed"),
            (Error::InvalidState("short"), "this model: short"),
            (Error::MissingInstructionSet("AVX2"), "AVX2"),
        ] {
            let told = error.to_string();
            assert!(told.contains(said), "{told}");
        }
    }
}
