//! What becomes of the weights, the vocabulary, the network and the KV cache.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{Error, Remedy, Result, Setting};
use crate::model::{Model, Role};
use crate::plan::{PlanFile, Quant, Request};
use crate::program::{CacheFormat, WeightFormat};
use crate::prune::{self, Shape};
use crate::small_file;
use crate::text::Texts;

use super::Refusal;

/// Longest file of a plan, in bytes: thousands of layers.
const MAX_PLAN: u64 = 1 << 20;

/// The options of compression.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Compression {
    /// Weight format.
    pub quant: Quant,
    /// Other formats for the matrices of some roles.
    pub tensors: BTreeMap<Role, WeightFormat>,
    /// Whether `q8`, `q4` and `q4m` are calibrated too.
    pub calibrate: bool,
    /// Tokens to keep, the most frequent ones of the calibration text; all, if absent.
    pub vocab_size: Option<usize>,
    /// What to keep of the network.
    pub shape: Shape,
    /// In place of all these: a plan's file.
    pub plan: Option<PathBuf>,
    /// Text of the kind that the model will see; the built-in one, if absent.
    pub calibration: Option<PathBuf>,
    /// Number format of the KV cache.
    pub kv_cache: CacheFormat,
}

impl Compression {
    /// Reads the files that are named: what is wrong with them shows before the long work.
    ///
    /// # Errors
    ///
    /// When one cannot be read or is malformed, and when a plan is not alone.
    pub fn read(&self) -> Result<Loaded<'_>, Refusal> {
        Ok(Loaded {
            options: self,
            file: self.file().map_err(Refusal::of("plan"))?,
            texts: Texts::read(self.calibration.as_deref()).map_err(Refusal::of("calibration"))?,
        })
    }

    fn file(&self) -> Result<Option<(&Path, PlanFile)>> {
        let Some(path) = self.plan.as_deref() else {
            return Ok(None);
        };
        let alone = Self {
            plan: self.plan.clone(),
            calibration: self.calibration.clone(),
            kv_cache: self.kv_cache,
            ..Self::default()
        };
        if *self != alone {
            return Err(Error::option(
                "plan",
                "a plan says what becomes of weights, vocabulary and network",
            )
            .remedy("leave out the options that say so too"));
        }
        let text = small_file::read_text("the plan", path, MAX_PLAN)?;
        let file = PlanFile::parse(&text).map_err(|error| error.in_file(path))?;
        Ok(Some((path, file)))
    }
}

/// The options, and what is in the files that they name.
pub struct Loaded<'a> {
    options: &'a Compression,
    file: Option<(&'a Path, PlanFile)>,
    texts: Texts,
}

impl Loaded<'_> {
    /// What there is to calibrate with and to measure on.
    pub fn texts(&self) -> &Texts {
        &self.texts
    }

    /// The plan's file.
    pub fn file(&self) -> Option<&PlanFile> {
        self.file.as_ref().map(|(_, file)| file)
    }

    /// The text to calibrate with. A plan was measured on the rest of it.
    pub fn text(&self) -> &str {
        match self.file {
            Some(_) => self.texts.calibration(),
            None => self.texts.whole(),
        }
    }

    /// The model with the tokens and the parts of the network that are to be kept.
    ///
    /// # Errors
    ///
    /// When they are too few or too many.
    pub fn prune(&self, model: Model) -> Result<Model, Refusal> {
        let keep = |model, size| match size {
            Some(size) => prune::vocabulary(model, size, self.text()),
            None => Ok(model),
        };
        let model = match &self.file {
            Some((path, file)) => keep(model, file.vocab_size())
                .map_err(|error| Refusal::of("plan")(error.set_in(path))),
            None => keep(model, self.options.vocab_size).map_err(Refusal::of("vocab_size")),
        }?;
        let shape = self.options.shape;
        shape
            .prune(model, self.text())
            .map_err(Refusal::of("calibration"))
    }

    /// Refuses a text that nothing looks at.
    fn check_use(&self) -> Result<()> {
        let options = self.options;
        let mut formats = options.tensors.values().copied();
        let used = self.file.is_some()
            || options.vocab_size.is_some()
            || options.shape != Shape::default()
            || options.calibrate
            || matches!(options.quant, Quant::To(format) if format.calibrated())
            || formats.any(WeightFormat::calibrated);
        if used || options.calibration.is_none() {
            return Ok(());
        }
        let calibrate = Remedy::from(Setting::on("calibrate")).say(" calibrates the formats");
        Err(
            Error::option("calibration", "nothing here is chosen by a text")
                .remedy(calibrate.or("leave the text out")),
        )
    }

    /// What the planner is asked for; `request` has what is no matter of compression.
    ///
    /// # Errors
    ///
    /// When the plan's file is for another model or text, and when there is a text that nothing looks
    /// at.
    pub fn request(&self, model: &Model, request: Request) -> Result<Request, Refusal> {
        self.check_use().map_err(Refusal::of("calibration"))?;
        let formats = self.file.as_ref().map(|(path, file)| {
            let formats = file.formats(model, self.text());
            formats.map_err(|error| error.in_file(path))
        });
        let from_file = self.file().is_some_and(PlanFile::calibrated);
        Ok(Request {
            quant: self.options.quant,
            tensors: self.options.tensors.clone(),
            formats: formats.transpose().map_err(Refusal::of("plan"))?,
            calibrate: self.options.calibrate || from_file,
            calibration: Some(self.text().to_owned()),
            kv_cache: self.options.kv_cache,
            ..request
        })
    }
}
