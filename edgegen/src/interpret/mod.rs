//! Runs a Program on this machine, with the kernels and the pass that the
//! generated crate has.

mod bake;
mod evaluate;
mod golden;
mod machine;

use std::ops::Range;

use edgegen_templates::crew::with_crew;
use edgegen_templates::frame::{self, CacheShape, Frame};
use edgegen_templates::team::Team;
use runtime_kernels::{Cache, Isa, Q8Block, in_default_mode};

use crate::isa;
use crate::profile::InstructionSet;
use crate::program::{Operation, Program, Shapes, State};

pub use bake::bake;
pub use evaluate::{Agreement, Evaluation, Score, divergence, evaluate, have_same_tokens, score};
pub use golden::golden;
use machine::{Running, place};

/// A program with memory of its own: a session of the model.
pub struct Interpreter<'p> {
    program: &'p Program,
    instruction_set: InstructionSet,
    threads: usize,
    cache: Vec<f32>,
    arena: Vec<f32>,
    activations: Vec<Q8Block>,
    position: usize,
}

/// Sees results as they are computed.
pub trait Observer {
    /// The residual stream of the next token after a stage: 0 is the
    /// embedding, `i + 1` is layer `i`. `[hidden_size]`.
    fn stage(&mut self, _stage: usize, _residual: &[f32]) {}

    /// The logits of the next position, `[vocab_size]`.
    fn logits(&mut self, _logits: &[f32]) {}
}

impl<'p> Interpreter<'p> {
    /// A session on the fastest instruction set of this machine, with `threads` threads.
    pub fn new(program: &'p Program, threads: usize) -> Self {
        let shapes = program.shapes();
        Self {
            program,
            instruction_set: isa::best(),
            threads: threads.max(1),
            cache: vec![0.0; shapes.kv_cache_len()],
            // What no operation wrote must not matter: here, every test would see it.
            arena: vec![f32::NAN; shapes.arena],
            activations: vec![Q8Block::ZERO; shapes.activation_blocks],
            position: 0,
        }
    }

    /// Chooses an instruction set that this machine has.
    #[must_use]
    pub fn on(mut self, instruction_set: InstructionSet) -> Self {
        self.instruction_set = instruction_set;
        self
    }

    /// Forgets everything that was fed.
    pub fn reset(&mut self) {
        self.position = 0;
    }

    /// Runs tokens, and shows `observer` the logits after each.
    ///
    /// # Panics
    ///
    /// When the tokens exceed the context, or an id the vocabulary.
    pub fn feed(&mut self, tokens: &[u32], observer: &mut dyn Observer) {
        let shapes = self.program.shapes();
        assert!(
            self.position + tokens.len() <= shapes.context,
            "more tokens than the context holds"
        );
        for batch in tokens.chunks(shapes.batch) {
            let instruction_set = self.instruction_set;
            let pass = Batch {
                interpreter: self,
                tokens: batch,
                observer,
            };
            in_default_mode(|| isa::with(instruction_set, pass));
            self.position += batch.len();
        }
    }
}

/// One batch, to be run on some instruction set.
struct Batch<'a, 'p> {
    interpreter: &'a mut Interpreter<'p>,
    tokens: &'a [u32],
    observer: &'a mut dyn Observer,
}

impl isa::Run for Batch<'_, '_> {
    fn run<I: Isa>(self, isa: I) {
        let this = self.interpreter;
        let mut pass = Pass {
            program: this.program,
            arena: &mut this.arena,
            activations: &mut this.activations,
            tokens: self.tokens,
            position: this.position,
            observer: self.observer,
        };
        with_crew(isa, this.threads, &mut this.cache, |crew| pass.run(crew));
    }
}

struct Pass<'a, 'p> {
    program: &'p Program,
    arena: &'a mut [f32],
    activations: &'a mut [Q8Block],
    tokens: &'a [u32],
    position: usize,
    observer: &'a mut dyn Observer,
}

impl<'p> Pass<'_, 'p> {
    fn run<T: Team<'p>>(&mut self, team: &mut T) {
        let program = self.program;
        let tokens = self.tokens;
        self.stage(team, &program.code.embedding, 0..tokens.len());
        self.observe(0);
        for (index, layer) in program.code.layers.iter().enumerate() {
            self.stage(team, layer, 0..tokens.len());
            self.observe(index + 1);
        }
        let logits = &program.code.logits;
        let rows = program.shapes.logit_rows();
        for first in (0..tokens.len()).step_by(rows) {
            let rows = first..tokens.len().min(first + rows);
            self.frame(team)
                .select(place(&program.code.residual), rows.clone());
            self.stage(team, &program.code.head, rows.clone());
            for row in 0..rows.len() {
                let logits = &self.arena[logits.start + row * logits.stride..];
                self.observer.logits(&logits[..program.shapes.vocab_size]);
            }
        }
    }

    /// Runs operations on some tokens of the batch, which come first in what they read.
    fn stage<T: Team<'p>>(
        &mut self,
        team: &mut T,
        operations: &'p [Operation],
        tokens: Range<usize>,
    ) {
        let mut machine = Running {
            program: self.program,
            tokens: &self.tokens[tokens.clone()],
            frame: self.frame(team),
        };
        machine.frame.tokens = tokens.len();
        for operation in operations {
            operation.run(&mut machine);
        }
    }

    fn frame<'f, T: Team<'p>>(&'f mut self, team: &'f mut T) -> Frame<'f, T> {
        Frame {
            team,
            arena: self.arena,
            activations: self.activations,
            tokens: self.tokens.len(),
            position: self.position,
        }
    }

    fn observe(&mut self, stage: usize) {
        let residual = &self.program.code.residual;
        for token in 0..self.tokens.len() {
            let row = &self.arena[residual.start + token * residual.stride..];
            self.observer
                .stage(stage, &row[..self.program.shapes.hidden_size]);
        }
    }
}

/// A layer's part of the KV cache, of a format.
fn kept<C: Cache>(shapes: &Shapes, State { start, shape }: State, format: C) -> frame::State<C> {
    let cache = CacheShape {
        format,
        positions: shape.positions,
        window: shape.window,
        heads: shapes.num_key_value_heads,
        head_dim: shapes.head_dim,
    };
    cache.at(start)
}
