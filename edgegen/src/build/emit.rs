//! The build-script helper.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use crate::emit::place;
use crate::error::{Error, Kind, Place, Remedy, Result, Setting, Value};
use crate::import::Adapter;
use crate::model::Role;
use crate::profile::Profile;
use crate::recipe::{self, Recipe, Refusal};

use super::module::module;

/// Compiles a model into a module, from a build script: the same code as `edgegen emit` writes.
///
/// ```no_run
/// // build.rs, with `edgegen` among the build-dependencies
/// edgegen::build::Emit::new("models/SmolLM2-135M-Instruct.Q4_1.gguf")
///     .platform("raspberry_pi")
///     .context(512)
///     .generate();
/// ```
///
/// The crate then has the module `assistant` where it says
/// `include!(concat!(env!("OUT_DIR"), "/assistant.rs"));` (docs/macro.md shows one whole).
///
/// Paths are relative to the crate's manifest. Options are those of `edgegen emit`.
#[derive(Debug, Clone)]
#[must_use = "`generate` does the work"]
pub struct Emit {
    recipe: Recipe,
    name: String,
    problem: Option<Error>,
}

/// What was generated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emitted {
    /// The Rust file, to be included.
    pub file: PathBuf,
    /// The files that the model was compiled from.
    pub sources: Vec<PathBuf>,
}

impl Emit {
    /// A model: a GGUF file, a Hugging Face folder or a llama2.c checkpoint.
    pub fn new(model: impl Into<PathBuf>) -> Self {
        Self {
            recipe: Recipe {
                model: Some(model.into()),
                ..Recipe::default()
            },
            ..Self::built_in()
        }
    }

    /// The built-in homectl.
    pub fn built_in() -> Self {
        Self {
            recipe: Recipe::default(),
            name: "assistant".into(),
            problem: None,
        }
    }

    /// The module's name, and that of its file; `assistant` if it is not called.
    pub fn name(mut self, name: &str) -> Self {
        if syn::parse_str::<syn::Ident>(name).is_err() {
            let problem = Error::option("name", format!("`{name}` cannot be a module's name"));
            self.refuse(problem.remedy("use a name such as `assistant`"));
        }
        self.name = name.into();
        self
    }

    /// A built-in platform, or a profile's TOML file. There is no default.
    pub fn platform(mut self, name_or_path: &str) -> Self {
        self.recipe.platform = name_or_path.into();
        self
    }

    /// The one CPU to compile for.
    pub fn cpu(mut self, name: &str) -> Self {
        self.recipe.cpu = Some(name.into());
        self
    }

    /// Tokenizer of a llama2.c model; `tokenizer.bin` beside it if it is not called.
    pub fn tokenizer(mut self, file: impl Into<PathBuf>) -> Self {
        self.recipe.beside.tokenizer = Some(file.into());
        self
    }

    /// A LoRA adapter to add to the weights, of PEFT: its folder, or folder and scale such as
    /// `adapter:0.5`. Several calls add several.
    pub fn lora(mut self, folder: &str) -> Self {
        match Adapter::parse(folder.as_ref()) {
            Ok(adapter) => self.recipe.beside.lora.push(adapter),
            Err(error) => self.refuse(error),
        }
        self
    }

    /// Weight format: `keep` (if it is not called), f32, f16, q8, q4m, q4, t4, t3 or t2.
    pub fn quant(mut self, format: &str) -> Self {
        match recipe::quant(format) {
            Ok(quant) => self.recipe.compression.quant = quant,
            Err(error) => self.refuse(error.at(Place::Option("quant"))),
        }
        self
    }

    /// Weight format of one kind of matrix, such as `embedding`.
    pub fn tensor(mut self, role: &str, format: &str) -> Self {
        match Role::matrix(role).and_then(|role| Ok((role, recipe::format(format)?))) {
            Ok((role, format)) => {
                let formats = &mut self.recipe.compression.tensors;
                if formats.insert(role, format).is_some() {
                    self.refuse(recipe::given_twice(role));
                }
            }
            Err(error) => self.refuse(error.at(Place::Option("tensor"))),
        }
        self
    }

    /// Calibrates q8, q4 and q4m too.
    pub fn calibrate(mut self) -> Self {
        self.recipe.compression.calibrate = true;
        self
    }

    /// A plan's file, in place of formats, vocabulary and pruning.
    pub fn plan(mut self, file: impl Into<PathBuf>) -> Self {
        self.recipe.compression.plan = Some(file.into());
        self
    }

    /// Number format of the KV cache: f32 (if it is not called) or i8.
    pub fn kv_cache(mut self, format: &str) -> Self {
        match recipe::kv_cache(format) {
            Ok(format) => self.recipe.compression.kv_cache = format,
            Err(error) => self.refuse(error.at(Place::Option("kv_cache"))),
        }
        self
    }

    /// Feed-forward neurons of each layer to keep.
    pub fn intermediate_size(mut self, neurons: usize) -> Self {
        self.recipe.compression.shape.intermediate_size = Some(neurons);
        self
    }

    /// Key-value heads of each layer to keep, each with its query heads.
    pub fn kv_heads(mut self, heads: usize) -> Self {
        self.recipe.compression.shape.num_key_value_heads = Some(heads);
        self
    }

    /// Layers to keep.
    pub fn layers(mut self, layers: usize) -> Self {
        self.recipe.compression.shape.num_hidden_layers = Some(layers);
        self
    }

    /// Tokens to keep, the most frequent ones of the calibration text.
    pub fn vocab_size(mut self, tokens: usize) -> Self {
        self.recipe.compression.vocab_size = Some(tokens);
        self
    }

    /// Text of the kind that the model will see, UTF-8.
    pub fn calibration(mut self, file: impl Into<PathBuf>) -> Self {
        self.recipe.compression.calibration = Some(file.into());
        self
    }

    /// Tokens that a session holds.
    pub fn context(mut self, tokens: usize) -> Self {
        self.recipe.context = Some(tokens);
        self
    }

    /// Tokens of prompts and answers that a session keeps, to give the same answer to the same
    /// request.
    pub fn answer_cache(mut self, tokens: usize) -> Self {
        self.recipe.answer_cache = Some(tokens);
        self
    }

    /// JSON Schema that every answer shall be valid against.
    pub fn schema(mut self, file: impl Into<PathBuf>) -> Self {
        self.recipe.schema = Some(file.into());
        self
    }

    /// System message of every chat that gives none; computed now, so that a device need not.
    pub fn system(mut self, text: &str) -> Self {
        self.recipe.system = Some(text.into());
        self
    }

    /// Compiles even if the platform's limits are exceeded.
    pub fn allow_oversize(mut self) -> Self {
        self.recipe.allow_oversize = true;
        self
    }

    /// Writes the module to `OUT_DIR` and tells cargo which files were read. What is wrong is an
    /// error of the build, and ends the build script.
    pub fn generate(self) {
        if let Err(error) = self.try_generate() {
            for line in error.told(written).lines() {
                println!("cargo::error={line}");
            }
            process::exit(1);
        }
    }

    /// As [`generate`](Self::generate), for build scripts that handle errors themselves.
    ///
    /// # Errors
    ///
    /// As `edgegen emit`, with the same messages; and outside a build script.
    pub fn try_generate(self) -> Result<Emitted> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let folder = |name: &str| {
            env::var_os(name).map(PathBuf::from).ok_or_else(|| {
                Error::of(Kind::Tool, format!("cargo does not set {name}"))
                    .remedy("call it in a build script")
            })
        };
        let (root, out) = (folder("CARGO_MANIFEST_DIR")?, folder("OUT_DIR")?);
        if self.recipe.platform.is_empty() {
            return Err(Profile::missing());
        }
        let recipe = self.recipe.below(&root);
        tell_cargo(&recipe);
        let module = module(&recipe).map_err(Refusal::into_error)?;
        for warning in module.warnings() {
            println!("cargo::warning={warning}");
        }
        let weights = out.join(&self.name);
        check_own(&weights, module.sources())?;
        put_weights(module.folder(), &weights)?;
        let file = out.join(format!("{}.rs", self.name));
        let code = module.code(&self.name, &self.name);
        let text = format!(
            "/// A language model, compiled by edgegen {}.\npub mod {} {{\n{code}}}\n",
            env!("CARGO_PKG_VERSION"),
            self.name
        );
        put(&file, text.as_bytes())?;
        Ok(Emitted {
            file,
            sources: module.sources().to_owned(),
        })
    }

    /// The first problem is the one that is told.
    fn refuse(&mut self, problem: Error) {
        self.problem.get_or_insert(problem);
    }
}

/// An option as a call of [`Emit`]'s; nothing for one that it has not.
fn written(setting: &Setting) -> Option<String> {
    const METHODS: [&str; 20] = [
        "name",
        "platform",
        "cpu",
        "tokenizer",
        "lora",
        "quant",
        "tensor",
        "calibrate",
        "plan",
        "kv_cache",
        "intermediate_size",
        "kv_heads",
        "layers",
        "vocab_size",
        "calibration",
        "context",
        "answer_cache",
        "schema",
        "system",
        "allow_oversize",
    ];
    let option = setting.option();
    METHODS.contains(&option).then(|| match setting.value() {
        Value::None => option.to_owned(),
        Value::On => format!(".{option}()"),
        Value::Bare(value) => format!(".{option}({value})"),
        Value::Text(value) => format!(".{option}({value:?})"),
    })
}

/// Says when to run the build script again, also after an error.
fn tell_cargo(recipe: &Recipe) {
    println!("cargo::rerun-if-env-changed=EDGEGEN_CACHE");
    // Files may appear in a folder.
    let model = recipe.model.as_deref().filter(|model| model.is_dir());
    let adapters = recipe.beside.lora.iter().map(|adapter| &*adapter.folder);
    let files = recipe.files().unwrap_or_default();
    let files = files.iter().map(PathBuf::as_path);
    for path in model.into_iter().chain(adapters).chain(files) {
        // A line of a path with a line break would be an instruction of its own.
        if path.to_string_lossy().contains(['\n', '\r']) {
            continue;
        }
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

/// Refuses a folder for the weights in which something lies that is read: all else in it goes.
fn check_own(weights: &Path, sources: &[PathBuf]) -> Result<()> {
    let Ok(folder) = fs::canonicalize(weights) else {
        return Ok(());
    };
    let mut places = sources.iter().filter_map(|source| place(source));
    match places.any(|place| place.starts_with(&folder)) {
        false => Ok(()),
        true => Err(Error::of(
            Kind::Option,
            "the packed weights would replace what is read from this folder",
        )
        .in_file(weights)
        .remedy(Remedy::from("give another name with ").set(Setting::named("name")))),
    }
}

/// Makes the files of `to` those of `from`.
fn put_weights(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).map_err(|error| Error::output("create the folder", to, &error))?;
    let wanted = names(from)?;
    for name in names(to)?.difference(&wanted) {
        let file = to.join(name);
        fs::remove_file(&file).map_err(|error| Error::io("delete", &file, &error))?;
    }
    for name in &wanted {
        let file = from.join(name);
        let bytes = fs::read(&file).map_err(|error| Error::io("read", &file, &error))?;
        put(&to.join(name), &bytes)?;
    }
    Ok(())
}

fn names(folder: &Path) -> Result<BTreeSet<OsString>> {
    let failed = |error| Error::io("list the folder", folder, &error);
    let entries = fs::read_dir(folder).map_err(failed)?;
    entries
        .map(|entry| Ok(entry.map_err(failed)?.file_name()))
        .collect()
}

/// Writes a file, unless its content is there already.
fn put(file: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    fs::write(file, bytes).map_err(|error| Error::output("write", file, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::with_every_option;

    #[test]
    fn every_call_sets_its_option() {
        let emit = Emit::new("m")
            .tokenizer("t")
            .lora("a")
            .lora("b:0.5")
            .platform("host")
            .cpu("c")
            .quant("q8")
            .tensor("embedding", "t4")
            .calibrate()
            .vocab_size(300)
            .intermediate_size(32)
            .kv_heads(2)
            .layers(3)
            .calibration("text")
            .kv_cache("i8")
            .context(50)
            .answer_cache(60)
            .schema("s")
            .system("hello")
            .allow_oversize();
        assert_eq!(emit.problem, None);
        assert_eq!(emit.recipe, with_every_option());
        let plan = emit.plan("p").recipe.compression.plan;
        assert_eq!(plan, Some("p".into()));
    }

    #[test]
    fn weights_are_those_of_the_cache_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
        fs::create_dir(&from).unwrap();
        for (file, text) in [("a", "new"), ("b", "same")] {
            fs::write(from.join(file), text).unwrap();
        }
        fs::create_dir(&to).unwrap();
        for (file, text) in [("a", "old"), ("b", "same"), ("c", "of before")] {
            fs::write(to.join(file), text).unwrap();
        }
        put_weights(&from, &to).unwrap();
        assert_eq!(names(&to).unwrap(), ["a", "b"].map(OsString::from).into());
        assert_eq!(fs::read_to_string(to.join("a")).unwrap(), "new");
    }

    #[test]
    fn weights_replace_nothing_that_is_read() {
        let place = tempfile::tempdir().unwrap();
        let [weights, model] = ["voice", "voice/model.gguf"].map(|name| place.path().join(name));
        let around = place.path().join("voice/../voice/./model.gguf");
        check_own(&weights, std::slice::from_ref(&model)).unwrap();
        fs::create_dir(&weights).unwrap();
        for source in [model, around] {
            let error = check_own(&weights, &[source]).unwrap_err().to_string();
            assert!(error.contains("would replace what is read"), "{error}");
        }
        check_own(&weights, &[place.path().join("model.gguf")]).unwrap();
    }

    #[test]
    fn options_are_told_as_calls() {
        let told = |setting: Setting| written(&setting);
        assert_eq!(
            told(Setting::text("quant", "t2")).unwrap(),
            ".quant(\"t2\")"
        );
        assert_eq!(told(Setting::bare("context", 32)).unwrap(), ".context(32)");
        assert_eq!(
            told(Setting::on("allow_oversize")).unwrap(),
            ".allow_oversize()"
        );
        assert_eq!(told(Setting::named("schema")).unwrap(), "schema");
        assert_eq!(told(Setting::named("out")), None);
    }
}
