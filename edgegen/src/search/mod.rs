//! Model + Profile → the formats and the vocabulary that fit with the least loss, by measurement.
//!
//! What an error in each matrix costs is measured once ([`sensitivity`]), and so is what smaller
//! vocabularies cost. From that follows a choice for any budget; the most promising ones are
//! compressed and compared with the original on a text that calibration does not see.

mod assign;
mod bench;
mod task;
mod vocabulary;

use std::collections::BTreeMap;

use crate::compress::{Sensitivity, sensitivity};
use crate::error::{Error, Remedy, Result, Setting};
use crate::graph::Shape;
use crate::model::{Model, TensorKey};
use crate::plan::{
    Action, Plan, PlanFile, Quant, Request, Schedule, Step, least_bytes, vocabularies,
};
use crate::program::WeightFormat;
use crate::prune;
use crate::size::apart;

use bench::Bench;
pub use bench::Loss;
pub use task::{Goal, Task};
use vocabulary::{FORMATS, Vocabulary};

/// How far the differences between matrices are trusted: what is right differs from model to model,
/// and is measured. The vocabulary is chosen with the first.
const TRUST: [f64; 3] = [0.5, 1.0, 0.0];
/// Vocabularies that are compressed and measured, at most.
const VOCABULARIES: usize = 3;
/// Tokens of a model whose sensitivity is measured, at most: rarer ones take most of the time, and say
/// next to nothing.
const PROBED: usize = 65_536;
/// Choices that are compressed and measured to find the smallest within a loss.
const TRIES: usize = 5;

/// What a search found.
#[derive(Debug, Clone)]
pub struct Solution {
    /// The model with its vocabulary.
    pub model: Model,
    /// What is done with it, and why.
    pub schedule: Schedule,
    /// The same, to be kept.
    pub file: PlanFile,
    /// The measured loss; `None` where nothing is lost but what the formats of the file round.
    pub loss: Option<Loss>,
}

impl Solution {
    /// What to ask the planner for; `request` has what is no matter of compression.
    pub fn request(&self, request: Request) -> Request {
        let plan = &self.schedule.plan;
        Request {
            formats: Some(plan.formats().clone()),
            calibrate: plan.calibrated(),
            calibration: plan.calibrated().then(|| plan.calibration().to_owned()),
            ..request
        }
    }

    /// A plan that needs no measuring.
    fn simple(model: Model, as_stored: &Plan, plan: Plan, quant: Quant) -> Self {
        let (before, after) = (as_stored.footprint().flash(), plan.footprint().flash());
        let action = match quant {
            Quant::Keep => Action::Keep,
            Quant::To(_) => Action::QuantizeInt8,
        };
        let reason = match quant {
            Quant::Keep => "the formats of the file fit",
            Quant::To(_) => "8 bits fit, and lose next to nothing",
        };
        let file = PlanFile::new(&model, None, plan.formats().clone(), None);
        let steps = vec![
            Step {
                action,
                reason: reason.into(),
                before,
                after,
            },
            Step::graph(after),
        ];
        Self {
            schedule: Schedule::new(&model, &model, steps, plan),
            model,
            file,
            loss: None,
        }
    }
}

/// Finds what fits with the least loss or, where [`Goal::max_loss`] is given, the smallest that
/// loses no more.
///
/// # Errors
///
/// When nothing fits: the error says what the nearest is. As [`plan`](crate::plan::plan) and
/// [`sensitivity`], too.
pub fn search(model: Model, task: &Task<'_>) -> Result<Solution> {
    let as_stored = task.plain(&model, Quant::Keep)?;
    task.check(&model, &as_stored)?;
    let least = least_bytes(&model);
    if let Some(most) = task.most_bytes(&as_stored).filter(|&most| least > most) {
        return Err(nothing_fits(task.goal, most, Nearest::IsAbove(least)));
    }
    if task.goal.max_loss.is_none() {
        // What needs no text and loses nearly nothing comes first.
        if task.allows(as_stored.footprint()) {
            let plan = as_stored.clone();
            return Ok(Solution::simple(model, &as_stored, plan, Quant::Keep));
        }
        let quant = Quant::To(WeightFormat::Q8);
        let plan = task.plain(&model, quant)?;
        if task.allows(plan.footprint()) {
            return Ok(Solution::simple(model, &as_stored, plan, quant));
        }
    }
    let bench = Bench::new(&model, &as_stored, task)?;
    let probed = probed(&model, task.texts.calibration());
    let sensitivity = sensitivity(
        &probed,
        task.texts.calibration(),
        task.cache,
        &|done, all| {
            (task.progress)("measuring what each matrix needs", done, all);
        },
    )?;
    let mut search = Search {
        task,
        bench,
        model: &model,
        probed,
        sensitivity,
        trust: TRUST[0],
        scale: 1.0,
        narrowest: narrowest(&model),
        vocabularies: Vec::new(),
    };
    let (choice, loss) = match task.goal.max_loss {
        None => search.best(task.most_bytes(&as_stored))?,
        Some(most) => search.smallest(most, task.most_bytes(&as_stored))?,
    };
    search.found(&as_stored, choice, loss)
}

/// The model with the vocabulary that its sensitivity is measured with.
fn probed(model: &Model, text: &str) -> Model {
    let all = model.architecture().vocab_size;
    let size = vocabularies(all).find(|&size| size <= PROBED);
    let smaller = size.filter(|&size| size < all);
    // One that needs more tokens than that for any text keeps all.
    let smaller = smaller.and_then(|size| prune::vocabulary(model.clone(), size, text).ok());
    smaller.unwrap_or_else(|| model.clone())
}

/// Of [`FORMATS`], the first to choose from. Where the residual stream cannot be rotated, weights do not
/// look normally distributed, and formats with one scale a row lose many times what is expected.
fn narrowest(model: &Model) -> usize {
    let is_rotated = Shape::of(&model.graph()).rotatable().is_ok();
    let first = FORMATS
        .iter()
        .position(|format| is_rotated || !format.calibrated());
    first.expect("there are formats for all")
}

/// A choice, and what is expected of it.
struct Candidate {
    /// Index of the vocabulary.
    vocabulary: usize,
    formats: BTreeMap<TensorKey, WeightFormat>,
    /// What the formats lose by the sensitivity.
    rounding: f64,
    /// What the vocabulary loses.
    pruning: f64,
}

struct Search<'a> {
    task: &'a Task<'a>,
    bench: Bench<'a>,
    model: &'a Model,
    /// What the sensitivity was measured of.
    probed: Model,
    sensitivity: Sensitivity,
    /// How far it is trusted.
    trust: f64,
    /// How much more formats lose than it says, as last measured: all errors together weigh more than
    /// each layer's alone, in some models many times more.
    scale: f64,
    /// Of [`FORMATS`], the first to choose from.
    narrowest: usize,
    /// Those that were looked at, the largest first.
    vocabularies: Vec<Vocabulary>,
}

impl Search<'_> {
    /// The choice with the least loss in so many bytes.
    fn best(&mut self, most: Option<usize>) -> Result<(Candidate, Loss)> {
        self.trust = TRUST[0];
        let mut candidates = self.candidates(most)?;
        if candidates.is_empty() && self.narrowest > 0 {
            self.narrowest = 0;
            candidates = self.candidates(most)?;
        }
        let Some(first) = candidates.into_iter().next() else {
            return Err(self.too_little(most));
        };
        let mut tried = vec![first.vocabulary];
        let mut least = self.measure(&first)?;
        let mut best = first;
        // What was lost says how much formats weigh beside vocabularies. What is expected of those is
        // the less certain the nearer they are, so that a second is measured in any case.
        while tried.len() < VOCABULARIES {
            let candidates = self.candidates(most)?;
            let new = |c: &Candidate| !tried.contains(&c.vocabulary);
            if tried.len() > 1 && !candidates.first().is_some_and(new) {
                break;
            }
            let Some(candidate) = candidates.into_iter().find(new) else {
                break;
            };
            tried.push(candidate.vocabulary);
            let loss = self.measure(&candidate)?;
            if loss.is_less_than(&least) {
                (best, least) = (candidate, loss);
            }
        }
        let mut held = (self.trust, self.scale);
        for trust in &TRUST[1..] {
            self.trust = *trust;
            let sensitivity = self.trusted();
            let Some(candidate) = self.candidate(best.vocabulary, most, &sensitivity)? else {
                continue;
            };
            let loss = self.measure(&candidate)?;
            if loss.is_less_than(&least) {
                (best, least) = (candidate, loss);
                held = (self.trust, self.scale);
            }
        }
        (self.trust, self.scale) = held;
        Ok((best, least))
    }

    /// The error where no choice is so small.
    fn too_little(&self, most: Option<usize>) -> Error {
        let ends = self.vocabularies.iter().map(|v| v.ends()[0]);
        let nearest = Nearest::Is(ends.min().unwrap_or(usize::MAX));
        nothing_fits(self.task.goal, most.unwrap_or(usize::MAX), nearest)
    }

    /// The smallest choice that loses at most so many nats.
    fn smallest(&mut self, most_loss: f64, most: Option<usize>) -> Result<(Candidate, Loss)> {
        let start = self.enough(most_loss, most)?;
        let (candidate, loss) = self.best(Some(start))?;
        let mut nearest = loss.of_goal();
        let mut found = (nearest <= most_loss).then_some((candidate, loss));
        for _ in 0..TRIES {
            // A little on the safe side, so that the next one is likely to hold.
            let budget = self.enough(0.98 * most_loss, most)?;
            let Some(candidate) = self.candidates(Some(budget))?.into_iter().next() else {
                break;
            };
            if found
                .as_ref()
                .is_some_and(|(known, _)| self.bytes(&candidate) >= self.bytes(known))
            {
                break;
            }
            let loss = self.measure(&candidate)?;
            nearest = nearest.min(loss.of_goal());
            if loss.of_goal() <= most_loss {
                found = Some((candidate, loss));
            }
        }
        found.ok_or_else(|| {
            Error::option("max_kl", format!(
                "nothing that fits loses as little; the nearest that was tried loses {nearest:.4} nats a token"
            ))
            .remedy("allow more, or take a larger platform or model")
        })
    }

    /// The fewest bytes that are expected to lose so little, within the limit.
    fn enough(&mut self, loss: f64, most: Option<usize>) -> Result<usize> {
        let widest = self.widest()?;
        let (mut low, mut high) = (0, most.unwrap_or(widest).min(widest));
        // Finer steps change nothing that could be measured.
        while high - low > high / 500 {
            let middle = low + (high - low) / 2;
            let candidates = self.candidates(Some(middle))?;
            if candidates
                .first()
                .is_some_and(|candidate| self.expected(candidate) <= loss)
            {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(high)
    }

    /// Bytes of flash with the widest formats.
    fn widest(&mut self) -> Result<usize> {
        let all = self
            .vocabulary(0)?
            .expect("the whole vocabulary can be had");
        Ok(all.ends()[1])
    }

    /// The best choice of each vocabulary in so many bytes, the one with the least expected loss
    /// first.
    fn candidates(&mut self, most: Option<usize>) -> Result<Vec<Candidate>> {
        let sensitivity = self.trusted();
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut least = f64::INFINITY;
        for index in 0.. {
            if self.vocabulary(index)?.is_none() {
                break;
            }
            // What does not fit in any format is not measured.
            let Some(candidate) = self.candidate(index, most, &sensitivity)? else {
                continue;
            };
            // Smaller ones lose more, whatever the formats are.
            if candidate.pruning > least {
                break;
            }
            least = least.min(self.expected(&candidate));
            candidates.push(candidate);
        }
        candidates.sort_by(|a, b| self.expected(a).total_cmp(&self.expected(b)));
        Ok(candidates)
    }

    /// What the matrices cost, as far as that is trusted.
    fn trusted(&self) -> Sensitivity {
        self.sensitivity.trusted(&self.probed, self.trust)
    }

    /// The best choice of a vocabulary in so many bytes, if any fits.
    fn candidate(
        &mut self,
        vocabulary: usize,
        most: Option<usize>,
        sensitivity: &Sensitivity,
    ) -> Result<Option<Candidate>> {
        let most = most.unwrap_or(usize::MAX);
        let Some(choice) = self.vocabularies[vocabulary].within(most, sensitivity, self.narrowest)
        else {
            return Ok(None);
        };
        Ok(Some(Candidate {
            vocabulary,
            formats: choice.formats,
            rounding: choice.loss,
            pruning: self.loss(vocabulary)?,
        }))
    }

    /// What a choice is expected to lose, in nats a token.
    fn expected(&self, candidate: &Candidate) -> f64 {
        self.scale * candidate.rounding + candidate.pruning
    }

    /// A vocabulary, made when it is first asked for. `None` where there are no more, or it is too
    /// small for the tokens that every text may need.
    fn vocabulary(&mut self, index: usize) -> Result<Option<&Vocabulary>> {
        let all = self.model.architecture().vocab_size;
        while self.vocabularies.len() <= index {
            let Some(size) = vocabularies(all).nth(self.vocabularies.len()) else {
                return Ok(None);
            };
            let size = (size < all).then_some(size);
            let model = match size {
                None => self.model.clone(),
                Some(size) => {
                    let text = self.task.texts.calibration();
                    match prune::vocabulary(self.model.clone(), size, text) {
                        Ok(model) => model,
                        Err(_) => return Ok(None),
                    }
                }
            };
            let vocabulary = Vocabulary::new(self.task, size, model)?;
            self.vocabularies.push(vocabulary);
        }
        Ok(self.vocabularies.get(index))
    }

    /// What a vocabulary costs, in nats a token, measured when it is first asked for.
    fn loss(&mut self, index: usize) -> Result<f64> {
        let vocabulary = &mut self.vocabularies[index];
        if let Some(known) = vocabulary.loss {
            return Ok(known);
        }
        let loss = self.bench.vocabulary(&vocabulary.model)?.nats.max(0.0);
        vocabulary.loss = Some(loss);
        Ok(loss)
    }

    /// Bytes of flash of a choice.
    fn bytes(&self, candidate: &Candidate) -> usize {
        self.vocabularies[candidate.vocabulary].flash(&candidate.formats)
    }

    fn measure(&mut self, candidate: &Candidate) -> Result<Loss> {
        let vocabulary = &self.vocabularies[candidate.vocabulary];
        let plan = self
            .task
            .calibrated(&vocabulary.model, candidate.formats.clone())?;
        let loss = self.bench.measure(&vocabulary.model, &plan)?;
        let more = (loss.of_goal() - candidate.pruning) / candidate.rounding;
        if more.is_finite() && more > 0.0 {
            self.scale = more;
        }
        Ok(loss)
    }

    fn found(self, as_stored: &Plan, candidate: Candidate, loss: Loss) -> Result<Solution> {
        let mut vocabularies = self.vocabularies;
        let vocabulary = vocabularies.swap_remove(candidate.vocabulary);
        let lost = vocabulary.loss.expect("what is chosen was measured");
        let formats = candidate.formats.clone();
        let plan = self.task.calibrated(&vocabulary.model, formats)?;
        let all = self.model.architecture().vocab_size;
        let mut steps = Vec::new();
        let mut before = as_stored.footprint().flash();
        if let Some(size) = vocabulary.size {
            let after = self
                .task
                .plain(&vocabulary.model, Quant::Keep)?
                .footprint()
                .flash();
            steps.push(Step {
                action: Action::PruneVocabulary { size },
                reason: format!("{} rarer ones cost {lost:.3} nats a token", all - size),
                before,
                after,
            });
            before = after;
        }
        let after = plan.footprint().flash();
        steps.push(Step {
            action: Action::Calibrate,
            reason: format!("{}; {loss}", counts(&candidate.formats)),
            before,
            after,
        });
        steps.push(Step::graph(after));
        let file = PlanFile::new(
            self.model,
            vocabulary.size,
            candidate.formats,
            Some(self.task.texts.calibration()),
        );
        Ok(Solution {
            schedule: Schedule::new(self.model, &vocabulary.model, steps, plan),
            model: vocabulary.model,
            file,
            loss: Some(loss),
        })
    }
}

/// The nearest that there is, or less than anything takes.
#[derive(Clone, Copy)]
enum Nearest {
    Is(usize),
    IsAbove(usize),
}

fn nothing_fits(goal: Goal, most: usize, nearest: Nearest) -> Error {
    let (words, bytes, more) = match nearest {
        Nearest::Is(bytes) => {
            // Rounded up, so that it is enough.
            let enough = Setting::bare("budget_mb", (bytes as f64 / 1e4).ceil() / 1e2);
            (
                "the nearest is",
                bytes,
                Remedy::from("give at least ").set(enough),
            )
        }
        Nearest::IsAbove(bytes) => {
            let more = Remedy::from("give more with ").set(Setting::named("budget_mb"));
            ("anything takes more than", bytes, more)
        }
    };
    let [limit, bytes] = apart(most as u64, bytes as u64);
    let error = Error::does_not_fit(format!(
        "nothing is small enough for {limit}; {words} {bytes}"
    ));
    match goal.budget == Some(most) {
        true => error.remedy(more),
        false => error.remedy("take a smaller model, a shorter context or another profile"),
    }
}

/// How many matrices have each format.
fn counts(formats: &BTreeMap<TensorKey, WeightFormat>) -> String {
    let counts = WeightFormat::ALL.map(|format| {
        let count = formats.values().filter(|&&other| other == format).count();
        (format, count)
    });
    let texts = counts.iter().filter(|(_, count)| *count > 0);
    let texts: Vec<String> = texts
        .map(|(format, count)| format!("{count} in {format}"))
        .collect();
    texts.join(", ")
}
