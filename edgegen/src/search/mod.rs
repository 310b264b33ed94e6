//! Model + Profile → the formats and the vocabulary that fit with the least loss, by measurement.
//!
//! What an error in each matrix costs is measured once ([`sensitivity`]), and so is what smaller
//! vocabularies cost. From that follows a choice for any budget; the most promising ones are
//! compressed and compared with the original on a text that calibration does not see.

mod assign;
mod bench;

use std::collections::BTreeMap;

use crate::cache::Cache;
use crate::compress::{Sensitivity, sensitivity};
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::model::{Model, Role, TensorKey};
use crate::plan::{
    Action, Excess, Footprint, Placement, Plan, PlanFile, Quant, Request, Schedule, Step,
    files_bytes, mb, plan,
};
use crate::profile::Profile;
use crate::program::{ROW_PADDING, WeightFormat};
use crate::prune;
use crate::text::Texts;

use assign::{Assignment, Choice, Item, assign};
use bench::Bench;
pub use bench::Loss;

/// Vocabularies that are tried, as parts of all tokens.
const VOCABULARIES: [(usize, usize); 7] = [(1, 1), (7, 8), (3, 4), (2, 3), (7, 12), (1, 2), (3, 8)];
/// Formats of a matrix, the smallest first: each further bit saves less than the one before.
const FORMATS: [WeightFormat; 5] = [
    WeightFormat::T2,
    WeightFormat::T3,
    WeightFormat::T4,
    WeightFormat::Q4,
    WeightFormat::Q8,
];
/// How far the differences between matrices are trusted: what is right differs from model to model,
/// and is measured.
const TRUST: [f64; 3] = [1.0, 0.5, 0.0];
/// Choices that are compressed and measured to find the smallest within a loss.
const TRIES: usize = 5;

/// Reports progress: what is done, steps done, steps in all.
pub type Progress<'a> = &'a (dyn Fn(&'static str, usize, usize) + Sync);

/// What is asked for beside the profile's limits.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Goal {
    /// Most bytes of weights and tables.
    pub budget: Option<usize>,
    /// Most loss, in nats a token: the smallest model with no more is looked for.
    pub max_loss: Option<f64>,
}

/// Where and with what.
#[derive(Clone, Copy)]
pub struct Task<'a> {
    /// The device.
    pub profile: &'a Profile,
    /// Context and the like; formats are not asked for.
    pub request: &'a Request,
    /// What is wanted.
    pub goal: Goal,
    /// What to calibrate with and to measure on.
    pub texts: &'a Texts,
    /// Where measurements are kept: a search that was interrupted goes on from them.
    pub cache: &'a Cache,
    /// Is told what goes on.
    pub progress: Progress<'a>,
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The model with its vocabulary.
    pub model: Model,
    /// What is done with it, and why.
    pub schedule: Schedule,
    /// The same, to be kept.
    pub file: PlanFile,
    /// The measured loss; `None` where nothing is lost but what the formats of the file round.
    pub loss: Option<Loss>,
}

impl Found {
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
}

/// Finds what fits with the least loss or, where [`Goal::max_loss`] is given, the smallest that
/// loses no more.
///
/// # Errors
///
/// When nothing fits: the error says what the nearest is. As [`plan`] and
/// [`sensitivity`], too.
pub fn search(model: Model, task: &Task<'_>) -> Result<Found> {
    let as_stored = task.plain(&model, Quant::Keep)?;
    if task.goal.max_loss.is_none() {
        // What needs no text and loses nearly nothing comes first.
        for quant in [Quant::Keep, Quant::To(WeightFormat::Q8)] {
            let plan = task.plain(&model, quant)?;
            if task.allows(plan.footprint()) {
                return task.simple(model, &as_stored, plan, quant);
            }
        }
    }
    let bench = Bench::new(&model, task)?;
    let sensitivity = sensitivity(
        &model,
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
        sensitivity,
        trust: TRUST[0],
        vocabularies: Vec::new(),
    };
    let (choice, loss) = match task.goal.max_loss {
        None => search.best(task.most_bytes(&as_stored))?,
        Some(most) => search.smallest(most, task.most_bytes(&as_stored))?,
    };
    search.found(&as_stored, choice, loss)
}

impl Task<'_> {
    fn plain(&self, model: &Model, quant: Quant) -> Result<Plan> {
        let request = Request {
            quant,
            tensors: BTreeMap::new(),
            formats: None,
            calibrate: false,
            calibration: None,
            allow_oversize: true,
            ..self.request.clone()
        };
        plan(model, self.profile, &request)
    }

    fn allows(&self, footprint: &Footprint) -> bool {
        let within = self
            .goal
            .budget
            .is_none_or(|most| footprint.flash() <= most);
        within && Excess::of(footprint, self.profile).none()
    }

    /// The most bytes of weights and tables: those of the goal, of the profile and of the device, if
    /// there is any limit.
    fn most_bytes(&self, plan: &Plan) -> Option<usize> {
        let ram = plan.footprint().ram() as u64;
        let device = self
            .profile
            .memory()
            .filter(|memory| !memory.weights_in_flash);
        let limits = [
            self.goal.budget.map(|bytes| bytes as u64),
            self.profile.model_size(),
            device.map(|memory| memory.budget().saturating_sub(ram)),
        ];
        limits.into_iter().flatten().min().map(|most| most as usize)
    }

    /// A plan that needs no measuring.
    fn simple(&self, model: Model, as_stored: &Plan, plan: Plan, quant: Quant) -> Result<Found> {
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
        Ok(Found {
            schedule: Schedule::new(&model, &model, steps, plan),
            model,
            file,
            loss: None,
        })
    }
}

/// A vocabulary, and what there is to choose with it.
struct Vocabulary {
    /// Tokens; all, if `None`.
    size: Option<usize>,
    model: Model,
    /// Measured, in nats a token.
    loss: f64,
    /// The matrices to choose formats for, and their bytes in [`FORMATS`].
    sizes: Vec<(TensorKey, [usize; FORMATS.len()])>,
    /// Formats of the others.
    fixed: BTreeMap<TensorKey, WeightFormat>,
    /// Positions of a session.
    context: usize,
    weights: Placement,
    /// Bytes of flash that are not in the weight files.
    tables_bytes: usize,
    /// Bytes of flash beside the matrices of `sizes`.
    other_bytes: usize,
}

impl Vocabulary {
    /// The best formats in so many bytes of flash.
    fn within(&self, most: usize, sensitivity: &Sensitivity) -> Option<Assignment> {
        let items = self.items(sensitivity);
        let mut budget = most.checked_sub(self.other_bytes)?;
        loop {
            let mut choice = assign(&items, budget)?;
            choice.formats.extend(&self.fixed);
            // Neighbours of different formats are aligned each by itself.
            let excess = self.flash(&choice.formats).saturating_sub(most);
            if excess == 0 {
                return Some(choice);
            }
            budget = budget.checked_sub(excess)?;
        }
    }

    /// Bytes of flash with these formats.
    fn flash(&self, formats: &BTreeMap<TensorKey, WeightFormat>) -> usize {
        let layout = Layout::new(&self.model, formats, self.context);
        self.tables_bytes + files_bytes(&layout, self.weights)
    }

    /// The matrices with what each format takes and loses.
    fn items(&self, sensitivity: &Sensitivity) -> Vec<Item> {
        let items = self.sizes.iter().map(|&(key, bytes)| Item {
            key,
            options: FORMATS
                .iter()
                .zip(bytes)
                .map(|(&format, bytes)| Choice {
                    format,
                    bytes,
                    loss: sensitivity.loss(key, format),
                })
                .collect(),
        });
        items.collect()
    }
}

/// A choice, and the loss that is expected of it.
struct Candidate {
    /// Index of the vocabulary.
    vocabulary: usize,
    formats: BTreeMap<TensorKey, WeightFormat>,
    loss: f64,
}

struct Search<'a> {
    task: &'a Task<'a>,
    bench: Bench<'a>,
    model: &'a Model,
    sensitivity: Sensitivity,
    /// How far it is trusted.
    trust: f64,
    /// Those that were looked at, the largest first.
    vocabularies: Vec<Vocabulary>,
}

impl Search<'_> {
    /// The choice with the least loss in so many bytes.
    fn best(&mut self, most: Option<usize>) -> Result<(Candidate, Loss)> {
        let (mut best, mut least) = self.trusted(most)?;
        // What is expected of vocabularies is the less certain the nearer they are.
        let second = self
            .candidates(most)?
            .into_iter()
            .find(|c| c.vocabulary != best.vocabulary);
        if let Some(candidate) = second {
            let loss = self.measure(&candidate)?;
            if loss.is_less_than(&least) {
                (best, least) = (candidate, loss);
            }
        }
        Ok((best, least))
    }

    /// Finds how far the differences between matrices are to be trusted, and the most promising choice
    /// then.
    fn trusted(&mut self, most: Option<usize>) -> Result<(Candidate, Loss)> {
        let mut best: Option<(f64, Candidate, Loss)> = None;
        for trust in TRUST {
            self.trust = trust;
            let Some(candidate) = self.candidates(most)?.into_iter().next() else {
                return Err(self.nothing_fits(most.unwrap_or(usize::MAX)));
            };
            let loss = self.measure(&candidate)?;
            if best
                .as_ref()
                .is_none_or(|(.., least)| loss.is_less_than(least))
            {
                best = Some((trust, candidate, loss));
            }
        }
        let (trust, candidate, loss) = best.expect("there is a trust to try");
        self.trust = trust;
        Ok((candidate, loss))
    }

    /// The smallest choice that loses at most so many nats.
    fn smallest(&mut self, most_loss: f64, most: Option<usize>) -> Result<(Candidate, Loss)> {
        let start = self.expected(most_loss, most)?;
        let (candidate, loss) = self.trusted(Some(start))?;
        let mut nearest = loss.of_goal();
        // How much more is lost than expected.
        let mut ratio = nearest / candidate.loss.max(1e-9);
        let mut found = (nearest <= most_loss).then_some((candidate, loss));
        for _ in 0..TRIES {
            // A little on the safe side, so that the next one is likely to hold.
            let budget = self.expected(0.98 * most_loss / ratio, most)?;
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
            ratio = loss.of_goal() / candidate.loss.max(1e-9);
            if loss.of_goal() <= most_loss {
                found = Some((candidate, loss));
            }
        }
        found.ok_or_else(|| {
            Error::new(format!(
                "nothing that fits loses as little; the nearest that was tried loses {nearest:.4} nats a token"
            ))
            .at("--max-kl")
            .remedy("allow more, or take a larger platform or model")
        })
    }

    /// The fewest bytes that are expected to lose so little, within the limit.
    fn expected(&mut self, loss: f64, most: Option<usize>) -> Result<usize> {
        let widest = self.widest()?;
        let (mut low, mut high) = (0, most.unwrap_or(widest).min(widest));
        // Finer steps change nothing that could be measured.
        while high - low > high / 500 {
            let middle = low + (high - low) / 2;
            let candidates = self.candidates(Some(middle))?;
            if candidates
                .first()
                .is_some_and(|candidate| candidate.loss <= loss)
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
        let widest = all.sizes.iter().map(|(_, bytes)| bytes[FORMATS.len() - 1]);
        Ok(all.other_bytes + widest.sum::<usize>())
    }

    /// The best choice of each vocabulary in so many bytes, the one with the least expected loss
    /// first.
    fn candidates(&mut self, most: Option<usize>) -> Result<Vec<Candidate>> {
        let most = most.unwrap_or(usize::MAX);
        let sensitivity = self.sensitivity.trusted(self.model, self.trust);
        let mut candidates: Vec<Candidate> = Vec::new();
        for index in 0..VOCABULARIES.len() {
            let least = candidates
                .iter()
                .map(|c| c.loss)
                .fold(f64::INFINITY, f64::min);
            let Some(vocabulary) = self.vocabulary(index)? else {
                break;
            };
            // Smaller ones lose more, whatever the formats are.
            if vocabulary.loss > least {
                break;
            }
            candidates.extend(
                vocabulary
                    .within(most, &sensitivity)
                    .map(|choice| Candidate {
                        vocabulary: index,
                        formats: choice.formats,
                        loss: choice.loss + vocabulary.loss,
                    }),
            );
        }
        candidates.sort_by(|a, b| a.loss.total_cmp(&b.loss));
        Ok(candidates)
    }

    /// A vocabulary, measured when it is first asked for. `None` where it is too small for the
    /// tokens that every text may need.
    fn vocabulary(&mut self, index: usize) -> Result<Option<&Vocabulary>> {
        while self.vocabularies.len() <= index {
            let (part, of) = VOCABULARIES[self.vocabularies.len()];
            let all = self.model.architecture().vocab_size;
            let size = (part < of).then_some(all * part / of);
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
            let loss = match size {
                None => 0.0,
                Some(_) => self.bench.vocabulary(&model)?.nats.max(0.0),
            };
            let vocabulary = self.with_items(size, model, loss)?;
            self.vocabularies.push(vocabulary);
        }
        Ok(self.vocabularies.get(index))
    }

    fn with_items(&self, size: Option<usize>, model: Model, loss: f64) -> Result<Vocabulary> {
        let architecture = model.architecture();
        let sizes: Vec<_> = model
            .tensors()
            .keys()
            .filter(|key| key.role.is_matrix())
            .map(|&key| {
                let (rows, cols) = architecture.shape(key.role);
                let rows = rows.next_multiple_of(ROW_PADDING);
                (key, FORMATS.map(|format| format.matrix_bytes(rows, cols)))
            })
            .collect();
        let mut fixed = BTreeMap::new();
        if model.tensor(TensorKey::global(Role::Output)).is_none() {
            fixed.insert(TensorKey::global(Role::OutputMix), WeightFormat::Q8);
        }
        let mut smallest = fixed.clone();
        smallest.extend(sizes.iter().map(|&(key, _)| (key, FORMATS[0])));
        let plan = self.plan(&model, smallest)?;
        let matrices: usize = sizes.iter().map(|(_, bytes)| bytes[0]).sum();
        let files = files_bytes(&plan.layout(&model), plan.weights());
        Ok(Vocabulary {
            size,
            loss,
            sizes,
            fixed,
            context: plan.sizes().context,
            weights: plan.weights(),
            tables_bytes: plan.footprint().flash() - files,
            other_bytes: plan.footprint().flash() - matrices,
            model,
        })
    }

    fn plan(&self, model: &Model, formats: BTreeMap<TensorKey, WeightFormat>) -> Result<Plan> {
        let request = Request {
            formats: Some(formats),
            calibrate: true,
            calibration: Some(self.task.texts.calibration().to_owned()),
            allow_oversize: true,
            ..self.task.request.clone()
        };
        plan(model, self.task.profile, &request)
    }

    /// Bytes of flash of a choice.
    fn bytes(&self, candidate: &Candidate) -> usize {
        self.vocabularies[candidate.vocabulary].flash(&candidate.formats)
    }

    fn measure(&mut self, candidate: &Candidate) -> Result<Loss> {
        let vocabulary = &self.vocabularies[candidate.vocabulary];
        let plan = self.plan(&vocabulary.model, candidate.formats.clone())?;
        self.bench.measure(&vocabulary.model, &plan)
    }

    fn nothing_fits(&self, most: usize) -> Error {
        let sizes = self.vocabularies.iter().map(|vocabulary| {
            let smallest = vocabulary.sizes.iter().map(|(_, bytes)| bytes[0]);
            vocabulary.other_bytes + smallest.sum::<usize>()
        });
        let nearest = sizes.min().unwrap_or(usize::MAX);
        Error::new(format!(
            "nothing is small enough for {}; the nearest is {}",
            mb(most as u64),
            mb(nearest as u64)
        ))
        .remedy("take a smaller model, a shorter context or another profile")
    }

    fn found(self, as_stored: &Plan, candidate: Candidate, loss: Loss) -> Result<Found> {
        let plan = self.plan(
            &self.vocabularies[candidate.vocabulary].model,
            candidate.formats.clone(),
        )?;
        let mut vocabularies = self.vocabularies;
        let vocabulary = vocabularies.swap_remove(candidate.vocabulary);
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
                reason: format!(
                    "{} rarer ones cost {:.3} nats a token",
                    all - size,
                    vocabulary.loss
                ),
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
        Ok(Found {
            schedule: Schedule::new(self.model, &vocabulary.model, steps, plan),
            model: vocabulary.model,
            file,
            loss: Some(loss),
        })
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
