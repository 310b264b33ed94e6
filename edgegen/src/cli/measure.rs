//! What `eval` and `sweep` have in common: a model, a text, and how they are run.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use crate::cache::Cache;
use crate::compress::compress_cached;
use crate::error::{Error, Result};
use crate::interpret::{Evaluation, evaluate};
use crate::model::Model;
use crate::plan::{Quant, Request, plan};
use crate::profile::Profile;
use crate::program::{Program, check_sessions};
use crate::text;

use super::number::whole;
use super::reading::Reading;
use super::{output, progress};

/// Tokens of a window, where the model has so many.
const WINDOW: usize = 256;

/// Which model to measure, and on what.
#[derive(clap::Args)]
pub(super) struct Subject {
    /// GGUF file, Hugging Face folder, llama2.c `.bin`, or name on the hub: `hf:OWNER/NAME`
    model: PathBuf,
    /// Text to predict, UTF-8 [default: a built-in one, English]
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// Tokens that are predicted from one another; the text is cut into such windows
    /// [default: 256, at most the model's]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole)]
    window: Option<usize>,
    #[command(flatten)]
    reading: Reading,
}

/// What is measured on: a text in windows.
pub(super) struct Task<'a> {
    file: Option<&'a Path>,
    text: Cow<'static, str>,
    pub(super) window: usize,
}

impl Subject {
    /// The model.
    pub(super) fn model(&self) -> &Path {
        &self.model
    }

    /// Reads the text, then the model, unless one of their files is `out`, which will be written.
    pub(super) fn read(&self, out: Option<&Path>) -> Result<(Task<'_>, Model)> {
        let text = match &self.text {
            Some(path) => text::read(path)?.into(),
            None => text::HELD_OUT.into(),
        };
        let found = self.reading.find(Some(&self.model))?;
        if let Some(out) = out {
            let inputs = found.inputs()?;
            let inputs = inputs.iter().chain(&self.text).map(PathBuf::as_path);
            output::check_apart(out, inputs)?;
        }
        let model = found.read()?;
        let task = Task {
            file: self.text.as_deref(),
            text,
            window: window(self.window, &model)?,
        };
        Ok((task, model))
    }
}

fn window(asked: Option<usize>, model: &Model) -> Result<usize> {
    let longest = model.architecture().max_position_embeddings;
    match asked {
        _ if longest < 2 => Err(Error::does_not_fit(format!(
            "a model that was trained for a context of {longest} predicts nothing of a text"
        ))
        .remedy("give another model")),
        None => Ok(WINDOW.min(longest)),
        Some(window) if (2..=longest).contains(&window) => Ok(window),
        Some(window) => {
            let problem = match window {
                0 | 1 => {
                    format!("in a window of {window} nothing is predicted from what was before")
                }
                _ => format!("a window of {window} tokens; the model was trained for {longest}"),
            };
            Err(Error::option("window", problem).remedy(format!("give 2 to {longest}")))
        }
    }
}

/// A request for one format, and nothing else.
pub(super) fn plain(quant: Quant) -> Request {
    Request {
        quant,
        ..Request::default()
    }
}

impl Task<'_> {
    /// The model as the request says, for sessions of one window on this machine.
    pub(super) fn program(&self, model: &Model, request: Request) -> Result<Program> {
        let request = Request {
            context: Some(self.window),
            answer_cache: Some(0),
            allow_oversize: true,
            ..request
        };
        let plan = plan(model, &Profile::load("host")?, &request)?;
        check_sessions(1, &[&plan.shapes(model)])?;
        progress::count("packing the weights", |step| {
            compress_cached(model, &plan, &Cache::of_user(), step)
        })
    }

    /// Compares two programs.
    pub(super) fn evaluate(&self, reference: &Program, candidate: &Program) -> Result<Evaluation> {
        let evaluation = progress::count("predicting the text", |step| {
            evaluate(reference, candidate, &self.text, self.window, step)
        });
        match self.file {
            Some(file) => evaluation.map_err(|error| match error.is_of_weights() {
                true => error,
                false => error.in_file(file),
            }),
            None => evaluation,
        }
    }
}
