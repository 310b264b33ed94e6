//! Whether this machine computes the bits that edgegen computed.

use core::fmt;
use core::ops::DerefMut;

use super::golden::{GOLDEN_TOKENS, golden_token};
use super::kernels::BitHash;
use super::model::{CONTEXT, GOLDEN_LOGITS, GOLDEN_STAGES, Memory, NUM_HIDDEN_LAYERS, VOCAB_SIZE};
use super::pass::Observer;
use super::session::Session;

/// A part of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The look-up of tokens.
    Embedding,
    /// A layer, counted from 0.
    Layer(usize),
    /// The final norm and the output projection.
    Output,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedding => f.write_str("embedding"),
            Self::Layer(index) => write!(f, "layer {index}"),
            Self::Output => f.write_str("output"),
        }
    }
}

/// The result of a self-test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelfTest {
    /// The hash of the logits on this machine.
    pub hash: u64,
    /// The hash that edgegen computed.
    pub expected: u64,
    /// The first part of the network whose results differ.
    pub first_difference: Option<Stage>,
}

impl SelfTest {
    /// Whether every bit is equal.
    pub fn passed(&self) -> bool {
        self.first_difference.is_none()
    }
}

/// Runs fixed tokens and compares the results of every layer, to the bit. The session is reset.
pub fn self_test<M: DerefMut<Target = Memory>>(session: &mut Session<M>) -> SelfTest {
    const TOKENS: usize = if GOLDEN_TOKENS < CONTEXT {
        GOLDEN_TOKENS
    } else {
        CONTEXT
    };
    let mut hashes = Hashes {
        stages: [BitHash::new(); NUM_HIDDEN_LAYERS + 1],
        logits: BitHash::new(),
    };
    session.reset();
    let tokens: [u32; TOKENS] = core::array::from_fn(|index| golden_token(index, VOCAB_SIZE));
    // The tokens are valid and fit: nothing can be refused.
    let fed = session.feed_observed(&tokens, &mut hashes);
    debug_assert!(fed.is_ok());
    session.reset();

    let hash = hashes.logits.finish();
    let differs = hashes
        .stages
        .iter()
        .zip(GOLDEN_STAGES)
        .position(|(hash, expected)| hash.finish() != expected);
    let first_difference = match differs {
        Some(0) => Some(Stage::Embedding),
        Some(stage) => Some(Stage::Layer(stage - 1)),
        None if hash != GOLDEN_LOGITS => Some(Stage::Output),
        None => None,
    };
    SelfTest {
        hash,
        expected: GOLDEN_LOGITS,
        first_difference,
    }
}

struct Hashes {
    stages: [BitHash; NUM_HIDDEN_LAYERS + 1],
    logits: BitHash,
}

impl Observer for Hashes {
    fn stage(&mut self, stage: usize, residual: &[f32]) {
        self.stages[stage].update(residual);
    }

    fn logits(&mut self, _row: usize, logits: &mut [f32]) {
        self.logits.update(logits);
    }
}
