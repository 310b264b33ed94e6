//! A pass through the network: from the tokens of a batch to logits.

use super::frame::Frame;
use super::kernels::{Isa, Q8Block};
use super::model::{
    ACTIVATION_BLOCKS, ARENA_LEN, CACHE_LEN, HIDDEN_SIZE, LOGIT_ROWS, LOGITS, Memory, Network,
    RESIDUAL, VOCAB_SIZE, embedding, head, layers,
};
use super::team::{Solo, Team};
use super::weights::Weights;

/// Sees results as they are computed, in the order of the tokens.
pub(crate) trait Observer {
    /// The residual stream of a token: stage 0 is the embedding, `i + 1` layer `i`.
    fn stage(&mut self, _stage: usize, _residual: &[f32]) {}

    /// The logits after a token of the batch.
    fn logits(&mut self, _row: usize, _logits: &mut [f32]) {}
}

/// Which logits a batch computes.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    /// None: the text goes on.
    Nothing,
    /// Those after the last token.
    Last,
    /// Those after each token.
    Each,
}

/// Tokens that are run together.
#[derive(Clone, Copy)]
pub(crate) struct Batch<'a> {
    /// One to [`BATCH`](super::model::BATCH) valid ids.
    pub(crate) tokens: &'a [u32],
    /// Position of the first.
    pub(crate) position: usize,
    /// Which logits to compute.
    pub(crate) wanted: Wanted,
}

/// Runs a batch on an instruction set, on one thread or many.
pub(crate) fn run_on<I: Isa>(
    isa: I,
    threads: usize,
    weights: &Weights,
    memory: &mut Memory,
    activations: &mut [Q8Block; ACTIVATION_BLOCKS],
    batch: Batch<'_>,
    observer: &mut dyn Observer,
) {
    let network = &weights.network();
    let (cache, rest) = memory.split_at_mut(CACHE_LEN);
    let arena = &mut rest[..ARENA_LEN];
    #[cfg(feature = "std")]
    if threads > 1 {
        super::crew::with_crew(isa, threads, cache, |crew| {
            pass(crew, network, arena, activations, batch, observer);
        });
        return;
    }
    let _ = threads;
    let mut solo = Solo { isa, cache };
    pass(&mut solo, network, arena, activations, batch, observer);
}

fn pass<'w, T: Team<'w>>(
    team: &mut T,
    network: &Network<'w>,
    arena: &mut [f32],
    activations: &mut [Q8Block],
    batch: Batch<'_>,
    observer: &mut dyn Observer,
) {
    let mut frame = Frame {
        team,
        arena,
        activations,
        tokens: batch.tokens.len(),
        position: batch.position,
    };
    embedding(&mut frame, network, batch.tokens);
    observe(&frame, 0, observer);
    layers(&mut frame, network, observer);
    let rows = match batch.wanted {
        Wanted::Nothing => 0..0,
        Wanted::Last => batch.tokens.len() - 1..batch.tokens.len(),
        Wanted::Each => 0..batch.tokens.len(),
    };
    for first in rows.clone().step_by(LOGIT_ROWS) {
        let rows = first..rows.end.min(first + LOGIT_ROWS);
        frame.select(RESIDUAL, rows.clone());
        head(&mut frame, network);
        for row in rows {
            let logits = LOGITS.of(row - first).start;
            observer.logits(row, &mut frame.arena[logits..][..VOCAB_SIZE]);
        }
    }
}

/// Shows the residual stream after a stage.
pub(crate) fn observe<T>(frame: &Frame<'_, T>, stage: usize, observer: &mut dyn Observer) {
    for token in 0..frame.tokens {
        let row = RESIDUAL.of(token).start;
        observer.stage(stage, &frame.arena[row..][..HIDDEN_SIZE]);
    }
}
