//! Model + Profile + Request → Compiled → crate or module: what the command line, the macro and
//! build scripts have in common.

use std::thread::available_parallelism;

use crate::cache::Cache;
use crate::compress::compress_cached;
use crate::emit::{self, Crate, Options};
use crate::error::Result;
use crate::interpret::{bake, golden};
use crate::memory;
use crate::model::Model;
use crate::plan::{Plan, Request, check_answer, plan};
use crate::profile::Profile;
use crate::program::{Golden, Program, check_sessions};
use crate::progress::Progress;

/// Everything that is emitted, and the plan that it carries out.
pub struct Compiled<'a> {
    profile: &'a Profile,
    allow_oversize: bool,
    plan: Plan,
    program: Program,
    golden: Golden,
    notes: Vec<String>,
}

/// Plans, packs the weights and runs the golden tokens. What is calibrated is kept in the cache.
///
/// # Errors
///
/// When the model does not fit the profile or this machine's memory, or its weights overflow.
pub fn compile<'a>(
    model: &Model,
    profile: &'a Profile,
    request: &Request,
    cache: &Cache,
    progress: &impl Progress,
) -> Result<Compiled<'a>> {
    let plan = plan(model, profile, request)?;
    check_answer(model, plan.sizes().context)?;
    check_sessions(1, &[&plan.shapes(model)])?;
    let footprint = plan.footprint();
    memory::check(
        "a crate with a session takes",
        2 * footprint.flash() + footprint.ram(),
    )?;
    let mut program = progress.count("packing the weights", |step| {
        compress_cached(model, &plan, cache, step)
    })?;
    let threads = available_parallelism().map_or(1, usize::from);
    if !model.prefix().is_empty() {
        progress.spin("running the system message", || bake(&mut program, threads));
    }
    let golden = progress.spin("running the golden tokens", || golden(&program, threads))?;
    Ok(Compiled {
        profile,
        allow_oversize: request.allow_oversize,
        plan,
        program,
        golden,
        notes: model.notes().to_vec(),
    })
}

impl Compiled<'_> {
    /// The crate of this name, in memory.
    pub fn krate(&self, name: &str) -> Crate {
        emit::emit(
            &self.program,
            &self.golden,
            self.profile,
            &self.options(name),
        )
    }

    /// The content of a module that calls itself `name` and includes [`Self::weights`] from `folder`.
    pub fn module(&self, name: &str, folder: &str) -> String {
        let options = self.options(name);
        emit::module(&self.program, &self.golden, self.profile, &options, folder)
    }

    /// The files that a module includes: name and content.
    pub fn weights(&self) -> impl Iterator<Item = (String, &[u8])> {
        emit::weight_files(&self.program)
    }

    /// [`Model::notes`].
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The plan, and the hashes of the golden run.
    pub fn figures(self) -> (Plan, Golden) {
        (self.plan, self.golden)
    }

    fn options(&self, name: &str) -> Options {
        Options {
            name: name.to_owned(),
            weights: self.plan.weights(),
            allow_oversize: self.allow_oversize,
        }
    }
}
