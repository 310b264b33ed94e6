//! Household commands to actions, for firmware: no operating system, no allocator, no dependency.
#![no_std]

use core::fmt;

include!(concat!(env!("OUT_DIR"), "/homectl.rs"));

pub use homectl::{Memory, RAM_BYTES};

/// Memory for an [`Assistant`], to be put into a static.
pub const MEMORY: Memory = [0.0; homectl::MEMORY_LEN];

/// Understands commands.
pub struct Assistant<'m>(homectl::Session<&'m mut Memory>);

/// Why there is no action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// The model refuses the command: it is empty or too long.
    Refused(homectl::Error),
    /// The action does not fit the buffer.
    BufferTooSmall,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::BufferTooSmall => f.write_str("the action does not fit the buffer"),
        }
    }
}

impl<'m> Assistant<'m> {
    /// One that works in this memory.
    ///
    /// # Errors
    ///
    /// When the CPU lacks what the model was compiled for.
    pub fn new(memory: &'m mut Memory) -> Result<Self, Error> {
        let session = homectl::Session::with_memory(memory);
        session.map(Self).map_err(Error::Refused)
    }

    /// The action that a command asks for, as JSON, in `buffer`.
    ///
    /// # Errors
    ///
    /// When the command is empty or too long, or the buffer too small.
    pub fn action<'b>(&mut self, command: &str, buffer: &'b mut [u8]) -> Result<&'b str, Error> {
        let options = homectl::Options::default();
        let generation = self.0.generate(command, &options).map_err(Error::Refused)?;
        let mut len = 0;
        for piece in generation {
            let place = buffer.get_mut(len..len + piece.len());
            place
                .ok_or(Error::BufferTooSmall)?
                .copy_from_slice(piece.as_bytes());
            len += piece.len();
        }
        Ok(core::str::from_utf8(&buffer[..len]).expect("pieces are text"))
    }
}
