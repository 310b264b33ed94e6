//! The steps of the basic policy for a model, with their sizes, and the plan that they lead to.

use crate::error::Result;
use crate::model::Model;
use crate::profile::Profile;
use crate::prune::Shape;

use super::{Plan, Quant, Request, Step, Subject, TokenCost, basic, choice, plan};

/// What a policy makes of a model on a platform.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Bytes of the model in fp32: 4 for each weight.
    pub fp32_bytes: u64,
    /// The steps in order.
    pub steps: Vec<Step>,
    /// The sizes that the network is pruned to.
    pub shape: Shape,
    /// Formats, sizes and memory after the last step, of the pruned model.
    pub plan: Plan,
    /// What decoding a token takes then.
    pub cost: TokenCost,
    /// The value of `emit --quant` that gives these formats, if one does.
    pub quant: Option<Quant>,
}

impl Schedule {
    /// The model that [`plan`](Self::plan) is for: pruned by what its calibration text shows.
    ///
    /// # Errors
    ///
    /// As [`Shape::prune`].
    pub fn prune(&self, model: Model) -> Result<Model> {
        self.shape.prune(model, self.plan.calibration())
    }
}

/// Applies the basic policy. The model starts as `emit` would take it: in the nearest formats to
/// those of its file. What exceeds the limits is shown, not refused; the request's formats are
/// not asked for. Nothing is measured: what pruning keeps does not change sizes.
///
/// # Errors
///
/// When the context is longer than the model's, or the weights cannot be where the request says.
pub fn schedule(model: &Model, profile: &Profile, request: &Request) -> Result<Schedule> {
    let request = Request {
        allow_oversize: true,
        ..request.clone()
    };
    let in_formats = |quant| {
        let request = Request {
            quant,
            ..Request::default()
        };
        choice::formats(model, &request)
    };
    let mut formats = in_formats(Quant::Keep);
    let planned = |model: &Model, formats| {
        let request = Request {
            formats: Some(formats),
            ..request.clone()
        };
        plan(model, profile, &request)
    };
    let start = planned(model, formats.clone())?;
    let mut before = start.footprint().flash();
    let mut steps = Vec::new();
    let mut shape = Shape::default();
    let mut pruned = model.clone();
    let bytes = fp32_bytes(model);
    for (action, reason) in basic(bytes, profile.model_size(), profile.number_types()) {
        action.apply(&mut formats);
        if let Some(smaller) = action.shape(model.architecture()) {
            shape = smaller;
            pruned = shape.outline(model)?;
            choice::after_pruning(&pruned, &mut formats);
        }
        let subject = Subject {
            model: &pruned,
            profile,
            weights: start.weights(),
        };
        let after = subject.footprint(&formats, start.sizes()).flash();
        steps.push(Step {
            action,
            reason,
            before,
            after,
        });
        before = after;
    }
    let quant = [Quant::Keep]
        .into_iter()
        .chain(
            steps
                .iter()
                .filter_map(|step| step.action.format().map(Quant::To)),
        )
        .find(|&quant| in_formats(quant) == formats);
    let plan = planned(&pruned, formats)?;
    Ok(Schedule {
        shape,
        quant,
        ..Schedule::new(model, &pruned, steps, plan)
    })
}

impl Schedule {
    /// The steps from an original to what is planned for the model that it became.
    pub(crate) fn new(original: &Model, model: &Model, steps: Vec<Step>, plan: Plan) -> Self {
        Self {
            fp32_bytes: fp32_bytes(original),
            steps,
            cost: TokenCost::of(&plan.layout(model)),
            plan,
            shape: Shape::default(),
            quant: None,
        }
    }
}

fn fp32_bytes(model: &Model) -> u64 {
    let parameters: usize = model.tensors().values().map(|tensor| tensor.len()).sum();
    4 * parameters as u64
}
