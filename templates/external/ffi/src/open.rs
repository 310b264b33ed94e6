//! A new session with weights that the caller has in memory.

use model::{Memory, Session, Weights};

use crate::EdgeStatus;

/// Refuses weights that are missing or not the model's.
pub fn session(
    memory: &'static mut Memory,
    weights: Option<&'static [u8]>,
) -> Result<Session<&'static mut Memory>, EdgeStatus> {
    let bytes = weights.ok_or(EdgeStatus::Weights)?;
    let weights = Weights::from_static(bytes).map_err(|_| EdgeStatus::Weights)?;
    Session::with_memory(memory, weights).map_err(crate::status)
}
