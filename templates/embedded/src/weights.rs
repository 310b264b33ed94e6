//! The weights, which are in the program.

use core::ops::DerefMut;

use super::error::Error;
use super::model::{Memory, NETWORK, Network};
use super::session::Session;

/// What a session knows of its weights: nothing, since there is one place for them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weights;

impl Weights {
    /// The weights as the pass takes them.
    pub(crate) fn network(&self) -> &'static Network<'static> {
        &NETWORK
    }
}

#[cfg(feature = "std")]
impl Session<std::boxed::Box<Memory>> {
    /// A session on the heap; nothing large crosses the stack.
    ///
    /// # Panics
    ///
    /// When the CPU lacks [`InstructionSet::BASELINE`](super::isa::InstructionSet::BASELINE),
    /// which [`InstructionSet::best`](super::isa::InstructionSet::best) tells beforehand.
    pub fn new() -> Self {
        Self::on_heap(Weights)
    }
}

#[cfg(feature = "std")]
impl Default for Session<std::boxed::Box<Memory>> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: DerefMut<Target = Memory>> Session<M> {
    /// A session in memory that the caller has, for instance in a static.
    ///
    /// # Errors
    ///
    /// When the CPU lacks the baseline instruction set.
    pub fn with_memory(memory: M) -> Result<Self, Error> {
        Self::over(Weights, memory)
    }
}
