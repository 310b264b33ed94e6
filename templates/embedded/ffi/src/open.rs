//! A new session; its weights are in this library.

use model::{Memory, Session};

use crate::EdgeStatus;

/// Refuses weights: there is no use for them.
pub fn session(
    memory: &'static mut Memory,
    weights: Option<&'static [u8]>,
) -> Result<Session<&'static mut Memory>, EdgeStatus> {
    match weights {
        None => Session::with_memory(memory).map_err(crate::status),
        Some(_) => Err(EdgeStatus::Weights),
    }
}
