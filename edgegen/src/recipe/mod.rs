//! What to compile and how: the options that the command line, the macro and build scripts have
//! in common.

mod compression;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::bind;
use crate::cache::Cache;
use crate::compile::{Compiled, compile};
use crate::error::{Error, Kind, Result};
use crate::import::{Beside, built_in, files_of, import_with};
use crate::model::{Model, Role};
use crate::plan::{Quant, Request};
use crate::profile::Profile;
use crate::program::{CacheFormat, Placement, WeightFormat};
use crate::progress::Progress;
use crate::schema;

pub use compression::{Compression, Loaded};

/// The options of a compilation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recipe {
    /// GGUF file, Hugging Face folder or llama2.c checkpoint; the built-in homectl, if absent.
    pub model: Option<PathBuf>,
    /// What is given beside the model's file.
    pub beside: Beside,
    /// Built-in platform, or path of a profile's TOML file.
    pub platform: String,
    /// The one CPU to compile for.
    pub cpu: Option<String>,
    /// What becomes of the weights and all else that can be made smaller.
    pub compression: Compression,
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
            option: error.about().unwrap_or(option).to_owned(),
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
    let formats = WeightFormat::MADE.map(WeightFormat::name);
    let names = [&["keep"], &formats[..]].concat();
    name.parse()
        .map_err(|_| Error::unknown("weight format", name, &names))
}

/// The weight format of that name, for the matrices of one role.
///
/// # Errors
///
/// As [`quant`].
pub fn format(name: &str) -> Result<WeightFormat> {
    let names = WeightFormat::MADE.map(WeightFormat::name);
    name.parse()
        .map_err(|_| Error::unknown("weight format", name, &names))
}

/// Two formats for the matrices of one role.
pub(crate) fn given_twice(role: Role) -> Error {
    Error::option("tensors", format!("`{}` is given twice", role.name())).remedy("give it once")
}

/// The format of the KV cache of that name.
///
/// # Errors
///
/// Lists the names that there are.
pub fn kv_cache(name: &str) -> Result<CacheFormat> {
    let names = CacheFormat::ALL.map(CacheFormat::name);
    name.parse()
        .map_err(|_| Error::unknown("format of the KV cache", name, &names))
}

impl Recipe {
    /// The same with relative paths below `root`.
    #[must_use]
    pub fn below(mut self, root: &Path) -> Self {
        let paths = [
            &mut self.model,
            &mut self.beside.tokenizer,
            &mut self.compression.plan,
            &mut self.compression.calibration,
            &mut self.schema,
        ];
        let adapters = self.beside.lora.iter_mut();
        let folders = adapters.map(|adapter| &mut adapter.folder);
        for path in paths.into_iter().flatten().chain(folders) {
            // Joined, an empty one would be the root.
            if !path.as_os_str().is_empty() {
                *path = root.join(&*path);
            }
        }
        let file = Profile::file(&self.platform).map(|file| root.join(file));
        if let Some(file) = file
            && (file.exists() || file.extension().is_some())
            && let Some(file) = file.to_str()
        {
            self.platform = file.to_owned();
        }
        self
    }

    /// Reads what is small: profile and texts.
    ///
    /// # Errors
    ///
    /// When one of them cannot be read or is malformed, and when options exclude each other.
    pub fn read(&self) -> Result<Ready<'_>, Refusal> {
        let Beside { tokenizer, lora } = &self.beside;
        if self.model.is_none() && tokenizer.is_some() {
            let error = Error::of(Kind::Option, "the built-in model holds its own tokenizer");
            return Err(Refusal::of("tokenizer")(
                error.remedy("leave the tokenizer out"),
            ));
        }
        if self.model.is_none() && !lora.is_empty() {
            let error = Error::of(Kind::Option, "an adapter is of a model, and none is given");
            return Err(Refusal::of("lora")(
                error.remedy("give the model that the adapter was trained on"),
            ));
        }
        let paths = [
            ("model", &self.model),
            ("tokenizer", tokenizer),
            ("plan", &self.compression.plan),
            ("calibration", &self.compression.calibration),
            ("schema", &self.schema),
        ];
        let paths = paths
            .into_iter()
            .filter_map(|(option, path)| Some((option, path.as_ref()?)));
        let folders = lora.iter().map(|adapter| ("lora", &adapter.folder));
        for (option, path) in paths.chain(folders) {
            if path.as_os_str().is_empty() {
                let error = Error::of(Kind::Option, "the path is empty");
                return Err(Refusal::of(option)(
                    error.remedy("give a path, or leave it out"),
                ));
            }
        }
        let mut profile = Profile::load(&self.platform).map_err(Refusal::of("platform"))?;
        if let Some(cpu) = &self.cpu {
            profile = profile.for_cpu(cpu).map_err(Refusal::of("cpu"))?;
        }
        let schema = self.schema.as_deref().map(schema::read).transpose();
        Ok(Ready {
            recipe: self,
            profile,
            schema: schema.map_err(Refusal::of("schema"))?,
            loaded: self.compression.read()?,
        })
    }

    /// The files that are given beside the model.
    pub fn given(&self) -> Vec<&Path> {
        let given = [
            Profile::file(&self.platform),
            self.schema.as_deref(),
            self.compression.plan.as_deref(),
            self.compression.calibration.as_deref(),
        ];
        given.into_iter().flatten().collect()
    }

    /// The files that a compilation reads, those of the model last; a folder may have more that it
    /// would read if they were there.
    ///
    /// # Errors
    ///
    /// When the model's cannot be found, or a tokenizer is given for a model that holds its own.
    pub fn files(&self) -> Result<Vec<PathBuf>, Refusal> {
        let mut files: Vec<PathBuf> = self.given().into_iter().map(Path::to_owned).collect();
        if let Some(model) = &self.model {
            let more = files_of(model, &self.beside);
            files.extend(more.map_err(|error| self.about_model(error))?);
        }
        Ok(files)
    }

    /// Of an error about the files of the model.
    pub(crate) fn about_model(&self, error: Error) -> Refusal {
        let Beside { tokenizer, lora } = &self.beside;
        let is_about = |path: &Path| error.file().is_some_and(|file| file.starts_with(path));
        Refusal::of(if tokenizer.as_deref().is_some_and(is_about) {
            "tokenizer"
        } else if lora.iter().any(|adapter| is_about(&adapter.folder)) {
            "lora"
        } else {
            "model"
        })(error)
    }

    /// What the planner is asked for beside compression.
    fn request(&self) -> Request {
        Request {
            context: self.context,
            answer_cache: self.answer_cache,
            weights: self.weights,
            allow_oversize: self.allow_oversize,
            kv_cache: self.compression.kv_cache,
            ..Request::default()
        }
    }
}

/// A recipe with its profile and texts.
pub struct Ready<'r> {
    recipe: &'r Recipe,
    profile: Profile,
    schema: Option<Vec<u8>>,
    loaded: Loaded<'r>,
}

impl Ready<'_> {
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

    /// The options of compression with the files that they name.
    pub fn loaded(&self) -> &Loaded<'_> {
        &self.loaded
    }

    /// The model, with all that is to be kept of it and the schema of its answers, if there is one.
    ///
    /// # Errors
    ///
    /// As [`Self::original`], and when something does not suit the model.
    pub fn model(&self) -> Result<Model, Refusal> {
        // The tokens of the system message are kept.
        self.bound(self.loaded.prune(self.original()?)?)
    }

    /// The model, with its system message.
    ///
    /// # Errors
    ///
    /// When it is refused, or takes no system message.
    fn original(&self) -> Result<Model, Refusal> {
        let recipe = self.recipe;
        let model = match &recipe.model {
            Some(path) => import_with(path, &recipe.beside),
            None => built_in(),
        };
        self.with_system(model.map_err(|error| recipe.about_model(error))?)
    }

    /// A model that was read, with the system message.
    ///
    /// # Errors
    ///
    /// When it takes none.
    pub fn with_system(&self, model: Model) -> Result<Model, Refusal> {
        match &self.recipe.system {
            Some(text) => bind::system(model, text).map_err(Refusal::of("system")),
            None => Ok(model),
        }
    }

    /// The model with its answers bound to the schema.
    ///
    /// # Errors
    ///
    /// When the schema is refused.
    pub fn bound(&self, model: Model) -> Result<Model, Refusal> {
        match (&self.schema, &self.recipe.schema) {
            (Some(text), Some(path)) => bind::schema(model, text)
                .map_err(|error| Refusal::of("schema")(error.in_file(path))),
            _ => Ok(model),
        }
    }

    /// What the planner is asked for beside compression.
    pub fn plain_request(&self) -> Request {
        self.recipe.request()
    }

    /// What the planner is asked for, for this model.
    ///
    /// # Errors
    ///
    /// As [`Loaded::request`].
    pub fn request(&self, model: &Model) -> Result<Request, Refusal> {
        self.loaded.request(model, self.plain_request())
    }

    /// Model → Compiled, for the macro and build scripts.
    ///
    /// # Errors
    ///
    /// As [`Self::model`] and [`compile`].
    pub fn compile(
        &self,
        cache: &Cache,
        progress: &impl Progress,
    ) -> Result<Compiled<'_>, Refusal> {
        let model = self.model()?;
        let request = self.request(&model)?;
        compile(&model, &self.profile, &request, cache, progress).map_err(Refusal::of("model"))
    }
}

/// A recipe with all options but a plan, which excludes others.
#[cfg(test)]
pub(crate) fn with_every_option() -> Recipe {
    use crate::import::Adapter;
    Recipe {
        model: Some("m".into()),
        beside: Beside {
            tokenizer: Some("t".into()),
            lora: ["a", "b:0.5"]
                .map(|text| Adapter::parse(text.as_ref()).unwrap())
                .into(),
        },
        platform: "host".into(),
        cpu: Some("c".into()),
        compression: Compression {
            quant: Quant::To(WeightFormat::Q8),
            tensors: [(Role::Embedding, WeightFormat::T4)].into(),
            calibrate: true,
            vocab_size: Some(300),
            shape: crate::prune::Shape {
                intermediate_size: Some(32),
                num_key_value_heads: Some(2),
                num_hidden_layers: Some(3),
            },
            plan: None,
            calibration: Some("text".into()),
            kv_cache: CacheFormat::I8,
        },
        context: Some(50),
        answer_cache: Some(60),
        schema: Some("s".into()),
        system: Some("hello".into()),
        weights: Placement::default(),
        allow_oversize: true,
    }
}
