//! A conversation with the model.

use core::ops::{DerefMut, Range};

use super::error::Error;
use super::isa::InstructionSet;
use super::kernels::Q8Block;
use super::memory;
use super::model::{
    ACTIVATION_BLOCKS, BATCH, CONTEXT, DEFAULT_THREADS, LOGIT_ROWS, MAX_THREADS, Memory, SLACK,
    VOCAB_SIZE,
};
use super::pass::{Batch, Observer, Wanted};
use super::scratch::Scratch;
use super::weights::Weights;

/// Bytes of RAM that a session takes: its memory and itself.
pub const RAM_BYTES: usize = size_of::<Memory>() + size_of::<Session<&mut Memory>>();

/// The state of a conversation: what was fed, and the memory for it.
///
/// `M` is where the [`Memory`] is: a box, or a reference to a static.
#[derive(Debug)]
pub struct Session<M> {
    weights: Weights,
    pub(crate) memory: M,
    /// Tokens in the KV cache. How many count as fed, [`Self::position`] says.
    computed: usize,
    /// Tokens after them that count as fed and are yet to be, since nobody needed their results.
    owed: usize,
    /// The end of the positions that were written. Layers with a window have room for the last of
    /// them alone; there is nothing to remember where none has one.
    written: [usize; SLACK.is_some() as usize],
    /// How often a caller changed what was fed: an answer that was begun before is out of date.
    turn: usize,
    pub(crate) scratch: Scratch,
    activations: [Q8Block; ACTIVATION_BLOCKS],
    instruction_set: InstructionSet,
    threads: usize,
    batch: usize,
}

#[cfg(feature = "std")]
impl Session<std::boxed::Box<Memory>> {
    pub(crate) fn on_heap(weights: Weights) -> Self {
        let memory = std::vec![0.0; super::model::MEMORY_LEN].into_boxed_slice();
        let Ok(memory) = memory.try_into() else {
            unreachable!("the vector has this length");
        };
        match Self::over(weights, memory) {
            Ok(session) => session,
            Err(error) => panic!("{error}"),
        }
    }
}

impl<M: DerefMut<Target = Memory>> Session<M> {
    pub(crate) fn over(weights: Weights, mut memory: M) -> Result<Self, Error> {
        let instruction_set =
            InstructionSet::best().ok_or(Error::MissingInstructionSet(InstructionSet::BASELINE))?;
        memory::clear(&mut memory);
        Ok(Self {
            weights,
            memory,
            computed: 0,
            owed: 0,
            written: [0; _],
            turn: 0,
            scratch: Scratch::new(),
            activations: [Q8Block::ZERO; ACTIVATION_BLOCKS],
            instruction_set,
            threads: default_threads(),
            batch: BATCH,
        })
    }

    /// Tokens that were fed.
    pub fn position(&self) -> usize {
        self.computed + self.owed
    }

    /// The turn that a change of what was fed begins.
    pub(crate) fn next_turn(&mut self) -> usize {
        self.turn = self.turn.wrapping_add(1);
        self.turn
    }

    /// The last turn that was begun.
    pub(crate) fn turn(&self) -> usize {
        self.turn
    }

    /// Forgets everything, answers that it could give again among it.
    pub fn reset(&mut self) {
        self.truncate(0);
        memory::tokens(&mut self.memory).1.fill(0.0);
    }

    /// Forgets all tokens from `position` on. Going back further than layers with a window remember
    /// takes time: those before `position` are then computed again with what is fed next.
    pub fn truncate(&mut self, position: usize) {
        self.next_turn();
        let position = position.min(self.position());
        let kept = self.go_back_to(position.min(self.computed));
        self.owed = position - kept;
    }

    /// Goes on after the first `position` tokens, which the KV cache holds the last of: what is owed
    /// is forgotten.
    pub(crate) fn go_on_after(&mut self, position: usize) {
        self.owed = 0;
        self.computed = position;
        self.written = [position; _];
    }

    /// Goes back to the first `position` tokens of the KV cache, or to its beginning, if it has not
    /// all of them that the next token sees; gives how many they are. What is owed is forgotten.
    pub(crate) fn go_back_to(&mut self, position: usize) -> usize {
        let slack = SLACK.unwrap_or(0);
        let forgotten = |&written: &usize| written > position + slack;
        self.owed = 0;
        self.computed = position;
        if position == 0 || self.written.iter().any(forgotten) {
            self.go_on_after(0);
        }
        self.computed
    }

    /// Goes on after the first `position` tokens, of which the KV cache has what the next one sees.
    pub(crate) fn go_on_with(&mut self, position: usize) {
        self.go_on_after(position);
        self.written = [position + SLACK.unwrap_or(0); _];
    }

    /// Sets the number of threads, 1 to [`MAX_THREADS`]. No number changes a bit of the results.
    pub fn set_threads(&mut self, threads: usize) {
        self.threads = threads.clamp(1, MAX_THREADS);
    }

    /// Sets how many tokens of a prompt are run together, 1 to [`BATCH`]. No number changes a bit
    /// of the results.
    pub fn set_batch(&mut self, tokens: usize) {
        self.batch = tokens.clamp(1, BATCH);
    }

    /// Chooses the instruction set. None changes a bit of the results.
    ///
    /// # Errors
    ///
    /// When the CPU lacks it.
    pub fn set_instruction_set(&mut self, instruction_set: InstructionSet) -> Result<(), Error> {
        if !instruction_set.is_available() {
            return Err(Error::MissingInstructionSet(instruction_set.name()));
        }
        self.instruction_set = instruction_set;
        Ok(())
    }

    /// The instruction set in use.
    pub fn instruction_set(&self) -> InstructionSet {
        self.instruction_set
    }

    /// Feeds tokens and returns the logits after the last, `[VOCAB_SIZE]`: as the network computes
    /// them, so infinite or NaN where weights are so large that f32 overflows.
    ///
    /// # Errors
    ///
    /// When there is no token, no room for them, or no such token.
    pub fn feed(&mut self, tokens: &[u32]) -> Result<&mut [f32], Error> {
        self.check(tokens)?;
        self.next_turn();
        let batches = tokens.chunks(self.batch);
        let last = batches.len() - 1;
        for (index, batch) in batches.enumerate() {
            let wanted = if index == last {
                Wanted::Last
            } else {
                Wanted::Nothing
            };
            self.run(batch, wanted, &mut Silent);
        }
        Ok(self.logits(0))
    }

    /// Feeds tokens and shows the logits after each, with the token's index.
    ///
    /// # Errors
    ///
    /// As [`feed`](Self::feed).
    pub fn feed_each(
        &mut self,
        tokens: &[u32],
        show: impl FnMut(usize, &mut [f32]),
    ) -> Result<(), Error> {
        self.feed_observed(
            tokens,
            &mut Shown {
                first: 0,
                batch: self.batch,
                show,
            },
        )
    }

    /// Feeds a batch of tokens of the scratch, with logits if they are the last of the range;
    /// gives their number.
    pub(crate) fn feed_scratch(&mut self, range: Range<usize>) -> Result<usize, Error> {
        let mut batch = [0; BATCH];
        let len = self.batch.min(range.len());
        let tokens = self.scratch.tokens.get(range.start..range.start + len);
        batch[..len].copy_from_slice(tokens.ok_or(Error::EmptyPrompt)?);
        self.check(&batch[..len])?;
        let wanted = if len == range.len() {
            Wanted::Last
        } else {
            Wanted::Nothing
        };
        self.run(&batch[..len], wanted, &mut Silent);
        Ok(len)
    }

    /// Feeds tokens under an observer, with all logits.
    pub(crate) fn feed_observed(
        &mut self,
        tokens: &[u32],
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        self.check(tokens)?;
        self.next_turn();
        for batch in tokens.chunks(self.batch) {
            self.run(batch, Wanted::Each, observer);
        }
        Ok(())
    }

    /// Feeds a token and guesses of those after it, at most [`LOGIT_ROWS`] in all. Only the token
    /// counts as fed; there are logits after it (row 0) and after each guess.
    pub(crate) fn feed_guesses(&mut self, tokens: &[u32]) -> Result<(), Error> {
        self.check(tokens)?;
        self.run(tokens, Wanted::Each, &mut Silent);
        self.computed -= tokens.len() - 1;
        Ok(())
    }

    /// Counts the next guess as fed.
    pub(crate) fn accept_guess(&mut self) {
        self.computed += 1;
    }

    /// Whether guesses may be fed with a token, as many as there are rows of logits.
    pub(crate) fn takes_guesses(&self) -> bool {
        LOGIT_ROWS > 1 && LOGIT_ROWS <= self.batch && LOGIT_ROWS <= CONTEXT - self.position()
    }

    /// The tokens that were fed, as the bits of words.
    pub(crate) fn history(&mut self) -> &[f32] {
        let position = self.position();
        &memory::tokens(&mut self.memory).0[..position]
    }

    /// How many of them are in the KV cache.
    pub(crate) fn computed(&self) -> usize {
        self.computed
    }

    /// The logits after the last token that was fed; with guesses, those of a row.
    pub(crate) fn logits(&mut self, row: usize) -> &mut [f32] {
        memory::logits(&mut self.memory, row)
    }

    fn check(&self, tokens: &[u32]) -> Result<(), Error> {
        if tokens.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        if tokens.len() > CONTEXT - self.position() {
            return Err(Error::ContextFull { context: CONTEXT });
        }
        match tokens.iter().find(|&&id| id as usize >= VOCAB_SIZE) {
            Some(&id) => Err(Error::InvalidToken(id)),
            None => Ok(()),
        }
    }

    /// Counts a token as fed that an earlier answer had here; there is room for it.
    pub(crate) fn owe(&mut self, token: u32) {
        let position = self.position();
        memory::tokens(&mut self.memory).0[position] = f32::from_bits(token);
        self.owed += 1;
    }

    /// Feeds what is owed.
    pub(crate) fn settle(&mut self) {
        let end = self.computed + core::mem::take(&mut self.owed);
        while self.computed < end {
            let mut tokens = [0; BATCH];
            let count = self.batch.min(end - self.computed);
            let (history, _) = memory::tokens(&mut self.memory);
            for (token, fed) in tokens.iter_mut().zip(&history[self.computed..][..count]) {
                *token = fed.to_bits();
            }
            self.run(&tokens[..count], Wanted::Nothing, &mut Silent);
        }
    }

    fn run(&mut self, tokens: &[u32], wanted: Wanted, observer: &mut dyn Observer) {
        self.settle();
        let batch = Batch {
            tokens,
            position: self.computed,
            wanted,
        };
        self.instruction_set.run(
            self.threads,
            &self.weights,
            &mut self.memory,
            &mut self.activations,
            batch,
            observer,
        );
        let (history, _) = memory::tokens(&mut self.memory);
        let history = &mut history[self.computed..];
        for (place, &token) in history.iter_mut().zip(tokens) {
            *place = f32::from_bits(token);
        }
        self.computed += tokens.len();
        for written in &mut self.written {
            *written = self.computed.max(*written);
        }
    }
}

/// More threads than cores would wait for each other.
fn default_threads() -> usize {
    #[cfg(feature = "std")]
    if let Ok(cores) = std::thread::available_parallelism() {
        return DEFAULT_THREADS.min(cores.get());
    }
    DEFAULT_THREADS
}

struct Silent;

impl Observer for Silent {}

struct Shown<F> {
    first: usize,
    batch: usize,
    show: F,
}

impl<F: FnMut(usize, &mut [f32])> Observer for Shown<F> {
    fn logits(&mut self, row: usize, logits: &mut [f32]) {
        (self.show)(self.first + row, logits);
        if row + 1 == self.batch {
            self.first += self.batch;
        }
    }
}
