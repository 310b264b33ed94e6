//! Runs a Program on this machine, with the kernels and the pass that the
//! generated crate has.

mod bake;
mod evaluate;
mod golden;

use edgegen_templates::crew::with_crew;
use edgegen_templates::frame::{AttentionShape, CacheShape, Frame, Region};
use edgegen_templates::team::Team;
use runtime_kernels::{
    F16, F32, F32Cache, I8Cache, Isa, Q4, Q4M, Q8, Q8Block, T2, T3, T4, in_default_mode,
};

use crate::isa;
use crate::plan::activation_blocks;
use crate::profile::InstructionSet;
use crate::program::{Buffer, CacheFormat, Matrix, Operation, Part, Program, Shapes, WeightFormat};

pub use bake::bake;
pub use evaluate::{Agreement, Evaluation, Score, divergence, evaluate};
pub use golden::golden;

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
            arena: vec![0.0; program.arena.floats()],
            activations: vec![Q8Block::ZERO; activation_blocks(shapes)],
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
        let residual = region(program, Buffer::Residual);
        let embedding = &program.embedding;
        let blocks = embedding.cols.div_ceil(32);
        let parts = parts(program, embedding);
        let mut frame = self.frame(team);
        match embedding.format {
            WeightFormat::F32 => frame.embed::<F32, _>(&parts, blocks, tokens, residual),
            WeightFormat::F16 => frame.embed::<F16, _>(&parts, blocks, tokens, residual),
            WeightFormat::Q8 => frame.embed::<Q8, _>(&parts, blocks, tokens, residual),
            WeightFormat::Q4 => frame.embed::<Q4, _>(&parts, blocks, tokens, residual),
            WeightFormat::Q4M => frame.embed::<Q4M, _>(&parts, blocks, tokens, residual),
            WeightFormat::T4 => frame.embed::<T4, _>(&parts, blocks, tokens, residual),
            WeightFormat::T3 => frame.embed::<T3, _>(&parts, blocks, tokens, residual),
            WeightFormat::T2 => frame.embed::<T2, _>(&parts, blocks, tokens, residual),
        }
        self.observe(0);
        for (index, layer) in program.layers.iter().enumerate() {
            let mut frame = self.frame(team);
            for operation in &layer.operations {
                step(program, &mut frame, index, operation);
            }
            self.observe(index + 1);
        }
        let logits = program.arena.region(Buffer::Logits);
        for first in (0..tokens.len()).step_by(logits.rows) {
            let rows = first..tokens.len().min(first + logits.rows);
            let mut frame = self.frame(team);
            frame.select(residual, rows.clone());
            for operation in &program.head {
                step(program, &mut frame, 0, operation);
            }
            for row in 0..rows.len() {
                let logits = &self.arena[logits.start + row * logits.width..];
                self.observer.logits(&logits[..program.shapes.vocab_size]);
            }
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
        let residual = self.program.arena.region(Buffer::Residual);
        for token in 0..self.tokens.len() {
            let row = &self.arena[residual.start + token * residual.width..];
            self.observer
                .stage(stage, &row[..self.program.shapes.hidden_size]);
        }
    }
}

fn cache_shape<C>(shapes: &Shapes, format: C) -> CacheShape<C> {
    CacheShape {
        format,
        context: shapes.kv_positions(),
        heads: shapes.num_key_value_heads,
        head_dim: shapes.head_dim,
    }
}

fn region(program: &Program, buffer: Buffer) -> Region {
    let region = program.arena.region(buffer);
    Region {
        start: region.start,
        width: region.width,
    }
}

fn bytes<'p>(program: &'p Program, part: &Part) -> &'p [u8] {
    program.files.bytes(part)
}

fn parts<'p>(program: &'p Program, matrix: &Matrix) -> Vec<&'p [u8]> {
    matrix
        .parts
        .iter()
        .map(|part| bytes(program, part))
        .collect()
}

fn step<'p, T: Team<'p>>(
    program: &'p Program,
    frame: &mut Frame<'_, T>,
    layer: usize,
    operation: &Operation,
) {
    let shapes = &program.shapes;
    let region = |buffer| region(program, buffer);
    let qkv = region(Buffer::QueryKeyValue);
    match operation {
        Operation::RmsNorm {
            gain,
            input,
            output,
            ..
        } => frame.rms_norm(
            bytes(program, &gain.part),
            shapes.rms_norm_eps,
            shapes.hidden_size,
            region(*input),
            region(*output),
        ),
        Operation::Quantize { input } => frame.quantize(region(*input)),
        Operation::MatMul {
            matrix,
            input,
            output,
            start,
            ..
        } => {
            let parts = parts(program, matrix);
            let blocks = matrix.cols.div_ceil(32);
            let (input, output, start) = (region(*input), region(*output), *start);
            match matrix.format {
                WeightFormat::F32 => frame.mat_mul::<F32, _>(&parts, blocks, input, output, start),
                WeightFormat::F16 => frame.mat_mul::<F16, _>(&parts, blocks, input, output, start),
                WeightFormat::Q8 => frame.mat_mul::<Q8, _>(&parts, blocks, input, output, start),
                WeightFormat::Q4 => frame.mat_mul::<Q4, _>(&parts, blocks, input, output, start),
                WeightFormat::Q4M => frame.mat_mul::<Q4M, _>(&parts, blocks, input, output, start),
                WeightFormat::T4 => frame.mat_mul::<T4, _>(&parts, blocks, input, output, start),
                WeightFormat::T3 => frame.mat_mul::<T3, _>(&parts, blocks, input, output, start),
                WeightFormat::T2 => frame.mat_mul::<T2, _>(&parts, blocks, input, output, start),
            }
        }
        Operation::AddBias {
            bias,
            buffer,
            start,
            ..
        } => frame.add_bias(bytes(program, &bias.part), region(*buffer), *start),
        Operation::Rope { start, heads } => frame.rope(
            bytes(program, &program.rope.part),
            qkv,
            *start,
            (*heads, shapes.head_dim, shapes.rope_pairs),
        ),
        Operation::StoreKeyValue { key, value } => match shapes.kv_cache {
            CacheFormat::F32 => {
                frame.store(cache_shape(shapes, F32Cache), layer, qkv, *key, *value);
            }
            CacheFormat::I8 => {
                frame.store(cache_shape(shapes, I8Cache), layer, qkv, *key, *value);
            }
        },
        Operation::Attention => {
            let attention = AttentionShape {
                heads: shapes.num_attention_heads,
                head_dim: shapes.head_dim,
                heads_per_kv: shapes.num_attention_heads / shapes.num_key_value_heads,
                scale: shapes.attention_scale,
                input: qkv,
                scores: region(Buffer::Scores),
                output: region(Buffer::Attended),
            };
            match shapes.kv_cache {
                CacheFormat::F32 => {
                    frame.attention(attention, cache_shape(shapes, F32Cache), layer);
                }
                CacheFormat::I8 => {
                    frame.attention(attention, cache_shape(shapes, I8Cache), layer);
                }
            }
        }
        Operation::SiluMul { up } => {
            frame.silu_mul(region(Buffer::GateUp), *up, region(Buffer::Hidden));
        }
        Operation::AddResidual => frame.add(region(Buffer::Normed), region(Buffer::Residual)),
    }
}
