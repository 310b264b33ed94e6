//! A new session.

use super::Failure;
use super::args::Args;
use super::model::{Memory, Session};

/// The options that say where the weights are.
pub const HELP: &str = "";

pub fn session(_: &mut Args) -> Result<Session<Box<Memory>>, Failure> {
    Ok(Session::new())
}
