//! Models of every architecture compute what transformers computes in float64, from both files.

use edgegen::catalogue::catalogue;
use edgegen::compress::compress;
use edgegen::import::import;
use edgegen::inspect::inspect;
use edgegen::interpret::{Interpreter, Observer, divergence};
use edgegen::model::{Model, RopeScaling};
use edgegen::plan::{Quant, Request, plan};
use edgegen::profile::Profile;
use edgegen::program::{Program, WeightFormat};
use serde_json::{Value, json};

use crate::common::hf::Folder;
use crate::common::{assert_refused, data};

/// Those whose models are among the tests' data.
pub const ARCHITECTURES: &[&str] = &[
    "llama",
    "qwen2",
    "qwen3",
    "gpt2",
    "smollm3",
    "granite",
    "ernie4_5",
    "hunyuan_v1_dense",
    "olmo2",
    "phi3",
    "minicpm",
    "mistral",
    "phi",
    "gpt_neox",
    "stablelm",
    "starcoder2",
    "nemotron",
    "gemma2",
    "gemma3_text",
    "olmo3",
    "exaone4",
    "cohere2",
    "gpt_neo",
    "bitnet",
];

/// Those of which GGUF knows nothing.
const WITHOUT_GGUF: &[&str] = &["gpt_neo"];

/// The files of a model.
fn files(name: &str) -> &'static [&'static str] {
    match WITHOUT_GGUF.contains(&name) {
        true => &["hf"],
        false => &["hf", "model.gguf"],
    }
}

/// Those with a GGUF file.
pub fn with_gguf() -> Vec<&'static str> {
    let all = ARCHITECTURES.iter().copied();
    all.filter(|name| files(name).contains(&"model.gguf"))
        .collect()
}

/// What is computed of each token.
#[derive(Default)]
pub struct Seen {
    /// What each position predicts.
    pub logits: Vec<Vec<f32>>,
    /// The residual stream of the last token: after the embedding, and after each layer.
    stages: Vec<Vec<f32>>,
}

impl Observer for Seen {
    fn stage(&mut self, stage: usize, residual: &[f32]) {
        self.stages
            .resize(self.stages.len().max(stage + 1), Vec::new());
        self.stages[stage] = residual.to_vec();
    }

    fn logits(&mut self, logits: &[f32]) {
        self.logits.push(logits.to_vec());
    }
}

/// The model in f32.
pub fn program(model: &Model) -> Program {
    program_in(model, Quant::To(WeightFormat::F32))
}

pub fn program_in(model: &Model, quant: Quant) -> Program {
    let request = Request {
        quant,
        // All prompts fit in, and it is no longer than what Phi-3 was trained for at first.
        context: Some(256),
        ..Request::default()
    };
    let plan = plan(model, &Profile::load("host").unwrap(), &request).unwrap();
    compress(model, &plan, &|_, _| {}).unwrap()
}

pub fn ids(value: &Value) -> Vec<u32> {
    let ids = value.as_array().unwrap().iter();
    ids.map(|id| id.as_u64().unwrap() as u32).collect()
}

/// Pairs of an id and its logit.
fn assert_logits(what: &str, found: &[f32], expected: &Value) {
    for pair in expected.as_array().unwrap() {
        let (id, expected) = (
            pair[0].as_u64().unwrap() as usize,
            pair[1].as_f64().unwrap(),
        );
        let error = (f64::from(found[id]) - expected).abs();
        assert!(
            error < 5e-4,
            "{what}: logit {id} is {}, not {expected}",
            found[id]
        );
    }
}

fn argmax(logits: &[f32]) -> u32 {
    let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
    best.unwrap() as u32
}

/// What a file means: of few models is it not what the other one means.
fn golden(name: &str, file: &str) -> Value {
    let own = format!("architectures/{name}/golden.gguf.json");
    match file {
        "model.gguf" if data::file(&own).exists() => data::json(&own),
        _ => data::json(&format!("architectures/{name}/golden.json")),
    }
}

/// Checks a file of a model against its golden data, and says if weights of 8 bits are far from it.
fn check(name: &str, file: &str) -> Option<String> {
    let folder = data::file(&format!("architectures/{name}"));
    let model = &import(&folder.join(file)).unwrap();
    let golden = golden(name, file);
    let program = program(model);
    let mut session = Interpreter::new(&program, 2);
    check_prompts(name, model, &mut session, &golden);
    // The text costs what it does in the other file, if that means the same.
    if file != "hf" && golden == self::golden(name, "hf") {
        return None;
    }
    let expected = golden["perplexity"]["mean_nll"].as_f64().unwrap();
    let predictions = predictions(&mut session, &golden);
    let found = mean_nll(&predictions);
    let what = format!("{name}, {}", model.format());
    assert!(
        (found - expected).abs() < 1e-4,
        "{what}: {found}, not {expected}"
    );
    let q8 = Quant::To(WeightFormat::Q8);
    (file == "hf").then(|| too_far(name, model, q8, &golden, &predictions))?
}

/// How far a model in another format is from what is expected, if it is too far.
pub fn too_far(
    name: &str,
    model: &Model,
    quant: Quant,
    golden: &Value,
    expected: &[Prediction],
) -> Option<String> {
    let program = program_in(model, quant);
    let found = predictions(&mut Interpreter::new(&program, 2), golden);
    let pairs = || expected.iter().zip(&found);
    let divergences = pairs().map(|(f32, other)| divergence(&f32.logits, &other.logits));
    let divergence = divergences.sum::<f64>() / expected.len() as f64;
    let same = pairs().filter(|(f32, other)| argmax(&f32.logits) == argmax(&other.logits));
    let same = same.count() as f64 / expected.len() as f64;
    let (most, least) = match name {
        // Rounding counts for more in these random networks: in f32, too, they are the farthest from
        // f64, by 1e-4.
        "phi3" => (0.02, 0.89),
        "gemma2" => (0.03, 0.89),
        "nemotron" => (0.03, 0.86),
        _ => (0.02, 0.9),
    };
    let is_near = divergence <= most && same >= least;
    (!is_near).then(|| format!("{name}, {quant:?}: {divergence} nats, {same} have the same first"))
}

/// The residual stream is the golden one where the trace was made.
fn assert_trace(what: &str, found: &[Vec<f32>], golden: &Value) {
    let stages = golden["residual"].as_array().unwrap();
    assert_eq!(found.len(), stages.len(), "{what}");
    for (found, expected) in found.iter().zip(stages) {
        let what = format!("{what} after {}", expected["after"]);
        let number = |of: &Value| of.as_f64().unwrap();
        let near = |found: f64, expected: &Value| {
            let expected = number(expected);
            assert!(
                (found - expected).abs() < 5e-4,
                "{what}: {found}, not {expected}"
            );
        };
        let values = || found.iter().map(|&value| f64::from(value));
        for (value, expected) in values().zip(expected["first8"].as_array().unwrap()) {
            near(value, expected);
        }
        near(
            values().map(|value| value * value).sum::<f64>().sqrt(),
            &expected["l2"],
        );
        near(
            values().sum::<f64>() / found.len() as f64,
            &expected["mean"],
        );
        near(
            values().map(f64::abs).fold(0.0, f64::max),
            &expected["max_abs"],
        );
    }
}

/// Checks a model whose files were changed, but not what they mean.
pub fn check_prompts_of(name: &str, model: &Model) {
    check_prompts_in(name, model, &golden(name, "hf"));
}

/// Checks a model against golden data.
pub fn check_prompts_in(what: &str, model: &Model, golden: &Value) {
    let program = program(model);
    check_prompts(what, model, &mut Interpreter::new(&program, 2), golden);
}

/// Checks ids, logits and what follows.
fn check_prompts(name: &str, model: &Model, session: &mut Interpreter, golden: &Value) {
    let tokenizer = model.tokenizer().tables();
    for prompt in golden["prompts"].as_array().unwrap() {
        let what = format!("{name}, {}, {}", model.format(), prompt["name"]);
        if let Some(text) = prompt["text"].as_str() {
            let bos = model
                .tokenizer()
                .bos()
                .filter(|_| model.tokenizer().add_bos());
            let mut found = Vec::from_iter(bos);
            found.extend(tokenizer.encode(text, true));
            assert_eq!(found, ids(&prompt["ids"]), "{what}");
        }
        let mut found = Seen::default();
        session.reset();
        session.feed(&ids(&prompt["ids"]), &mut found);
        for at in prompt["at"].as_array().unwrap() {
            let position = at["position"].as_u64().unwrap() as usize;
            assert_logits(&what, &found.logits[position], &at["top10"]);
        }
        if prompt["ids"] == golden["trace"]["ids"] {
            assert_trace(&what, &found.stages, &golden["trace"]);
        }
        let mut logits = found.logits.pop().unwrap();
        assert_logits(&what, &logits, &prompt["probe_last"]);
        for expected in ids(&prompt["greedy"]) {
            assert_eq!(argmax(&logits), expected, "{what}");
            let mut next = Seen::default();
            session.feed(&[expected], &mut next);
            logits = next.logits.remove(0);
        }
    }
}

/// What is predicted, and what follows.
pub struct Prediction {
    logits: Vec<f32>,
    next: u32,
}

/// The predictions of the text in windows, each from an empty context.
pub fn predictions(session: &mut Interpreter, golden: &Value) -> Vec<Prediction> {
    let text = &golden["perplexity"];
    let bos = text["bos"].as_u64().map(|id| id as u32);
    let window = text["window"].as_u64().unwrap() as usize - usize::from(bos.is_some());
    let mut predictions = Vec::new();
    for part in ids(&text["ids"]).chunks(window) {
        let mut tokens = Vec::from_iter(bos);
        tokens.extend(part);
        let mut found = Seen::default();
        session.reset();
        session.feed(&tokens, &mut found);
        let pairs = found.logits.into_iter().zip(tokens.into_iter().skip(1));
        predictions.extend(pairs.map(|(logits, next)| Prediction { logits, next }));
    }
    predictions
}

/// What the text costs, in nats a token.
pub fn mean_nll(predictions: &[Prediction]) -> f64 {
    let costs = predictions.iter().map(|Prediction { logits, next }| {
        let all = logits.iter().map(|&logit| f64::from(logit).exp());
        all.sum::<f64>().ln() - f64::from(logits[*next as usize])
    });
    costs.sum::<f64>() / predictions.len() as f64
}

#[test]
fn both_files_have_the_logits_of_transformers() {
    let mut far = Vec::new();
    for &name in ARCHITECTURES {
        for file in files(name) {
            // `ternary::` has BitNet's, which rounds values.
            if (name, *file) != ("bitnet", "hf") {
                far.extend(check(name, file));
            }
        }
    }
    assert!(far.is_empty(), "{far:#?}");
}

/// What a golden file says of the prompts, of a model that was changed as it says.
fn check_flag(name: &str, flag: &str, model: &Model) {
    let golden = data::json(&format!("architectures/{name}/golden.{flag}.json"));
    check_prompts_in(&format!("{name} {flag}"), model, &golden);
}

/// Flags that the other models have the other way.
#[test]
fn flags_have_the_logits_of_transformers() {
    for (name, flag) in [
        ("stablelm", "norms"),
        ("stablelm", "parallel_norms"),
        ("gpt_neox", "sequential"),
        ("phi3", "long"),
    ] {
        let golden = data::json(&format!("architectures/{name}/golden.{flag}.json"));
        let mut folder = Folder::read(&data::file(&format!("architectures/{name}/hf")));
        for (field, value) in golden["fields"].as_object().unwrap() {
            folder.config[field] = value.clone();
        }
        let without = golden["without"].as_array().unwrap().iter();
        let without: Vec<&str> = without.map(|part| part.as_str().unwrap()).collect();
        let is_left = |name: &str| without.iter().any(|part| name.contains(part));
        folder.tensors.retain(|(name, ..)| !is_left(name));
        for (name, values) in golden["tensors"].as_object().unwrap() {
            let values = values.as_array().unwrap().iter();
            let values = values.map(|value| value.as_f64().unwrap() as f32);
            let bytes: Vec<u8> = values.flat_map(f32::to_le_bytes).collect();
            let shape = vec![bytes.len() / 4];
            folder.tensors.push((name.clone(), "F32", shape, bytes));
        }
        check_flag(name, flag, &folder.import().unwrap());
    }
    let gguf = data::file("architectures/stablelm/parallel_norms.gguf");
    check_flag("stablelm", "parallel_norms", &import(&gguf).unwrap());
    let sequential = with_switch("gpt_neox", "gptneox.use_parallel_residual", false);
    check_flag("gpt_neox", "sequential", &sequential);
}

/// llama.cpp looks whether there is a second norm, and its converter writes true where the original
/// says nothing.
#[test]
fn a_gguf_file_of_stablelm_says_by_its_tensors_how_branches_stand() {
    let model = with_switch("stablelm", "stablelm.use_parallel_residual", true);
    let original = import(&data::file("architectures/stablelm/model.gguf")).unwrap();
    assert_eq!(model.architecture(), original.architecture());
}

/// The GGUF file of a model with a boolean that it has the other way.
fn with_switch(name: &str, key: &str, value: bool) -> Model {
    let mut bytes = std::fs::read(data::file(&format!("architectures/{name}/model.gguf"))).unwrap();
    let at = bytes
        .windows(key.len())
        .position(|part| part == key.as_bytes());
    // The key is followed by its type.
    let at = at.unwrap() + key.len() + 4;
    assert_eq!(bytes[at], u8::from(!value));
    bytes[at] = value.into();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, bytes).unwrap();
    import(&path).unwrap()
}

/// Norms of heads are joined if they are all there, of the width of a head.
#[test]
fn norms_of_heads_must_be_whole() {
    let norms = |heads: &[usize], width: usize| {
        let mut folder = Folder::read(&data::file("architectures/stablelm/hf"));
        folder.config["qk_layernorm"] = json!(true);
        for (layer, part) in (0..4).flat_map(|layer| ["q", "k"].map(|part| (layer, part))) {
            for head in heads {
                let name =
                    format!("model.layers.{layer}.self_attn.{part}_layernorm.norms.{head}.weight");
                folder.add(&name, "F32", &[width]);
            }
        }
        folder.import()
    };
    norms(&[0, 1, 2], 16).unwrap();
    let place = "_layernorm.norms.";
    assert_refused("gap", norms(&[0, 2], 16), "", place, "head 1");
    assert_refused("few", norms(&[0, 1], 16), "", place, "the shape is 1 x 32");
    assert_refused("wide", norms(&[0, 1, 2], 17), "", place, "rows have 17");
}

/// Calibration folds, scales and rotates what the network's graph lets it.
#[test]
fn calibrated_weights_compute_nearly_the_same() {
    for &name in ARCHITECTURES {
        let model = changed(name, &[]).unwrap();
        let golden = golden(name, "hf");
        let text = &golden["perplexity"];
        let request = Request {
            quant: Quant::To(WeightFormat::Q8),
            calibrate: true,
            calibration: Some(text["text"].as_str().unwrap().to_owned()),
            context: Some(256),
            ..Request::default()
        };
        let plan = plan(&model, &Profile::load("host").unwrap(), &request).unwrap();
        let program = compress(&model, &plan, &|_, _| {}).unwrap();
        let found = mean_nll(&predictions(&mut Interpreter::new(&program, 2), &golden));
        let expected = text["mean_nll"].as_f64().unwrap();
        let error = (found - expected).abs();
        assert!(error < 0.1, "{name}: {found}, not {expected}");
    }
}

/// transformers 5 has all that is said of RoPE in one object.
#[test]
fn both_forms_of_rope_are_one() {
    let config = data::json("architectures/phi3/hf/config.json");
    let mut new = config["rope_scaling"].clone();
    let moved = ["rope_theta", "partial_rotary_factor"];
    for field in moved {
        new[field] = config[field].clone();
    }
    let mut fields = vec![("rope_parameters", new), ("rope_scaling", Value::Null)];
    fields.extend(moved.map(|field| (field, Value::Null)));
    let expected = changed("phi3", &[]).unwrap();
    let found = changed("phi3", &fields).unwrap();
    assert_eq!(found.architecture(), expected.architecture());

    let mut twice = config["rope_scaling"].clone();
    twice["rope_type"] = json!("linear");
    twice["type"] = json!("longrope");
    let twice = changed("phi3", &[("rope_scaling", twice)]);
    assert_refused(
        "phi3",
        twice,
        "config.json: ",
        "rope_type",
        "twice, differently",
    );

    // Of the context before stretching, the class's own field counts, be it that it is left out.
    let field = "original_max_position_embeddings";
    let stretched = |outer: Value, inner: Value| {
        let mut scaling = config["rope_scaling"].clone();
        scaling[field] = inner;
        let model = changed("phi3", &[(field, outer), ("rope_scaling", scaling)]).unwrap();
        match &model.architecture().rope.as_ref().unwrap().scaling {
            RopeScaling::LongRope {
                original_max_position_embeddings,
                ..
            } => *original_max_position_embeddings,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(stretched(json!(256), json!(512)), 256);
    assert_eq!(stretched(Value::Null, json!(512)), 4096);
}

/// What is supported is among the tests' data.
#[test]
fn each_architecture_has_a_model() {
    let listed = catalogue().architectures.into_iter();
    let listed: Vec<&str> = listed.map(|architecture| architecture.model_type).collect();
    assert_eq!(listed, ARCHITECTURES);
}

/// What calibration does with a network follows from its graph, and is said where it is less.
#[test]
fn a_stream_that_cannot_be_rotated_is_said() {
    for (name, reason) in [
        ("llama", None),
        ("qwen2", None),
        ("qwen3", None),
        ("gpt2", Some("`AddPosition` reads the residual stream")),
        ("granite", None),
        (
            "gemma3_text",
            Some("`attended_norm`, which is added to the residual stream, is no product"),
        ),
        ("hunyuan_v1_dense", None),
        ("olmo2", Some("`MatMul` reads the residual stream")),
        ("phi3", None),
        ("phi", Some("`LayerNorm` reads the residual stream")),
    ] {
        let model = changed(name, &[]).unwrap();
        let found = inspect(&model);
        assert_eq!(found.not_rotated.as_deref(), reason, "{name}");
        let said = found.to_string().contains("without rotation");
        assert_eq!(said, reason.is_some(), "{name}");
    }
}

/// The folder of a model, with fields of its configuration changed.
pub fn changed(name: &str, fields: &[(&str, Value)]) -> edgegen::error::Result<Model> {
    edited(name, |config| {
        for (field, value) in fields {
            config[*field] = value.clone();
        }
    })
}

/// The folder of a model, with its configuration edited.
fn edited(name: &str, edit: impl FnOnce(&mut Value)) -> edgegen::error::Result<Model> {
    let folder = tempfile::tempdir().unwrap();
    let original = data::file(&format!("architectures/{name}/hf"));
    for entry in std::fs::read_dir(&original).unwrap() {
        let entry = entry.unwrap();
        let [from, to] = [entry.path(), folder.path().join(entry.file_name())];
        // A link is all that is needed, but not had on another disk.
        if entry.file_name() != "config.json" && std::fs::hard_link(&from, &to).is_err() {
            std::fs::copy(from, to).unwrap();
        }
    }
    let config = std::fs::read(original.join("config.json")).unwrap();
    let mut config: Value = serde_json::from_slice(&config).unwrap();
    edit(&mut config);
    std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    import(folder.path())
}

/// The defaults of configuration classes in transformers 5.24 and of its RoPE.
#[test]
fn what_a_file_leaves_out_is_what_transformers_means() {
    let architecture = |model: edgegen::error::Result<Model>| model.unwrap().architecture().clone();
    for (name, field, meant) in [
        ("gemma2", "attn_logit_softcapping", json!(50.0)),
        ("gemma2", "final_logit_softcapping", json!(30.0)),
        ("gemma2", "query_pre_attn_scalar", json!(256)),
        ("gemma3_text", "attn_logit_softcapping", Value::Null),
        ("gemma3_text", "final_logit_softcapping", Value::Null),
        ("gemma3_text", "query_pre_attn_scalar", json!(256)),
        ("cohere2", "max_position_embeddings", json!(8192)),
        ("ernie4_5", "max_position_embeddings", json!(131_072)),
        ("gemma2", "max_position_embeddings", json!(8192)),
        ("gemma3_text", "max_position_embeddings", json!(131_072)),
        ("granite", "max_position_embeddings", json!(2048)),
        ("mistral", "max_position_embeddings", json!(131_072)),
        ("nemotron", "max_position_embeddings", json!(4096)),
        ("olmo3", "max_position_embeddings", json!(2048)),
        ("olmo3", "rope_theta", json!(500_000.0)),
        ("exaone4", "sliding_window", json!(4096)),
        ("phi3", "max_position_embeddings", json!(4096)),
        ("qwen2", "max_position_embeddings", json!(32_768)),
        ("qwen3", "max_position_embeddings", json!(32_768)),
        ("smollm3", "max_position_embeddings", json!(32_768)),
        ("stablelm", "max_position_embeddings", json!(4096)),
        ("starcoder2", "max_position_embeddings", json!(4096)),
    ] {
        let absent = edited(name, |config| {
            config.as_object_mut().unwrap().remove(field);
        });
        let said = changed(name, &[(field, meant)]);
        assert_eq!(architecture(absent), architecture(said), "{name} {field}");
    }
    // It is read, and not used.
    let capped = changed("gemma3_text", &[("attn_logit_softcapping", json!(5.0))]);
    assert_eq!(
        architecture(capped),
        architecture(changed("gemma3_text", &[]))
    );
    for (name, width) in [("ernie4_5", 128), ("gemma2", 256), ("qwen3", 128)] {
        let wide = edited(name, |config| {
            config.as_object_mut().unwrap().remove("head_dim");
        });
        let rows = (4 * width).to_string();
        assert_refused(name, wide, "", "q_proj", &format!("makes it {rows} x "));
    }
    let none = architecture(changed(
        "gemma2",
        &[("attn_logit_softcapping", Value::Null)],
    ));
    assert_eq!(none.caps.scores, None);

    let llama3 = |original: Value| {
        json!({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
               "high_freq_factor": 4.0, "original_max_position_embeddings": original})
    };
    let yarn = |factor: Value| json!({"rope_type": "yarn", "factor": factor, "original_max_position_embeddings": 16});
    for (field, left_out, said) in [
        ("rope_scaling", json!({}), Value::Null),
        ("rope_scaling", llama3(Value::Null), llama3(json!(64))),
        ("rope_scaling", yarn(Value::Null), yarn(json!(4.0))),
        (
            "rope_parameters",
            json!({"rope_theta": 3e4}),
            json!({"rope_theta": 3e4, "rope_type": "default"}),
        ),
    ] {
        let [left_out, said] = [left_out, said].map(|value| {
            architecture(edited("llama", |config| {
                let config = config.as_object_mut().unwrap();
                config.retain(|name, _| !name.starts_with("rope"));
                config.insert("max_position_embeddings".into(), json!(64));
                config.insert(field.into(), value);
            }))
        });
        assert_eq!(left_out, said, "{field}");
    }
}

/// The defaults of llama.cpp's loaders.
#[test]
fn what_a_gguf_file_leaves_out_is_what_llama_cpp_means() {
    // A key that nobody knows stands for one that is not there.
    let without = |name: &str, keys: &[&str]| {
        let file = data::file(&format!("architectures/{name}/model.gguf"));
        let mut bytes = std::fs::read(file).unwrap();
        for key in keys {
            let key = format!("{name}.{key}");
            let mut places = bytes.windows(key.len());
            let place = places.position(|found| found == key.as_bytes()).unwrap();
            bytes[place + name.len() + 1] = b'X';
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.gguf");
        std::fs::write(&path, bytes).unwrap();
        import(&path)
    };
    let keys = [
        "attn_logit_softcapping",
        "final_logit_softcapping",
        "attention.sliding_window",
    ];
    let model = without("gemma2", &keys).unwrap();
    let architecture = model.architecture();
    let caps = [architecture.caps.scores, architecture.caps.logits];
    assert_eq!(caps, [Some(50.0), Some(30.0)]);
    assert_eq!(architecture.window.as_ref().unwrap().size, 4096);
    let error = without("cohere2", &keys[2..]).unwrap_err().to_string();
    assert!(
        error.contains("cohere2.attention.sliding_window"),
        "{error}"
    );
}

/// What files hold beside the weights may be of any type and shape.
#[test]
fn masks_of_attention_are_left_out() {
    for (name, masks) in [
        ("gpt2", ["h.0.attn.bias", "h.0.attn.masked_bias"]),
        (
            "gpt_neox",
            [
                "gpt_neox.layers.0.attention.bias",
                "gpt_neox.layers.0.attention.masked_bias",
            ],
        ),
        (
            "gpt_neo",
            [
                "transformer.h.0.attn.attention.bias",
                "h.0.attn.attention.masked_bias",
            ],
        ),
    ] {
        let mut folder = Folder::read(&data::file(&format!("architectures/{name}/hf")));
        folder.add(masks[0], "BOOL", &[1, 1, 4, 4]);
        folder.add(masks[1], "F32", &[]);
        let original = changed(name, &[]).unwrap();
        let found = folder.import().unwrap();
        assert!(
            found.tensors().keys().eq(original.tensors().keys()),
            "{name}"
        );
        folder.add("h.0.attn.other", "BOOL", &[1]);
        assert_refused(name, folder.import(), "", "h.0.attn.other", "BOOL");
    }
}

/// What is not built is refused by the name that the file gives it, never ignored.
#[test]
fn options_that_are_not_built_are_refused_by_name() {
    for (name, field, value) in [
        (
            "qwen3",
            "layer_types",
            json!(["full_attention", "sliding_attention"]),
        ),
        ("qwen3", "hidden_act", json!("gelu")),
        ("qwen3", "use_attention_gate", json!(true)),
        ("gpt2", "activation_function", json!("relu")),
        ("gpt2", "scale_attn_by_inverse_layer_idx", json!(true)),
        ("gpt2", "scale_attn_weights", json!(false)),
        ("gpt2", "add_cross_attention", json!(true)),
        ("gpt2", "n_head", json!(7)),
        ("gpt2", "n_inner", json!(-1)),
        ("llama", "use_sliding_window", json!(true)),
        ("llama", "partial_rotary_factor", json!(0.5)),
        ("smollm3", "no_rope_layers", json!([1, 0])),
        ("ernie4_5", "use_bias", json!(true)),
        ("hunyuan_v1_dense", "use_cla", json!(true)),
        ("hunyuan_v1_dense", "norm_type", json!("layernorm")),
        ("olmo2", "clip_qkv", json!(8.0)),
        ("granite", "logits_scaling", json!("2")),
        ("minicpm", "scale_emb", Value::Null),
        ("minicpm", "scale_depth", Value::Null),
        ("minicpm", "dim_model_base", Value::Null),
        ("minicpm", "sparse_config", json!({"topk": 64})),
        ("phi3", "full_attn_mod", json!(2)),
        ("mistral", "sliding_window", json!(0)),
        ("mistral", "layer_types", json!(["full_attention"])),
        ("qwen2", "layer_types", json!(vec!["sliding_attention"; 4])),
        (
            "olmo3",
            "layer_types",
            json!([
                "sliding_attention",
                "chunked_attention",
                "full_attention",
                "full_attention"
            ]),
        ),
        ("gemma2", "attn_logit_softcapping", json!(-50.0)),
        ("gemma2", "final_logit_softcapping", json!(0.0)),
        ("gemma3_text", "hidden_activation", json!("gelu")),
        ("gemma3_text", "use_bidirectional_attention", json!(true)),
        ("cohere2", "use_qk_norm", json!(true)),
        ("cohere2", "rotary_pct", json!(0.5)),
        ("phi", "qk_layernorm", json!(true)),
        ("phi", "hidden_act", json!("gelu")),
        ("gpt_neox", "hidden_act", json!("gelu_new")),
        ("gpt_neox", "attention_bias", json!(false)),
        ("gpt_neox", "num_key_value_heads", json!(1)),
        ("stablelm", "qk_layernorm", json!(true)),
        ("stablelm", "use_qkv_bias", json!(false)),
        ("starcoder2", "use_bias", json!(false)),
        ("starcoder2", "partial_rotary_factor", json!(0.5)),
        ("nemotron", "hidden_act", json!("silu")),
        ("nemotron", "attention_bias", json!(true)),
        ("nemotron", "mlp_bias", json!(true)),
        ("gpt_neo", "activation_function", json!("gelu")),
        ("gpt_neo", "num_heads", json!(5)),
        ("gpt_neo", "window_size", json!(0)),
        ("gpt_neo", "attention_types", json!([[["global"], 4]])),
        (
            "gpt_neo",
            "attention_types",
            json!([["global", "local"], 2]),
        ),
        ("gpt_neo", "attention_types", json!([[[], u64::MAX]])),
        ("gpt_neo", "attention_layers", json!(["global", "local"])),
    ] {
        let refused = changed(name, &[(field, value)]);
        assert_refused(name, refused, "config.json: ", field, "");
    }
}

/// The layers that have a window, however the file says it, and its size.
#[test]
fn windows_are_those_of_the_file() {
    let all: &[usize] = &[0, 1, 2, 3];
    for (name, fields, size, layers) in [
        ("mistral", vec![], 16, all),
        ("mistral", vec![("sliding_window", json!(319))], 319, all),
        ("phi3", vec![("sliding_window", json!(20))], 20, all),
        ("starcoder2", vec![("sliding_window", json!(30))], 30, all),
        (
            "qwen2",
            vec![
                ("use_sliding_window", json!(true)),
                ("sliding_window", json!(9)),
                ("max_window_layers", json!(1)),
                ("layer_types", Value::Null),
            ],
            9,
            &[1, 2, 3],
        ),
        (
            "smollm3",
            vec![
                ("use_sliding_window", json!(true)),
                ("sliding_window", json!(9)),
                ("layer_types", Value::Null),
            ],
            9,
            &[3],
        ),
        ("gemma2", vec![("layer_types", Value::Null)], 16, &[0, 2]),
        ("gemma3_text", vec![], 16, &[0, 1, 2, 3, 4]),
        (
            "gemma3_text",
            vec![("sliding_window_pattern", json!(2))],
            16,
            &[0, 2, 4],
        ),
        ("olmo3", vec![("layer_types", Value::Null)], 16, &[0, 1, 2]),
        ("exaone4", vec![], 20, &[0, 1, 2]),
        (
            "cohere2",
            vec![("layer_types", Value::Null)],
            18,
            &[0, 1, 2],
        ),
        ("gpt_neo", vec![], 16, &[1, 3]),
        ("gpt_neo", vec![("window_size", Value::Null)], 256, &[1, 3]),
        (
            "gpt_neo",
            vec![("attention_layers", Value::Null)],
            16,
            &[1, 3],
        ),
        (
            "gpt_neo",
            vec![
                ("attention_types", json!([[["local"], 3], [["global"], 1]])),
                ("attention_layers", Value::Null),
            ],
            16,
            &[0, 1, 2],
        ),
        (
            "gpt_neo",
            vec![
                ("attention_types", Value::Null),
                (
                    "attention_layers",
                    json!(["global", "global", "global", "local"]),
                ),
            ],
            16,
            &[3],
        ),
    ] {
        let model = changed(name, &fields).unwrap();
        let window = model.architecture().window.as_ref();
        let found = window.map(|window| (window.size, window.layers.as_slice()));
        assert_eq!(found, Some((size, layers)), "{name} {fields:?}");
    }
    for (name, fields) in [
        ("mistral", vec![("sliding_window", Value::Null)]),
        ("qwen2", vec![("sliding_window", json!(9))]),
        (
            "exaone4",
            vec![
                ("sliding_window", Value::Null),
                ("layer_types", Value::Null),
            ],
        ),
    ] {
        let model = changed(name, &fields).unwrap();
        assert_eq!(model.architecture().window, None, "{name}");
    }
}

/// Layers with a window may have RoPE of their own, or alone.
#[test]
fn windows_have_their_rope() {
    let gemma = |fields: &[(&str, Value)]| {
        let model = changed("gemma3_text", fields).unwrap();
        let local = model.architecture().window.clone().unwrap().rope.unwrap();
        (model.architecture().rope.clone().unwrap(), local)
    };
    let linear = json!({"rope_type": "linear", "factor": 8.0});
    let (global, local) = gemma(&[("rope_scaling", linear)]);
    assert_eq!((global.theta, local.theta), (1e6, 1e4));
    assert_eq!(global.scaling, RopeScaling::Linear { factor: 8.0 });
    assert_eq!(local.scaling, RopeScaling::None);
    // transformers 5.
    let (new, local) = gemma(&[
        ("rope_theta", Value::Null),
        ("rope_local_base_freq", Value::Null),
        (
            "rope_parameters",
            json!({
                "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
                "sliding_attention": {"rope_type": "default", "rope_theta": 2e4},
            }),
        ),
    ]);
    assert_eq!((new, local.theta), (global, 2e4));

    for name in ["exaone4", "cohere2"] {
        let skipped = |model: &Model| model.architecture().rope.clone().unwrap().skipped;
        assert_eq!(skipped(&changed(name, &[]).unwrap()), [3], "{name}");
    }
    let off = [
        ("sliding_window", Value::Null),
        ("layer_types", Value::Null),
    ];
    let skipped = |name: &str, fields: &[(&str, Value)]| {
        let model = changed(name, fields).unwrap();
        assert_eq!(model.architecture().window, None, "{name}");
        model.architecture().rope.clone().unwrap().skipped
    };
    assert_eq!(skipped("exaone4", &off), [0; 0]);
    let each = [
        ("layer_types", Value::Null),
        ("sliding_window_pattern", json!(1)),
    ];
    assert_eq!(skipped("cohere2", &each), [0, 1, 2, 3]);
}

/// Where no layer has a window, though its size is said, none has RoPE: the costs are those of
/// transformers 5.24, eager, in f64.
#[test]
fn networks_without_windows_are_those_of_transformers() {
    let full = ("layer_types", json!(vec!["full_attention"; 4]));
    for (name, expected) in [("cohere2", 13.894_17), ("exaone4", 10.108_17)] {
        let model = changed(name, std::slice::from_ref(&full)).unwrap();
        let golden = golden(name, "hf");
        let program = program(&model);
        let found = mean_nll(&predictions(&mut Interpreter::new(&program, 2), &golden));
        assert!((found - expected).abs() < 1e-4, "{name}: {found}");
    }
}

/// Bits depend on no context, and on no window that no text reaches; memory does.
#[test]
fn a_window_is_what_is_stored() {
    let model = |size: usize| changed("mistral", &[("sliding_window", json!(size))]).unwrap();
    let logits = |model: &Model, context: usize, batch: usize| {
        let request = Request {
            quant: Quant::To(WeightFormat::F32),
            context: Some(context),
            ..Request::default()
        };
        let plan = plan(model, &Profile::load("host").unwrap(), &request).unwrap();
        let program = compress(model, &plan, &|_, _| {}).unwrap();
        let mut session = Interpreter::new(&program, 1);
        let mut found = Seen::default();
        let tokens: Vec<u32> = (0..120).map(|at| at * 37 % 500).collect();
        for tokens in tokens.chunks(batch) {
            session.feed(tokens, &mut found);
        }
        (found.logits, program.memory_len())
    };
    let windowed = model(16);
    let (expected, least) = logits(&windowed, 120, 64);
    for (context, batch) in [(300, 64), (120, 1), (300, 7)] {
        let (found, words) = logits(&windowed, context, batch);
        assert!(found == expected, "{context}, {batch}");
        // The tokens and the answers are as many as the context; the keys and values are not.
        let (heads, width, layers) = (2, 16, 4);
        let more = 5 * (context - 120);
        let places = 16 + 64 - 1usize;
        assert!(2 * layers * heads * width * places.next_multiple_of(8) < least);
        assert!(words <= least + more, "{words}, {least}");
    }
    let without = changed("mistral", &[("sliding_window", Value::Null)]).unwrap();
    assert!(logits(&without, 120, 64).0 == logits(&model(120), 120, 64).0);
    assert!(logits(&without, 120, 64).0 != logits(&model(119), 120, 64).0);
}

/// What says nothing of the network is read over.
#[test]
fn options_without_effect_change_nothing() {
    for (name, fields) in [
        (
            "qwen3",
            vec![
                ("max_window_layers", json!(2)),
                ("sliding_window", json!(4096)),
            ],
        ),
        (
            "gpt2",
            vec![("summary_type", json!("mean")), ("resid_pdrop", json!(0.5))],
        ),
        (
            "gpt2",
            vec![
                ("activation_function", json!("gelu_pytorch_tanh")),
                ("n_inner", json!(176)),
            ],
        ),
        (
            "smollm3",
            vec![
                ("no_rope_layers", Value::Null),
                ("no_rope_layer_interval", Value::Null),
            ],
        ),
        ("smollm3", vec![("no_rope_layer_interval", json!(2))]),
        ("phi3", vec![("interpolate_factor", json!(1))]),
        ("phi", vec![("hidden_act", json!("gelu_fast"))]),
        ("starcoder2", vec![("use_bias", Value::Null)]),
        ("gpt_neox", vec![("use_parallel_residual", Value::Null)]),
        ("gpt_neox", vec![("attention_bias", Value::Null)]),
        ("stablelm", vec![("use_parallel_residual", Value::Null)]),
        ("hunyuan_v1_dense", vec![("eod_token_id", json!(1))]),
    ] {
        let model = changed(name, &fields).unwrap();
        let original = import(&data::file(&format!("architectures/{name}/hf"))).unwrap();
        assert_eq!(model.architecture(), original.architecture());
    }
}

/// The part of each head that RoPE turns: in the file's own field, in transformers 5's object, and
/// where neither says it.
#[test]
fn a_part_of_each_head_is_rotated_however_it_is_said() {
    for (name, part_field, theta_field, part) in [
        ("phi", "partial_rotary_factor", "rope_theta", 0.5),
        ("gpt_neox", "rotary_pct", "rotary_emb_base", 0.25),
        ("stablelm", "partial_rotary_factor", "rope_theta", 0.25),
        ("nemotron", "partial_rotary_factor", "rope_theta", 0.5),
    ] {
        let original = changed(name, &[]).unwrap();
        let rope = |theta: f64, part: f64| json!({"rope_type": "default", "rope_theta": theta, "partial_rotary_factor": part});
        let removed = [(part_field, Value::Null), (theta_field, Value::Null)];
        let with = |theta, part| {
            let parameters = ("rope_parameters", rope(theta, part));
            let fields = removed.iter().cloned().chain([parameters]);
            changed(name, &fields.collect::<Vec<_>>()).unwrap()
        };
        for same in [changed(name, &removed).unwrap(), with(1e4, part)] {
            assert_eq!(same.architecture(), original.architecture(), "{name}");
        }
        let other = with(1e6, 1.0);
        let rope = other.architecture().rope.as_ref().unwrap();
        assert_eq!((rope.theta, rope.dim), (1e6, other.architecture().head_dim));
    }
}

/// Branches side by side are another network, and with one norm for both there is no second one.
#[test]
fn branches_stand_as_the_file_says() {
    let architecture = |flag: bool| {
        let model = changed("gpt_neox", &[("use_parallel_residual", json!(flag))]);
        model.unwrap().architecture().clone()
    };
    assert_eq!(architecture(true).parallel_residual, Some(true));
    assert_eq!(architecture(false).parallel_residual, Some(false));
    let refused = changed("stablelm", &[("use_parallel_residual", json!(true))]);
    let tensor = "post_attention_layernorm";
    assert_refused("stablelm", refused, "", tensor, "reads this tensor");
}
