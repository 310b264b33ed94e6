//! The options of a policy: what `plan` and `emit` have in common.

use std::fmt;

use clap::ValueEnum;

use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::plan::Request;
use crate::profile::Profile;
use crate::search::{Goal, Solution, Task, search};
use crate::text::Texts;

use super::number::decimal;
use super::progress;

/// How formats are chosen.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Policy {
    /// By measurement: what fits with the least loss
    Search,
    /// By rules: int8 or int4 by the size, pruning, fp16
    Basic,
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Search => "search",
            Self::Basic => "basic",
        })
    }
}

/// What a search shall reach.
#[derive(clap::Args)]
pub(super) struct Goals {
    /// Most MB (10^6 bytes) of weights and tables, beside the platform's limits
    #[arg(long, value_name = "MB", allow_negative_numbers = true, value_parser = decimal)]
    budget_mb: Option<f64>,
    /// Most KL divergence from the original, in nats a token: the smallest model with no more is looked for
    #[arg(long, value_name = "NATS", allow_negative_numbers = true, value_parser = decimal)]
    max_kl: Option<f64>,
}

/// As options.
impl fmt::Display for Goals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let budget = self.budget_mb.map(|mb| format!("--budget-mb {mb}"));
        let loss = self.max_kl.map(|kl| format!("--max-kl {kl}"));
        let options: Vec<String> = budget.into_iter().chain(loss).collect();
        f.write_str(&options.join(" "))
    }
}

impl Goals {
    /// The first option that is given.
    pub(super) fn first(&self) -> Option<&'static str> {
        let budget = self.budget_mb.map(|_| "budget_mb");
        budget.or(self.max_kl.map(|_| "max_kl"))
    }

    fn goal(&self) -> Result<Goal> {
        let positive = |value: f64, option| {
            if value > 0.0 && value.is_finite() {
                return Ok(value);
            }
            let problem = format!("{value} is not a positive number");
            Err(Error::option(option, problem).remedy("give a number above 0, such as 0.5"))
        };
        let budget = self.budget_mb.map(|mb| positive(mb, "budget_mb"));
        Ok(Goal {
            budget: budget.transpose()?.map(|mb| (mb * 1e6) as usize),
            max_loss: self.max_kl.map(|kl| positive(kl, "max_kl")).transpose()?,
        })
    }

    /// Searches; what is measured on the way is kept in the user's cache.
    pub(super) fn search(
        &self,
        model: Model,
        profile: &Profile,
        request: &Request,
        texts: &Texts,
    ) -> Result<Solution> {
        let goal = self.goal()?;
        progress::stages(|progress| {
            let task = Task {
                profile,
                request,
                goal,
                texts,
                cache: &Cache::of_user(),
                progress,
            };
            search(model, &task)
        })
    }
}
