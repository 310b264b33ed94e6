//! Measures what a choice costs.

use std::cell::OnceCell;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cache::Key;
use crate::compress::compress_cached;
use crate::error::{Error, Kind, Remedy, Result, Setting};
use crate::interpret::{Evaluation, Score, evaluate, have_same_tokens, score};
use crate::model::Model;
use crate::plan::{Plan, Quant};
use crate::program::Program;

use super::task::Task;

/// Tokens of a window.
const WINDOW: usize = 256;
/// Bytes of the text that show whether it suits the model.
const SOME_BYTES: usize = 4096;

/// What a choice costs on the text that is held out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    /// What the text's tokens cost more than with the original, in nats for each of the original's.
    pub nats: f64,
    /// KL divergence from the original, in nats a token; `None` where tokens are left out.
    pub divergence: Option<f64>,
    /// Perplexity as a multiple of the original's.
    pub perplexity_ratio: f64,
}

impl Loss {
    fn of(evaluation: &Evaluation) -> Self {
        let ratio = evaluation.candidate_perplexity() / evaluation.reference.perplexity();
        Self {
            nats: libm::log(ratio),
            divergence: evaluation.agreement.map(|agreement| agreement.divergence),
            perplexity_ratio: ratio,
        }
    }

    /// Whether less is lost. The divergence says it best, where there are two.
    pub(super) fn is_less_than(&self, other: &Self) -> bool {
        match (self.divergence, other.divergence) {
            (Some(own), Some(other)) => own < other,
            _ => self.nats < other.nats,
        }
    }

    /// What a goal speaks of: the divergence, or what comes nearest to it.
    pub(super) fn of_goal(&self) -> f64 {
        self.divergence.unwrap_or(self.nats)
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} times the perplexity", self.perplexity_ratio)?;
        match self.divergence {
            Some(divergence) => write!(f, ", KL divergence {divergence:.4}"),
            None => Ok(()),
        }
    }
}

/// The original, and how others are compared with it.
pub(super) struct Bench<'a> {
    task: &'a Task<'a>,
    digest: String,
    original: Program,
    /// Tokens of a window.
    window: usize,
    /// How well the original predicts the text, once that was asked for.
    score: OnceCell<Score>,
}

impl<'a> Bench<'a> {
    /// The model as it is stored, by its plan.
    ///
    /// # Errors
    ///
    /// When the text says nothing of the model, since that predicts it worse than chance.
    pub(super) fn new(model: &Model, as_stored: &Plan, task: &'a Task<'a>) -> Result<Self> {
        let original = compress_cached(model, as_stored, task.cache, &|_, _| {})?;
        let text = task.texts.held_out();
        let some = &text[..text.floor_char_boundary(SOME_BYTES)];
        let window = original.shapes().context.min(WINDOW);
        if window < 2 {
            return Err(Error::option(
                "context",
                "in a session of 1 token nothing can be predicted, so that nothing can be measured",
            )
            .remedy("give 2 or more"));
        }
        let found = evaluate(&original, &original, some, window, &|_, _| {})?;
        let (perplexity, tokens) = (found.reference.perplexity(), original.shapes().vocab_size);
        if perplexity > 2.0 * tokens as f64 {
            let text = match task.texts.are_built_in() {
                true => "the built-in text",
                false => "the text",
            };
            let problem = format!(
                "the model predicts {text} worse than chance (perplexity {perplexity:.0} with {tokens} tokens), \
                 so that nothing can be measured on it"
            );
            let unmeasured = "choose a format with `edgegen emit --quant`";
            return Err(
                Error::of(Kind::Option, problem).remedy(match model.is_built_in() {
                    true => Remedy::from(unmeasured)
                        .say(": homectl's README has its accuracy in `f16`, `q8` and `q4`"),
                    false => Remedy::from("give a text of the kind that the model sees with ")
                        .set(Setting::bare("calibration", "FILE"))
                        .or(Remedy::from(unmeasured).say(", which measures nothing")),
                }),
            );
        }
        Ok(Self {
            task,
            digest: model.digest().to_owned(),
            original,
            window,
            score: OnceCell::new(),
        })
    }

    /// What a smaller vocabulary costs, in the formats of the file.
    pub(super) fn vocabulary(&self, model: &Model) -> Result<Loss> {
        let plan = self.task.plain(model, Quant::Keep)?;
        self.measure(model, &plan)
    }

    /// What a plan costs.
    pub(super) fn measure(&self, model: &Model, plan: &Plan) -> Result<Loss> {
        let mut key = Key::new("loss")
            .with(&self.digest)
            .with_value(model.architecture())
            .with_value(&plan.sizes())
            .with(if plan.calibrated() {
                plan.calibration()
            } else {
                ""
            })
            .with(self.task.texts.calibration())
            .with(self.task.texts.held_out());
        for format in plan.formats().values() {
            key = key.with(format.name());
        }
        let measured = self.task.cache.get_or(&key, || {
            let program = compress_cached(model, plan, self.task.cache, &|done, all| {
                (self.task.progress)("calibrating a choice", done, all);
            })?;
            let found = self.compare(&program)?;
            Ok(serde_json::to_vec(&Loss::of(&found)).expect("numbers are JSON"))
        })?;
        match serde_json::from_slice(&measured) {
            Ok(loss) => Ok(loss),
            // A loss that is not finite has no JSON.
            Err(_) => Ok(Loss {
                nats: f64::INFINITY,
                divergence: None,
                perplexity_ratio: f64::INFINITY,
            }),
        }
    }

    /// A choice beside the original, over the text that is held out.
    fn compare(&self, program: &Program) -> Result<Evaluation> {
        let (text, window) = (self.task.texts.held_out(), self.window);
        let progress = |done, all| (self.task.progress)("predicting a text with it", done, all);
        if have_same_tokens(&self.original, program) {
            return evaluate(&self.original, program, text, window, &progress);
        }
        // Alone, it gives the same each time.
        let reference = match self.score.get() {
            Some(known) => *known,
            None => {
                let found = score(&self.original, text, window, &progress)?;
                *self.score.get_or_init(|| found)
            }
        };
        Ok(Evaluation {
            reference,
            candidate: score(program, text, window, &progress)?,
            agreement: None,
        })
    }
}
