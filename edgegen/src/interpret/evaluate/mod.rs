//! How well a program predicts a text, and how far it is from another program.

mod logits;
mod windows;

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::error::Result;
use crate::program::{Program, check_sessions};
use crate::progress::Steps;

use super::{Interpreter, Observer};
use logits::{compare, log_sum};
use windows::Windows;

pub use logits::divergence;
pub use windows::Score;

/// A candidate beside its reference, over the same text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// How well the reference predicts the text.
    pub reference: Score,
    /// How well the candidate does.
    pub candidate: Score,
    /// How alike their predictions are; `None` where their tokens differ.
    pub agreement: Option<Agreement>,
}

/// How alike two programs predict, over the predicted tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// Mean Kullback–Leibler divergence KL(reference ‖ candidate), in nats a token.
    pub divergence: f64,
    /// Fraction of predictions with the same most probable token.
    pub top1: f64,
}

impl Evaluation {
    /// The candidate's perplexity for each token of the reference: with other tokens, the one
    /// that gives the candidate's bits per byte.
    pub fn candidate_perplexity(&self) -> f64 {
        self.candidate.perplexity_in_tokens_of(&self.reference)
    }
}

/// Runs both programs over a text, in consecutive windows of `window` tokens, each with an empty
/// KV cache, as the generated crate's `score` does. With the same tokens they run in lock-step,
/// so that no more logits are held than those of a batch; else one after the other.
///
/// # Errors
///
/// When a window has fewer than two tokens or more than a program's context, when the text has
/// nothing to predict, when this machine has not the memory, or when a logit is not finite.
pub fn evaluate(
    reference: &Program,
    candidate: &Program,
    text: &str,
    window: usize,
    progress: Steps<'_>,
) -> Result<Evaluation> {
    if have_same_tokens(reference, candidate) {
        let windows = Windows::new(reference, text, window)?;
        let both = [reference.shapes(), candidate.shapes()];
        check_sessions(threads(&windows), &both)?;
        return lock_step(reference, candidate, &windows, progress);
    }
    Ok(Evaluation {
        reference: score(reference, text, window, &|done, all| {
            progress(done, 2 * all)
        })?,
        candidate: score(candidate, text, window, &|done, all| {
            progress(all + done, 2 * all);
        })?,
        agreement: None,
    })
}

/// Whether predictions of the two can be compared one by one.
pub fn have_same_tokens(a: &Program, b: &Program) -> bool {
    a.tokenizer() == b.tokenizer() && a.shapes().vocab_size == b.shapes().vocab_size
}

/// How well a program predicts a text, as [`evaluate`] says it of two.
///
/// # Errors
///
/// As [`evaluate`].
pub fn score(program: &Program, text: &str, window: usize, progress: Steps<'_>) -> Result<Score> {
    let windows = Windows::new(program, text, window)?;
    check_sessions(threads(&windows), &[program.shapes()])?;
    alone(program, &windows, progress)
}

/// Windows that are run at once.
fn threads(windows: &Windows) -> usize {
    rayon::current_num_threads().min(windows.len())
}

fn lock_step(
    reference: &Program,
    candidate: &Program,
    windows: &Windows,
    progress: Steps<'_>,
) -> Result<Evaluation> {
    let batch = reference.shapes().batch;
    let sums = each(windows, progress, |window| {
        let mut reference = Interpreter::new(reference, 1);
        let mut candidate = Interpreter::new(candidate, 1);
        let mut sums = Sums::default();
        let mut kept = Vec::new();
        for (tokens, next) in batches(window, batch) {
            kept.clear();
            reference.feed(tokens, &mut Keep(&mut kept));
            let mut beside = kept.chunks(kept.len() / tokens.len()).zip(next);
            let sums = &mut sums;
            candidate.feed(
                tokens,
                &mut Compare {
                    beside: &mut beside,
                    sums,
                },
            );
        }
        sums
    });
    let predicted = windows.predicted() as f64;
    Ok(Evaluation {
        reference: windows.score(sums.iter().map(|sums| sums.reference))?,
        candidate: windows.score(sums.iter().map(|sums| sums.candidate))?,
        agreement: Some(Agreement {
            divergence: sums.iter().map(|sums| sums.divergence).sum::<f64>() / predicted,
            top1: sums.iter().map(|sums| sums.same).sum::<usize>() as f64 / predicted,
        }),
    })
}

fn alone(program: &Program, windows: &Windows, progress: Steps<'_>) -> Result<Score> {
    let batch = program.shapes().batch;
    let sums = each(windows, progress, |window| {
        let mut interpreter = Interpreter::new(program, 1);
        let mut nats = 0.0;
        for (tokens, next) in batches(window, batch) {
            let mut next = next.iter();
            interpreter.feed(
                tokens,
                &mut Predict {
                    next: &mut next,
                    nats: &mut nats,
                },
            );
        }
        nats
    });
    windows.score(sums.into_iter())
}

/// Runs every window, on all cores. The results are in the order of the text, so that sums over
/// them do not depend on the threads.
fn each<T: Send>(
    windows: &Windows,
    progress: Steps<'_>,
    run: impl Fn(&[u32]) -> T + Sync + Send,
) -> Vec<T> {
    let done = AtomicUsize::new(0);
    let all = windows.list();
    all.par_iter()
        .map(|window| {
            let result = run(window);
            progress(1 + done.fetch_add(1, Ordering::Relaxed), all.len());
            result
        })
        .collect()
}

/// The tokens of a window that are fed together, each beside the token that it shall predict.
fn batches(window: &[u32], batch: usize) -> impl Iterator<Item = (&[u32], &[u32])> {
    let fed = &window[..window.len() - 1];
    fed.chunks(batch).zip(window[1..].chunks(batch))
}

/// Over one window.
#[derive(Default)]
struct Sums {
    /// Nats of the predicted tokens.
    reference: f64,
    candidate: f64,
    divergence: f64,
    /// Predictions with the same most probable token.
    same: usize,
}

/// Keeps logits.
struct Keep<'a>(&'a mut Vec<f32>);

impl Observer for Keep<'_> {
    fn logits(&mut self, logits: &[f32]) {
        self.0.extend_from_slice(logits);
    }
}

/// Adds up how the candidate's logits compare with the reference's.
struct Compare<'a, I> {
    /// The reference's logits and the token that comes next.
    beside: &'a mut I,
    sums: &'a mut Sums,
}

impl<'t, I: Iterator<Item = (&'t [f32], &'t u32)>> Observer for Compare<'_, I> {
    fn logits(&mut self, logits: &[f32]) {
        let Some((reference, &next)) = self.beside.next() else {
            return;
        };
        let found = compare(reference, logits);
        self.sums.reference += found.reference.nats(reference[next as usize]);
        self.sums.candidate += found.candidate.nats(logits[next as usize]);
        self.sums.divergence += found.divergence;
        self.sums.same += usize::from(found.same);
    }
}

/// Adds up the nats of the tokens that come next.
struct Predict<'a, I> {
    next: &'a mut I,
    nats: &'a mut f64,
}

impl<'t, I: Iterator<Item = &'t u32>> Observer for Predict<'_, I> {
    fn logits(&mut self, logits: &[f32]) {
        if let Some(&next) = self.next.next() {
            *self.nats += log_sum(logits).nats(logits[next as usize]);
        }
    }
}
