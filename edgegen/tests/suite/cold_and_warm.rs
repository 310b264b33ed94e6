//! The cache of modules changes no answer: what a recipe gives with an empty cache, a module or a
//! refusal, it gives with one that holds what any other recipes gave.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::SystemTime;

use edgegen::build::module_in;
use edgegen::import::Adapter;
use edgegen::model::Role;
use edgegen::plan::Quant;
use edgegen::program::{CacheFormat, Placement, WeightFormat};
use edgegen::recipe::Recipe;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::common::{Shape, Tiny, gguf, hf, llama2c, lora};

/// Models and texts, good and bad, some of them the same by other names.
struct Files {
    root: TempDir,
}

static FILES: LazyLock<Files> = LazyLock::new(Files::new);

impl Files {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let files = Self { root };
        let tiny = Tiny::new(Shape::default(), 7);
        let vocabulary = llama2c::tokenizer(tiny.shape.vocab);
        let mut other = vocabulary.clone();
        // The score of the last token.
        let at = other.len() - 9;
        other[at] ^= 1;
        files.write("tiny.bin", llama2c::version_0(&tiny));
        files.write("tokenizer.bin", &vocabulary);
        files.write("vocabulary.bin", &vocabulary);
        files.write("other.bin", other);
        files.write("alone/tiny.bin", llama2c::version_0(&tiny));
        files.write("tiny.gguf", gguf::Gguf::new(&tiny).bytes());
        let mut nameless = gguf::Gguf::new(&tiny);
        nameless.remove("general.name");
        files.write("nameless.gguf", nameless.bytes());
        files.write("called.gguf", nameless.bytes());
        for folder in ["tiny", "same", "more", "twin/tiny"] {
            let path = files.path(folder);
            fs::create_dir_all(&path).unwrap();
            hf::Folder::new(&tiny).write(&path);
        }
        files.write("more/generation_config.json", r#"{"eos_token_id": 5}"#);
        files.write("more/notes.txt", "nothing that is read");
        #[cfg(unix)]
        for (to, link) in [("../same", "links/tiny"), ("../tiny.bin", "links/tiny.bin")] {
            let link = files.path(link);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(to, link).unwrap();
        }
        let down = "model.layers.0.mlp.down_proj";
        for (folder, seed) in [("adapter", 1), ("same-adapter", 1), ("other-adapter", 2)] {
            lora::Folder::new(&tiny, &[down], seed).write(&files.path(folder));
        }
        files.write("empty/nothing.txt", "");
        files.write("garbage.bin", vec![0; 4096]);
        files.write("yes.json", r#"{"type": "boolean"}"#);
        files.write("no.json", r#"{"type": "truth"}"#);
        files.write("words.txt", "the hello there you are the one ".repeat(200));
        files.write("blank.txt", " ");
        files.write("plan.toml", "version = 1\nmodel = \"m\"\n[formats]\n");
        let desk = include_str!("../../src/profile/built_in/raspberry_pi.toml");
        files.write("desk.toml", desk.replace("raspberry_pi", "desk"));
        files.write("bad.toml", "name = 1");
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

type Change = fn(&mut Recipe);

fn path(name: &str) -> Option<PathBuf> {
    Some(name.into())
}

fn adapter(text: &str) -> Adapter {
    Adapter::parse(text.as_ref()).unwrap()
}

/// Every option, with values that are right with some others and wrong with the rest.
const CHANGES: &[Change] = &[
    |recipe| recipe.beside.tokenizer = path("tokenizer.bin"),
    |recipe| recipe.beside.tokenizer = path("vocabulary.bin"),
    |recipe| recipe.beside.tokenizer = path("other.bin"),
    |recipe| recipe.beside.tokenizer = path("no/such.bin"),
    |recipe| recipe.beside.tokenizer = path("tiny"),
    |recipe| recipe.beside.lora.push(adapter("adapter")),
    |recipe| recipe.beside.lora.push(adapter("adapter:0.5")),
    |recipe| recipe.beside.lora.push(adapter("same-adapter")),
    |recipe| recipe.beside.lora.push(adapter("other-adapter")),
    |recipe| recipe.beside.lora.push(adapter("no/such")),
    |recipe| recipe.platform = "raspberry_pi".into(),
    |recipe| recipe.platform = "esp32".into(),
    |recipe| recipe.platform = "browser".into(),
    |recipe| recipe.platform = "ios".into(),
    |recipe| recipe.platform = "desk.toml".into(),
    |recipe| recipe.platform = "bad.toml".into(),
    |recipe| recipe.platform = "toaster".into(),
    |recipe| recipe.cpu = Some("x86-64-v3".into()),
    |recipe| recipe.cpu = Some("cortex-a72".into()),
    |recipe| recipe.compression.quant = Quant::To(WeightFormat::Q8),
    |recipe| recipe.compression.quant = Quant::To(WeightFormat::F16),
    |recipe| {
        _ = recipe
            .compression
            .tensors
            .insert(Role::Down, WeightFormat::Q4)
    },
    |recipe| {
        _ = recipe
            .compression
            .tensors
            .insert(Role::Output, WeightFormat::Q8)
    },
    |recipe| recipe.compression.calibrate = true,
    |recipe| recipe.compression.vocab_size = Some(268),
    |recipe| recipe.compression.vocab_size = Some(9),
    |recipe| recipe.compression.shape.intermediate_size = Some(32),
    |recipe| recipe.compression.shape.num_key_value_heads = Some(1),
    |recipe| recipe.compression.shape.num_hidden_layers = Some(1),
    |recipe| recipe.compression.shape.num_hidden_layers = Some(0),
    |recipe| recipe.compression.calibration = path("words.txt"),
    |recipe| recipe.compression.calibration = path("blank.txt"),
    |recipe| recipe.compression.plan = path("plan.toml"),
    |recipe| recipe.compression.plan = path("no/such.toml"),
    |recipe| recipe.compression.kv_cache = CacheFormat::I8,
    |recipe| recipe.context = Some(32),
    |recipe| recipe.context = Some(0),
    |recipe| recipe.context = Some(1 << 20),
    |recipe| recipe.answer_cache = Some(0),
    |recipe| recipe.answer_cache = Some(1 << 30),
    |recipe| recipe.schema = path("yes.json"),
    |recipe| recipe.schema = path("no.json"),
    |recipe| recipe.schema = path("no/such.json"),
    |recipe| recipe.system = Some("Be brief.".into()),
    |recipe| recipe.system = Some(String::new()),
    |recipe| recipe.weights = Placement::External,
    |recipe| recipe.allow_oversize = true,
];

/// Models, of which some are the same.
const MODELS: &[Option<&str>] = &[
    None,
    Some("tiny.bin"),
    Some("links/tiny.bin"),
    Some("alone/tiny.bin"),
    Some("tiny.gguf"),
    Some("nameless.gguf"),
    Some("called.gguf"),
    Some("tiny"),
    Some("twin/tiny"),
    Some("twin/../tiny/."),
    Some("same"),
    Some("links/tiny"),
    Some("more"),
    Some("empty"),
    Some("garbage.bin"),
    Some("no/such.gguf"),
];

fn recipe(model: Option<&str>, changes: &[usize]) -> Recipe {
    let mut recipe = Recipe {
        model: model.map(PathBuf::from),
        platform: "host".into(),
        ..Recipe::default()
    };
    for &change in changes {
        CHANGES[change](&mut recipe);
    }
    recipe.below(FILES.root.path())
}

/// The module with its weights and what is told of it, or the refusal with the option that it is about.
type Answer = Result<(String, BTreeMap<String, Vec<u8>>, Vec<String>), (String, String)>;

fn ask(cache: &Path, recipe: &Recipe) -> Answer {
    let module = module_in(cache, recipe)
        .map_err(|refusal| (refusal.option().to_owned(), refusal.to_string()))?;
    let weights = fs::read_dir(module.folder()).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        (name.to_owned(), fs::read(&path).unwrap())
    });
    let warnings = module.warnings().to_vec();
    Ok((module.code("name", "folder"), weights.collect(), warnings))
}

/// Asks with an empty cache, and with one that others have warmed.
fn same_answers(warm: &Path, recipe: &Recipe) -> Result<(), TestCaseError> {
    let cold = tempfile::tempdir().unwrap();
    let expected = ask(cold.path(), recipe);
    for _ in 0..2 {
        prop_assert!(ask(warm, recipe) == expected, "{recipe:?}: {expected:?}");
    }
    Ok(())
}

/// A cache that is warm from case to case.
static WARM: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    #[ignore = "long"]
    fn the_answer_is_that_of_an_empty_cache(
        model in prop::sample::select(&MODELS[1..]),
        changes in prop::sample::subsequence((0..CHANGES.len()).collect::<Vec<_>>(), 1..4),
    ) {
        // What differs in one option, or in all, comes before it.
        for left_out in 0..=changes.len() {
            let mut others = changes.clone();
            if left_out < others.len() {
                others.remove(left_out);
            } else {
                others.clear();
            }
            _ = ask(WARM.path(), &recipe(model, &others));
        }
        same_answers(WARM.path(), &recipe(model, &changes))?;
    }
}

#[test]
#[ignore = "long"]
fn each_option_alone_is_answered_as_with_an_empty_cache() {
    let warm = tempfile::tempdir().unwrap();
    let model = Some("tiny.bin");
    assert!(ask(warm.path(), &recipe(model, &[])).is_ok());
    let mut modules = 0;
    for change in 0..CHANGES.len() {
        let recipe = recipe(model, &[change]);
        same_answers(warm.path(), &recipe).unwrap();
        modules += usize::from(ask(warm.path(), &recipe).is_ok());
    }
    assert!(modules > CHANGES.len() / 2, "{modules}");
}

#[test]
#[ignore = "long"]
fn each_model_is_answered_as_with_an_empty_cache() {
    let warm = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        for &model in &MODELS[1..] {
            same_answers(warm.path(), &recipe(model, &[])).unwrap();
        }
    }
}

/// The case that a new user found.
#[test]
fn the_built_in_model_has_its_own_tokenizer_with_any_cache() {
    let warm = tempfile::tempdir().unwrap();
    assert!(ask(warm.path(), &recipe(None, &[])).is_ok());
    let (option, problem) = ask(warm.path(), &recipe(None, &[0])).unwrap_err();
    assert_eq!(option, "tokenizer");
    assert!(problem.contains("holds its own tokenizer"), "{problem}");
}

/// What changes on the disk between two builds, one after another.
#[test]
#[ignore = "long"]
fn a_change_of_the_files_is_answered_as_with_an_empty_cache() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    let warm = path("cache");
    let copy = |from: &str, to: &str| _ = fs::copy(FILES.path(from), path(to)).unwrap();
    copy("tiny.bin", "tiny.bin");
    fs::create_dir(path("folder")).unwrap();
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        copy(&format!("tiny/{name}"), &format!("folder/{name}"));
    }
    let flipped = |name: &str, at: usize| {
        // Of the same length, with the same time.
        let time = fs::metadata(path(name)).unwrap().modified().unwrap();
        let mut bytes = fs::read(path(name)).unwrap();
        bytes[at] ^= 1;
        fs::write(path(name), bytes).unwrap();
        let file = fs::File::options().append(true).open(path(name)).unwrap();
        file.set_modified(time).unwrap();
    };
    let old = |name: &str| {
        let file = fs::File::options().append(true).open(path(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    };
    type Step<'a> = (&'static str, &'a dyn Fn());
    let steps: &[Step<'_>] = &[
        ("no tokenizer", &|| {}),
        ("one beside it", &|| copy("tokenizer.bin", "tokenizer.bin")),
        ("one of its own", &|| copy("other.bin", "tok272.bin")),
        ("the file is gone", &|| {
            fs::remove_file(path("tok272.bin")).unwrap()
        }),
        ("other weights", &|| flipped("tiny.bin", 40)),
        ("other scores", &|| old("tokenizer.bin")),
        ("a folder of that name", &|| {
            fs::remove_file(path("tiny.bin")).unwrap();
            fs::rename(path("folder"), path("tiny.bin")).unwrap();
        }),
        ("another weight in it", &|| {
            let file = "tiny.bin/model.safetensors";
            let end = fs::metadata(path(file)).unwrap().len() as usize;
            flipped(file, end - 2);
        }),
        ("a file more", &|| {
            copy(
                "more/generation_config.json",
                "tiny.bin/generation_config.json",
            )
        }),
        ("a file that is not read", &|| {
            copy("garbage.bin", "tiny.bin/notes.txt")
        }),
        ("a file less", &|| {
            fs::remove_file(path("tiny.bin/config.json")).unwrap()
        }),
        ("a folder in its place", &|| {
            fs::create_dir(path("tiny.bin/config.json")).unwrap()
        }),
        ("nothing", &|| fs::remove_dir_all(path("tiny.bin")).unwrap()),
    ];
    let recipe = Recipe {
        model: Some(path("tiny.bin")),
        platform: "host".into(),
        ..Recipe::default()
    };
    let mut answers = Vec::new();
    for (name, step) in steps {
        step();
        let cold = tempfile::tempdir().unwrap();
        let expected = ask(cold.path(), &recipe);
        for _ in 0..2 {
            assert!(ask(&warm, &recipe) == expected, "{name}: {expected:?}");
        }
        answers.push(expected.is_ok());
    }
    let expected = [
        false, true, true, true, true, true, true, true, true, true, false, false, false,
    ];
    assert_eq!(answers, expected);
}
