//! What to compile and how: the options that the command line, the macro and build scripts have
//! in common.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::compile::{Compiled, Progress, compile};
use crate::error::{Error, Result};
use crate::import::{built_in, files_of, import_with_tokenizer};
use crate::model::{Model, Role};
use crate::plan::{Placement, Quant, Request};
use crate::profile::Profile;
use crate::program::WeightFormat;
use crate::{prune, schema, text};

/// The options of a compilation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recipe {
    /// GGUF file, Hugging Face folder or llama2.c checkpoint; the built-in homectl, if absent.
    pub model: Option<PathBuf>,
    /// Tokenizer of a llama2.c checkpoint; `tokenizer.bin` beside it, if absent.
    pub tokenizer: Option<PathBuf>,
    /// Built-in platform, or path of a profile's TOML file.
    pub platform: String,
    /// The one CPU to compile for.
    pub cpu: Option<String>,
    /// Weight format.
    pub quant: Quant,
    /// Other formats for the matrices of some roles.
    pub tensors: BTreeMap<Role, WeightFormat>,
    /// Tokens to keep, the most frequent ones of the calibration text; all, if absent.
    pub vocab_size: Option<usize>,
    /// Text of the kind that the model will see; the built-in one, if absent.
    pub calibration: Option<PathBuf>,
    /// Tokens that a session holds.
    pub context: Option<usize>,
    /// Tokens of prompts and answers that a session keeps.
    pub answer_cache: Option<usize>,
    /// JSON Schema that every answer shall be valid against.
    pub schema: Option<PathBuf>,
    /// System message of every chat that gives none.
    pub system: Option<String>,
    /// Where the weights are.
    pub weights: Placement,
    /// Whether the profile's limits may be exceeded.
    pub allow_oversize: bool,
}

/// An error, and the option that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    option: String,
    error: Error,
}

impl Refusal {
    /// `option` is taken if the error names none.
    fn of(option: &str) -> impl FnOnce(Error) -> Self {
        move |error| Self {
            option: error
                .option()
                .map_or_else(|| option.to_owned(), |name| name.replace('-', "_")),
            error,
        }
    }

    /// About the cache, which is no option.
    pub(crate) fn cache(error: Error) -> Self {
        Self::of("cache")(error)
    }

    /// The option's name, as a field of [`Recipe`] is called.
    pub fn option(&self) -> &str {
        &self.option
    }

    /// The error alone.
    pub fn into_error(self) -> Error {
        self.error
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

/// The weight format of that name.
///
/// # Errors
///
/// Lists the names that there are.
pub fn quant(name: &str) -> Result<Quant> {
    name.parse().map_err(|problem: String| {
        let formats = WeightFormat::ALL.map(WeightFormat::name);
        Error::new(problem).remedy(format!("there are keep, {}", formats.join(", ")))
    })
}

/// The weight format of that name, for the matrices of one role.
///
/// # Errors
///
/// As [`quant`].
pub fn format(name: &str) -> Result<WeightFormat> {
    name.parse().map_err(|problem: String| {
        let formats = WeightFormat::ALL.map(WeightFormat::name);
        Error::new(problem).remedy(format!("there are {}", formats.join(", ")))
    })
}

impl Recipe {
    /// The same with relative paths below `root`.
    #[must_use]
    pub fn below(mut self, root: &Path) -> Self {
        let paths = [
            &mut self.model,
            &mut self.tokenizer,
            &mut self.calibration,
            &mut self.schema,
        ];
        for path in paths.into_iter().flatten() {
            *path = root.join(&*path);
        }
        let file = self.profile_file().map(|file| root.join(file));
        if let Some(file) = file
            && (file.exists() || file.extension().is_some())
            && let Some(file) = file.to_str()
        {
            self.platform = file.to_owned();
        }
        self
    }

    /// The profile's file, if it is none of the built-in ones.
    fn profile_file(&self) -> Option<&Path> {
        let built_in = Profile::built_in().any(|profile| profile.name() == self.platform);
        (!built_in).then(|| Path::new(&self.platform))
    }

    /// Reads what is small: profile and texts.
    ///
    /// # Errors
    ///
    /// When one of them cannot be read or is malformed.
    pub fn read(&self) -> Result<Ingredients<'_>, Refusal> {
        let mut profile = Profile::load(&self.platform).map_err(Refusal::of("platform"))?;
        if let Some(cpu) = &self.cpu {
            profile = profile.for_cpu(cpu).map_err(Refusal::of("cpu"))?;
        }
        let schema = self.schema.as_deref().map(schema::read).transpose();
        Ok(Ingredients {
            recipe: self,
            profile,
            schema: schema.map_err(Refusal::of("schema"))?,
            calibration: self.text().map_err(Refusal::of("calibration"))?,
        })
    }

    /// The files that a compilation reads, those of the model last; a folder may have more that it
    /// would read if they were there.
    ///
    /// # Errors
    ///
    /// When the model's cannot be found.
    pub fn files(&self) -> Result<Vec<PathBuf>, Refusal> {
        let given = [
            self.profile_file(),
            self.schema.as_deref(),
            self.calibration.as_deref(),
        ];
        let mut files: Vec<PathBuf> = given.into_iter().flatten().map(Path::to_owned).collect();
        if let Some(model) = &self.model {
            let more = files_of(model, self.tokenizer.as_deref()).map_err(Refusal::of("model"))?;
            files.extend(more);
        }
        Ok(files)
    }

    /// The calibration text.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is not UTF-8.
    pub fn text(&self) -> Result<Cow<'static, str>> {
        match &self.calibration {
            Some(path) => Ok(text::read(path)?.into()),
            None => Ok(text::CALIBRATION.into()),
        }
    }

    /// The model with the tokens that are to be kept.
    ///
    /// # Errors
    ///
    /// When they are too few or too many.
    pub fn prune(&self, model: Model, text: &str) -> Result<Model> {
        match self.vocab_size {
            Some(size) => prune::vocabulary(model, size, text),
            None => Ok(model),
        }
    }

    /// What the planner is asked for.
    pub fn request(&self, text: Cow<'static, str>) -> Request {
        Request {
            quant: self.quant,
            tensors: self.tensors.clone(),
            calibration: match text {
                Cow::Borrowed(_) => None,
                Cow::Owned(text) => Some(text),
            },
            context: self.context,
            answer_cache: self.answer_cache,
            weights: self.weights,
            allow_oversize: self.allow_oversize,
        }
    }
}

/// A recipe with its profile and texts.
pub struct Ingredients<'r> {
    recipe: &'r Recipe,
    profile: Profile,
    schema: Option<Vec<u8>>,
    calibration: Cow<'static, str>,
}

impl Ingredients<'_> {
    /// The options.
    pub fn recipe(&self) -> &Recipe {
        self.recipe
    }

    /// The platform's profile, for the CPU if one is named.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The schema's text.
    pub fn schema(&self) -> Option<&[u8]> {
        self.schema.as_deref()
    }

    /// The calibration text.
    pub fn calibration(&self) -> &str {
        &self.calibration
    }

    /// The model, with its system message, the tokens to keep and the schema of its answers, if
    /// there are.
    ///
    /// # Errors
    ///
    /// When it is refused, or one of the three does not suit it.
    pub fn model(&self) -> Result<Model, Refusal> {
        let recipe = self.recipe;
        let tokenizer = recipe.tokenizer.as_deref();
        let model = match &recipe.model {
            Some(path) => import_with_tokenizer(path, tokenizer),
            None if tokenizer.is_some() => {
                let error = Error::new("the built-in model holds its own tokenizer");
                return Err(Refusal::of("tokenizer")(
                    error.remedy("leave the tokenizer out"),
                ));
            }
            None => built_in(),
        };
        let model = model.map_err(|error| {
            let about_tokenizer = tokenizer.is_some() && error.file() == tokenizer;
            Refusal::of(if about_tokenizer {
                "tokenizer"
            } else {
                "model"
            })(error)
        })?;
        let model = match &recipe.system {
            Some(text) => model.with_system(text).map_err(Refusal::of("system"))?,
            None => model,
        };
        // The tokens of the system message are kept.
        let model = recipe
            .prune(model, &self.calibration)
            .map_err(Refusal::of("vocab_size"))?;
        match (&self.schema, &recipe.schema) {
            (Some(text), Some(path)) => model
                .with_schema(text)
                .map_err(|error| Refusal::of("schema")(error.in_file(path))),
            _ => Ok(model),
        }
    }

    /// What the planner is asked for.
    pub fn request(&self) -> Request {
        self.recipe.request(self.calibration.clone())
    }

    /// Model → Compiled, for the macro and build scripts.
    ///
    /// # Errors
    ///
    /// As [`Self::model`] and [`compile`].
    pub fn compile(&self, progress: &impl Progress) -> Result<Compiled<'_>, Refusal> {
        let model = self.model()?;
        compile(&model, &self.profile, &self.request(), progress).map_err(Refusal::of("model"))
    }
}
