//! Answers commands, without an operating system or an allocator.
#![no_std]

use assistant::{Error, MEMORY_LEN, Memory, Options, Session};

edgegen_macros::edge_model! {
    /// The built-in model, homectl; `model: "models/your.gguf"` takes your own.
    pub mod assistant {
        platform: "{{platform}}",
        quant: "q4",
    }
}

/// Memory for [`answer`], to be put into a static.
pub const MEMORY: Memory = [0.0; MEMORY_LEN];

/// Hands the answer to `write`, piece by piece.
///
/// # Errors
///
/// When the command is empty or too long.
pub fn answer(
    memory: &mut Memory,
    command: &str,
    mut write: impl FnMut(&str),
) -> Result<(), Error> {
    let mut session = Session::with_memory(memory)?;
    for piece in session.generate(command, &Options::default())? {
        write(&piece);
    }
    Ok(())
}
