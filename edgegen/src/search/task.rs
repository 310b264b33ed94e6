//! What to search for, where and with what.

use std::collections::BTreeMap;

use crate::cache::Cache;
use crate::error::Result;
use crate::model::{Model, TensorKey};
use crate::plan::{Excess, Footprint, Plan, Quant, Request, check_before_search, plan};
use crate::profile::Profile;
use crate::program::WeightFormat;
use crate::progress::Stages;
use crate::text::Texts;

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
    pub progress: Stages<'a>,
}

impl Task<'_> {
    /// The plan for the formats of the file, or one for all, and no calibration.
    pub(super) fn plain(&self, model: &Model, quant: Quant) -> Result<Plan> {
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

    /// Whether a crate of this size is wanted.
    pub(super) fn allows(&self, footprint: &Footprint) -> bool {
        let within = self
            .goal
            .budget
            .is_none_or(|most| footprint.flash() <= most);
        within && Excess::of(footprint, self.profile).none()
    }

    /// The most bytes of weights and tables: those of the goal, of the profile and of the device, if
    /// there is any limit.
    pub(super) fn most_bytes(&self, plan: &Plan) -> Option<usize> {
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

    /// The plan with these formats, for calibration.
    pub(super) fn calibrated(
        &self,
        model: &Model,
        formats: BTreeMap<TensorKey, WeightFormat>,
    ) -> Result<Plan> {
        let request = Request {
            formats: Some(formats),
            calibrate: true,
            calibration: Some(self.texts.calibration().to_owned()),
            allow_oversize: true,
            ..self.request.clone()
        };
        plan(model, self.profile, &request)
    }

    /// Refuses what no choice can mend.
    pub(super) fn check(&self, model: &Model, plan: &Plan) -> Result<()> {
        match self.request.allow_oversize {
            true => Ok(()),
            false => check_before_search(model, self.profile, plan),
        }
    }
}
