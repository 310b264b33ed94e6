//! The weights, which are in a file beside the program or in a flash partition.

use core::fmt;
use core::ops::DerefMut;

use super::error::Error;
#[cfg(feature = "std")]
use super::mapping::Content;
use super::model::{DIGEST, Memory, Network, WEIGHTS_BYTES};
use super::session::Session;
use super::weight_file::{self, WeightsError};

/// The model's weights, whole and unchanged. Clones share them.
#[derive(Clone)]
pub struct Weights(Place);

#[derive(Clone)]
enum Place {
    Static(&'static [u8]),
    #[cfg(feature = "std")]
    File(std::sync::Arc<Content>),
}

impl Weights {
    /// Opens the file, [`WEIGHTS_FILE`](super::model::WEIGHTS_FILE), and checks its hash. 64-bit
    /// Linux and Android map it into memory; other systems read it. More bytes may follow it, as in
    /// a partition.
    ///
    /// Nobody may change or shorten the file as long as it is in use.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is not this crate's, was cut off or changed.
    #[cfg(feature = "std")]
    pub fn open(path: impl AsRef<std::path::Path>) -> Result<Self, WeightsError> {
        let content =
            Content::open(path.as_ref(), WEIGHTS_BYTES).map_err(WeightsError::Unreadable)?;
        Self::checked(Place::File(content.into()))
    }

    /// Takes the file's content from memory, such as a mapped flash partition, and checks its
    /// hash. More bytes may follow it. It is read fastest from a multiple of 64 on.
    ///
    /// # Errors
    ///
    /// When it is not this crate's, was cut off or changed.
    pub fn from_static(bytes: &'static [u8]) -> Result<Self, WeightsError> {
        Self::checked(Place::Static(bytes))
    }

    fn checked(place: Place) -> Result<Self, WeightsError> {
        weight_file::check(place.bytes(), DIGEST, WEIGHTS_BYTES)?;
        Ok(Self(place))
    }

    /// The weights as the pass takes them.
    pub(crate) fn network(&self) -> Network<'_> {
        Network::new(self.0.bytes())
    }
}

impl Place {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Static(bytes) => bytes,
            #[cfg(feature = "std")]
            Self::File(content) => content,
        }
    }
}

impl fmt::Debug for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Weights({DIGEST:016x})")
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
    pub fn new(weights: Weights) -> Self {
        Self::on_heap(weights)
    }
}

impl<M: DerefMut<Target = Memory>> Session<M> {
    /// A session in memory that the caller has, for instance in a static.
    ///
    /// # Errors
    ///
    /// When the CPU lacks the baseline instruction set.
    pub fn with_memory(memory: M, weights: Weights) -> Result<Self, Error> {
        Self::over(weights, memory)
    }
}
