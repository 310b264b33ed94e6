//! Training over random commands, two halves of a batch side by side.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use tokenizers::Tokenizer;

use crate::generate::{Generator, MAX_COMMAND, Natural, Split};
use crate::model::{CONTEXT, Tables, Weights, forward};
use crate::normalized;
use crate::optimizer::Optimizer;
use crate::random::{Rng, chance};
use crate::vocabulary::{END, encode};

/// Sequences of a half batch.
const HALF: usize = 64;
/// Half batches that are made together, so that equal lengths meet.
const POOL: usize = 32;
/// Share of commands with typing errors.
const NOISE: f64 = 0.25;
const WARM_UP: usize = 100;
const CLIP: f64 = 1.0;

/// Tokens of a half batch and where the answers are.
struct Batch {
    /// `[HALF, length]`
    tokens: Tensor,
    /// Flat positions whose next token is part of an answer.
    positions: Tensor,
    /// Those tokens.
    targets: Tensor,
}

/// Makes batches without end; what is in `held_out` is left out.
struct Batches<'a> {
    generator: Generator,
    natural: &'a Natural,
    tokenizer: &'a Tokenizer,
    held_out: HashSet<String>,
    rng: Rng,
    ready: Vec<Vec<(Vec<u32>, usize)>>,
}

impl Batches<'_> {
    fn next(&mut self) -> Result<Batch> {
        if self.ready.is_empty() {
            self.refill()?;
        }
        let sequences = self.ready.pop().context("batches were made")?;
        let length = sequences
            .iter()
            .map(|(ids, _)| ids.len())
            .max()
            .context("a batch has sequences")?
            - 1;
        let (mut tokens, mut positions, mut targets) = (Vec::new(), Vec::new(), Vec::new());
        for (row, (ids, answer)) in sequences.iter().enumerate() {
            for at in 0..length {
                tokens.push(if at + 1 < ids.len() { ids[at] } else { END });
                if at + 1 >= *answer && at + 1 < ids.len() {
                    positions.push((row * length + at) as u32);
                    targets.push(ids[at + 1]);
                }
            }
        }
        let count = positions.len();
        Ok(Batch {
            tokens: Tensor::from_vec(tokens, (sequences.len(), length), &Device::Cpu)?,
            positions: Tensor::from_vec(positions, count, &Device::Cpu)?,
            targets: Tensor::from_vec(targets, count, &Device::Cpu)?,
        })
    }

    fn refill(&mut self) -> Result<()> {
        let mut pool = Vec::new();
        // Each sentence of people comes about as often as a frame does.
        let share = 0.12 * (self.natural.len() as f64 / 500.0).min(1.0);
        while pool.len() < HALF * POOL {
            let example = match chance(&mut self.rng, share) {
                true => self.natural.example(&mut self.rng, NOISE),
                false => self.generator.example(&mut self.rng),
            };
            if example.command.len() > MAX_COMMAND
                || self.held_out.contains(&normalized(&example.command))
            {
                continue;
            }
            let (ids, answer) = encode(self.tokenizer, &example)?;
            if ids.len() <= CONTEXT {
                pool.push((ids, answer));
            }
        }
        pool.sort_by_key(|(ids, _)| ids.len());
        self.ready = pool.chunks(HALF).map(<[_]>::to_vec).collect();
        self.ready.shuffle(&mut self.rng);
        Ok(())
    }
}

/// How long to train, from where and to where.
#[derive(Debug, clap::Args)]
pub struct Run {
    /// Steps of 128 commands.
    #[arg(long, default_value_t = 4600)]
    steps: usize,
    /// Weights of an earlier run to go on from, at half the learning rate.
    #[arg(long)]
    from: Option<PathBuf>,
    /// Where the f32 weights are kept.
    #[arg(long, default_value = "target/homectl.safetensors")]
    pub out: PathBuf,
}

/// Trains for a number of steps and keeps the weights in `out`.
///
/// # Errors
/// If candle fails or the file cannot be written.
pub fn train(
    run: &Run,
    tokenizer: &Tokenizer,
    natural: &Natural,
    held_out: HashSet<String>,
) -> Result<()> {
    let steps = run.steps;
    let peak = if run.from.is_some() { 0.5 } else { 1.0 };
    let weights = Weights::new(1)?;
    if let Some(from) = &run.from {
        let known = candle_core::safetensors::load(from, &Device::Cpu)?;
        for (name, var) in &weights.vars {
            var.set(known.get(name).context("the weights are of this model")?)?;
        }
    }
    let tables = Tables::new()?;
    let vars: Vec<Var> = weights.vars.iter().map(|(_, var)| var.clone()).collect();
    println!(
        "{} parameters",
        vars.iter().map(|var| var.elem_count()).sum::<usize>()
    );
    let mut optimizer = Optimizer::new(&weights.vars)?;
    let mut batches = Batches {
        generator: Generator::new(Split::Train, NOISE)?,
        natural,
        tokenizer,
        held_out,
        rng: Rng::seed_from_u64(if run.from.is_some() { 4 } else { 3 }),
        ready: Vec::new(),
    };
    let start = Instant::now();
    let mut sum = 0.0;
    for step in 0..steps {
        // From the half on, one half of each batch meets the errors of q4.
        let halves = [
            (batches.next()?, run.from.is_some() || 2 * step >= steps),
            (batches.next()?, false),
        ];
        let results = std::thread::scope(|scope| {
            let threads = halves.map(|(batch, q4)| {
                let (weights, tables) = (&weights, &tables);
                scope.spawn(move || gradients(weights, tables, &batch, q4))
            });
            threads.map(|thread| {
                thread
                    .join()
                    .map_err(|_| anyhow!("a thread of training failed"))?
            })
        });
        let [first, second] = results;
        let ((a, mut grads), (b, other)) = (first?, second?);
        average(&vars, &mut grads, &other)?;
        optimizer.step(&grads, peak * rate(step, steps))?;
        sum += (a + b) / 2.0;
        if (step + 1) % 100 == 0 {
            println!(
                "step {} of {steps}, loss {:.5}, {:.0} s",
                step + 1,
                sum / 100.0,
                start.elapsed().as_secs_f64()
            );
            sum = 0.0;
        }
        if (step + 1) % 500 == 0 || step + 1 == steps {
            let tensors = weights
                .vars
                .iter()
                .map(|(name, var)| (name.clone(), var.as_tensor().clone()))
                .collect();
            candle_core::safetensors::save(&tensors, &run.out)?;
        }
    }
    Ok(())
}

/// Rises, then falls to nothing.
fn rate(step: usize, steps: usize) -> f64 {
    let warm = (step + 1) as f64 / WARM_UP as f64;
    let left = (steps - step) as f64 / (0.6 * steps as f64);
    warm.min(1.0) * left.min(1.0)
}

fn gradients(
    weights: &Weights,
    tables: &Tables,
    batch: &Batch,
    q4: bool,
) -> Result<(f64, GradStore)> {
    let tensors = weights.tensors(q4)?;
    let x = forward(&tensors, tables, &batch.tokens, &batch.positions)?;
    let logits = x.matmul(&tensors["model.embed_tokens.weight"].t()?)?;
    let loss = candle_nn::loss::cross_entropy(&logits, &batch.targets)?;
    let grads = loss.backward()?;
    Ok((f64::from(loss.to_scalar::<f32>()?), grads))
}

/// The mean of two gradients, its norm clipped, into the first.
fn average(vars: &[Var], grads: &mut GradStore, other: &GradStore) -> Result<()> {
    let mut square = 0.0;
    for var in vars {
        let pair = grads
            .remove(var)
            .zip(other.get(var))
            .context("every weight has a gradient")?;
        let mean = ((pair.0 + pair.1)? * 0.5)?;
        square += f64::from(mean.sqr()?.sum_all()?.to_scalar::<f32>()?);
        grads.insert(var, mean);
    }
    let norm = square.sqrt();
    if norm > CLIP {
        for var in vars {
            let grad = grads.remove(var).context("every weight has a gradient")?;
            grads.insert(var, (grad * (CLIP / norm))?);
        }
    }
    Ok(())
}
