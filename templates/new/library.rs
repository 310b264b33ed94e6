//! Answers commands.

use assistant::{Error, Options, Session};

edgegen_macros::edge_model! {
    /// The built-in model, homectl; `model: "models/your.gguf"` takes your own.
    pub mod assistant {
        platform: "{{platform}}",
        quant: "q4",
    }
}

/// The answer to a command.
///
/// # Errors
///
/// When the command is empty or too long.
pub fn answer(command: &str) -> Result<String, Error> {
    let completion = Session::new().complete(command, &Options::default())?;
    Ok(completion.text)
}
