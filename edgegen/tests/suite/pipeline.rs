//! Import, plan, compress, interpret: the logits are those of a naive forward pass in
//! f64, and their bits depend on neither threads, instruction set nor batch.

use std::path::Path;

use crate::common::gguf::Gguf;
use crate::common::hf::Folder;
use crate::common::{BLOCK_TYPES, Random, Scaling, Shape, Tiny, llama2c, oracle};
use edgegen::bind;
use edgegen::compress::compress;
use edgegen::import::import;
use edgegen::inspect::inspect;
use edgegen::interpret::{Interpreter, Observer};
use edgegen::model::{DType, Model, Role, TensorKey};
use edgegen::plan::{Quant, Request, plan};
use edgegen::profile::{InstructionSet, Profile};
use edgegen::program::{CacheFormat, Program, WeightFormat};
use proptest::prelude::*;
use serde_json::{Value, json};

#[derive(Default)]
struct Logits(Vec<Vec<f32>>);

impl Observer for Logits {
    fn logits(&mut self, logits: &[f32]) {
        self.0.push(logits.to_vec());
    }
}

/// A profile without limits that takes `batch` tokens at once.
fn profile(batch: usize) -> Profile {
    let text = include_str!("../../src/profile/built_in/host_x86_64.toml");
    let text = text.replace("batch = 64", &format!("batch = {batch}"));
    let profile = Profile::parse(&text).unwrap();
    assert_eq!(profile.batch(), batch);
    profile
}

fn program(model: &Model, quant: Quant, batch: usize) -> Program {
    program_with(model, quant, CacheFormat::F32, batch)
}

fn program_with(model: &Model, quant: Quant, kv_cache: CacheFormat, batch: usize) -> Program {
    let request = Request {
        quant,
        kv_cache,
        ..Request::default()
    };
    let plan = plan(model, &profile(batch), &request).unwrap();
    compress(model, &plan, &|_, _| {}).unwrap()
}

fn run(program: &Program, threads: usize, on: Option<InstructionSet>, tokens: &[u32]) -> Logits {
    let mut interpreter = Interpreter::new(program, threads);
    if let Some(set) = on {
        interpreter = interpreter.on(set);
    }
    let mut logits = Logits::default();
    interpreter.feed(tokens, &mut logits);
    logits
}

fn tokens(shape: &Shape, count: usize) -> Vec<u32> {
    let mut random = Random(7);
    (0..count)
        .map(|_| (random.next() % shape.vocab as u64) as u32)
        .collect()
}

fn import_gguf(tiny: &Tiny) -> Model {
    read_gguf(&Gguf::new(tiny))
}

fn read_gguf(file: &Gguf) -> Model {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    std::fs::write(&path, file.bytes()).unwrap();
    import(&path).unwrap()
}

fn import_hf(tiny: &Tiny) -> Model {
    read_hf(&Folder::new(tiny))
}

fn read_hf(folder: &Folder) -> Model {
    let place = tempfile::tempdir().unwrap();
    folder.write(place.path());
    import(place.path()).unwrap()
}

fn import_llama2c(tiny: &Tiny, bytes: Vec<u8>) -> Model {
    let folder = tempfile::tempdir().unwrap();
    write_llama2c(folder.path(), tiny, bytes);
    import(&folder.path().join("tiny.bin")).unwrap()
}

fn write_llama2c(folder: &Path, tiny: &Tiny, bytes: Vec<u8>) {
    std::fs::write(folder.join("tiny.bin"), bytes).unwrap();
    let tokenizer = llama2c::tokenizer(tiny.shape.vocab);
    std::fs::write(folder.join("tokenizer.bin"), tokenizer).unwrap();
}

/// Compares logits with the naive pass; says how far they are apart at most.
fn check(what: &str, tiny: &Tiny, model: &Model) {
    let tokens = tokens(&tiny.shape, 21);
    check_logits(what, &oracle::logits(tiny, &tokens), model, &tokens);
}

fn check_logits(what: &str, expected: &[Vec<f64>], model: &Model, tokens: &[u32]) {
    let program = program(model, Quant::To(WeightFormat::F32), 16);
    let found = run(&program, 1, None, tokens);
    assert_eq!(found.0.len(), tokens.len(), "{what}");
    for (position, (found, expected)) in found.0.iter().zip(expected).enumerate() {
        assert_eq!(found.len(), expected.len(), "{what}");
        for (id, (found, expected)) in found.iter().zip(expected).enumerate() {
            let difference = (f64::from(*found) - expected).abs();
            assert!(
                difference <= 1e-3,
                "{what}: logit {id} at {position} is {found}, not {expected}"
            );
        }
    }
    // Logits that say nothing would prove nothing.
    let spread = expected
        .last()
        .unwrap()
        .iter()
        .fold(0.0f64, |m, v| m.max(v.abs()));
    assert!((0.3..1e3).contains(&spread), "{what}: spread {spread}");
}

const LLAMA3: Scaling = Scaling::Llama3 {
    factor: 8.0,
    low: 1.0,
    high: 4.0,
    original: 32,
};
const YARN: Scaling = Scaling::Yarn {
    factor: 4.0,
    original: 256,
};

/// Variations that every format but llama2.c can say.
fn variations() -> Vec<(&'static str, Shape)> {
    let base = Shape::default;
    vec![
        ("plain", base()),
        (
            "every head its own keys",
            Shape {
                kv_heads: 4,
                ..base()
            },
        ),
        (
            "one head of keys",
            Shape {
                kv_heads: 1,
                ..base()
            },
        ),
        (
            "wide heads",
            Shape {
                head_dim: 12,
                rope_dim: 12,
                ..base()
            },
        ),
        (
            "narrow heads",
            Shape {
                heads: 3,
                kv_heads: 3,
                head_dim: 2,
                rope_dim: 2,
                ..base()
            },
        ),
        (
            "attention bias",
            Shape {
                attention_bias: true,
                ..base()
            },
        ),
        (
            "bias everywhere",
            Shape {
                attention_bias: true,
                mlp_bias: true,
                ..base()
            },
        ),
        (
            "separate output",
            Shape {
                tied: false,
                ..base()
            },
        ),
        (
            "linear scaling",
            Shape {
                scaling: Scaling::Linear { factor: 4.0 },
                ..base()
            },
        ),
        (
            "llama3 scaling",
            Shape {
                scaling: LLAMA3,
                ..base()
            },
        ),
        (
            "yarn scaling",
            Shape {
                scaling: YARN,
                theta: 500.0,
                ..base()
            },
        ),
        (
            "yarn of few pairs",
            Shape {
                scaling: YARN,
                head_dim: 4,
                rope_dim: 4,
                ..base()
            },
        ),
        (
            "odd widths",
            Shape {
                hidden: 37,
                intermediate: 51,
                heads: 6,
                kv_heads: 3,
                head_dim: 10,
                rope_dim: 10,
                vocab: 277,
                attention_bias: true,
                mlp_bias: true,
                tied: false,
                ..base()
            },
        ),
        (
            "f16",
            Shape {
                dtype: DType::F16,
                ..base()
            },
        ),
        (
            "bf16",
            Shape {
                dtype: DType::BF16,
                ..base()
            },
        ),
        (
            "one layer, large eps",
            Shape {
                layers: 1,
                eps: 0.1,
                theta: 50.0,
                ..base()
            },
        ),
    ]
}

#[test]
fn logits_are_those_of_the_naive_pass() {
    for (seed, (what, shape)) in variations().into_iter().enumerate() {
        let tiny = Tiny::new(shape, seed as u64);
        check(&format!("{what} in GGUF"), &tiny, &import_gguf(&tiny));
        check(&format!("{what} in a folder"), &tiny, &import_hf(&tiny));
    }
}

/// What a variation leaves out would not show if it changed nothing.
#[test]
fn every_scaling_and_bias_shows_in_the_logits() {
    let varied = |change: &dyn Fn(&mut Tiny)| {
        let shape = Shape {
            attention_bias: true,
            mlp_bias: true,
            ..Shape::default()
        };
        let mut tiny = Tiny::new(shape, 13);
        change(&mut tiny);
        oracle::logits(&tiny, &tokens(&tiny.shape, 21))
    };
    let plain = varied(&|_| ());
    let shows = |logits: Vec<Vec<f64>>| {
        let pairs = logits.iter().flatten().zip(plain.iter().flatten());
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) > 0.01
    };
    for scaling in [Scaling::Linear { factor: 4.0 }, LLAMA3, YARN] {
        assert!(
            shows(varied(&|tiny| tiny.shape.scaling = scaling)),
            "{scaling:?}"
        );
    }
    for role in [
        Role::QueryBias,
        Role::ValueBias,
        Role::AttentionOutputBias,
        Role::GateBias,
        Role::UpBias,
        Role::DownBias,
    ] {
        let without = |tiny: &mut Tiny| tiny.weights.retain(|key, _| key.role != role);
        assert!(shows(varied(&without)), "{role:?}");
    }
}

/// Each setting of YaRN by itself and all together, in the names of each format.
#[test]
fn logits_of_yarn_with_its_settings_are_those_of_the_naive_pass() {
    let (factor, original) = (4.0, 1024);
    let shape = Shape {
        scaling: Scaling::Yarn { factor, original },
        theta: 500.0,
        ..Shape::default()
    };
    let tiny = Tiny::new(shape, 17);
    let tokens = tokens(&tiny.shape, 21);
    let usual = 0.1 * factor.ln() + 1.0;
    let mut seen = vec![oracle::logits(&tiny, &tokens)];
    for (slow, fast, magnitude, truncate) in [
        (8.0, 32.0, usual, true),
        (1.0, 100.0, usual, true),
        (1.0, 32.0, 1.5, true),
        (8.0, 100.0, 0.8, true),
        (1.0, 32.0, usual, false),
    ] {
        let what = format!("beta {slow} and {fast}, factor {magnitude}, {truncate}");
        let frequencies = oracle::yarn(&tiny.shape, factor, original, (slow, fast), truncate);
        let expected = oracle::rotated_logits(&tiny, &tokens, &frequencies, magnitude);
        // A setting that changes nothing would prove nothing.
        for other in &seen {
            let pairs = other.iter().flatten().zip(expected.iter().flatten());
            let apart = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(apart > 0.01, "{what}: {apart}");
        }

        // GGUF has no word for it.
        if truncate {
            let mut file = Gguf::new(&tiny);
            let scaling = "llama.rope.scaling";
            file.f32(&format!("{scaling}.yarn_beta_slow"), slow as f32);
            file.f32(&format!("{scaling}.yarn_beta_fast"), fast as f32);
            // llama.cpp multiplies it with the usual factor.
            let given = magnitude / usual;
            file.f32(&format!("{scaling}.attn_factor"), given as f32);
            check_logits(&what, &expected, &read_gguf(&file), &tokens);
        }

        let mut folder = Folder::new(&tiny);
        let scaling = &mut folder.config["rope_scaling"];
        scaling["beta_slow"] = json!(slow);
        scaling["beta_fast"] = json!(fast);
        scaling["attention_factor"] = json!(magnitude);
        scaling["truncate"] = json!(truncate);
        check_logits(&what, &expected, &read_hf(&folder), &tokens);
        seen.push(expected);
    }
}

/// transformers 5 has the base and the scaling in one object.
#[test]
fn rope_parameters_are_rope_theta_with_rope_scaling() {
    for (what, shape) in variations() {
        let mut folder = Folder::new(&Tiny::new(shape, 1));
        let expected = read_hf(&folder);
        let expected = expected.architecture();
        let config = folder.config.as_object_mut().unwrap();
        let theta = config.remove("rope_theta").unwrap();
        let mut parameters = config.remove("rope_scaling").unwrap();
        if parameters.is_null() {
            parameters = json!({"rope_type": "default"});
        }
        config.insert("rope_parameters".into(), parameters);
        // A base beside the object is for an object that has none.
        folder.config["rope_theta"] = theta.clone();
        assert_eq!(read_hf(&folder).architecture(), expected, "{what}");
        folder.config["rope_parameters"]["rope_theta"] = theta;
        folder.config["rope_theta"] = json!(7.0);
        assert_eq!(read_hf(&folder).architecture(), expected, "{what}");
        folder.config["rope_theta"] = Value::Null;
        assert_eq!(read_hf(&folder).architecture(), expected, "{what}");
    }
}

/// A model with the default wherever a format has one, YaRN's original context among them.
fn usual() -> Tiny {
    let context = 2048;
    let shape = Shape {
        kv_heads: 4,
        context,
        tied: false,
        theta: 10_000.0,
        eps: 1e-6,
        scaling: Scaling::Yarn {
            factor: 4.0,
            original: context,
        },
        ..Shape::default()
    };
    assert_eq!(shape.heads, shape.kv_heads);
    assert_eq!(shape.hidden, shape.heads * shape.head_dim);
    Tiny::new(shape, 19)
}

#[track_caller]
fn assert_same(what: &str, model: &Model, expected: &Model) {
    assert_eq!(model.architecture(), expected.architecture(), "{what}");
    let tensors = expected.tensors().keys();
    assert!(model.tensors().keys().eq(tensors), "{what}");
}

/// Those of transformers' `LlamaConfig`.
#[test]
fn fields_that_a_folder_leaves_out_have_their_defaults() {
    let folder = Folder::new(&usual());
    let expected = read_hf(&folder);
    for pointer in [
        "/hidden_act",
        "/num_key_value_heads",
        "/head_dim",
        "/max_position_embeddings",
        "/rms_norm_eps",
        "/rope_theta",
        "/rope_scaling/original_max_position_embeddings",
        "/attention_bias",
        "/mlp_bias",
        "/tie_word_embeddings",
    ] {
        let (object, field) = pointer.rsplit_once('/').unwrap();
        let (mut null, mut absent) = (folder.clone(), folder.clone());
        *null.config.pointer_mut(pointer).unwrap() = Value::Null;
        let object = absent.config.pointer_mut(object).unwrap();
        object.as_object_mut().unwrap().remove(field).unwrap();
        assert_same(pointer, &read_hf(&null), &expected);
        assert_same(pointer, &read_hf(&absent), &expected);
    }
}

/// Those of llama.cpp.
#[test]
fn keys_that_a_gguf_file_leaves_out_have_their_defaults() {
    let file = Gguf::new(&usual());
    let expected = read_gguf(&file);
    for key in [
        "attention.head_count_kv",
        "attention.key_length",
        "attention.value_length",
        "rope.dimension_count",
        "rope.freq_base",
        "rope.scaling.original_context_length",
    ] {
        let key = format!("llama.{key}");
        let mut shorter = file.clone();
        shorter.remove(&key);
        assert_eq!(shorter.keys.len(), file.keys.len() - 1, "{key}");
        assert_same(&key, &read_gguf(&shorter), &expected);
    }
}

#[test]
fn logits_of_a_part_of_each_head_rotated_are_those_of_the_naive_pass() {
    for (rope_dim, scaling) in [
        (2, Scaling::None),
        (6, Scaling::None),
        (6, LLAMA3),
        (4, YARN),
    ] {
        let shape = Shape {
            rope_dim,
            scaling,
            attention_bias: true,
            ..Shape::default()
        };
        let tiny = Tiny::new(shape, 5);
        check(
            &format!("{rope_dim} of 8 rotated"),
            &tiny,
            &import_gguf(&tiny),
        );
    }
}

#[test]
fn logits_of_quantized_files_are_those_of_their_values() {
    for dtype in BLOCK_TYPES {
        let tiny = Tiny::new(
            Shape {
                dtype,
                ..Shape::default()
            },
            9,
        );
        check(dtype.name(), &tiny, &import_gguf(&tiny));
    }
}

#[test]
fn logits_of_llama2c_are_those_of_the_naive_pass() {
    for (tied, group_size) in [(true, 32), (false, 8), (false, 64)] {
        let shape = Shape {
            tied,
            ..Shape::default()
        };
        let tiny = Tiny::new(shape.clone(), 3);
        check(
            "version 0",
            &tiny,
            &import_llama2c(&tiny, llama2c::version_0(&tiny)),
        );
        let dtype = DType::Q8Groups { group_size };
        let tiny = Tiny::new(Shape { dtype, ..shape }, 4);
        check(
            "version 2",
            &tiny,
            &import_llama2c(&tiny, llama2c::version_2(&tiny)),
        );
    }
}

#[test]
fn bits_depend_on_neither_threads_instruction_set_nor_batch() {
    let shape = Shape {
        hidden: 72,
        intermediate: 100,
        heads: 6,
        kv_heads: 2,
        head_dim: 14,
        rope_dim: 10,
        vocab: 283,
        attention_bias: true,
        mlp_bias: true,
        tied: false,
        ..Shape::default()
    };
    let tokens = tokens(&shape, 37);
    let model = import_gguf(&Tiny::new(shape, 11));
    let formats = WeightFormat::MADE.map(|format| (format, CacheFormat::F32));
    for (format, cache) in (formats.into_iter()).chain([(WeightFormat::F32, CacheFormat::I8)]) {
        let program = |batch| program_with(&model, Quant::To(format), cache, batch);
        check_bits(&format!("{format}, cache {cache}"), program, &tokens);
    }
}

/// The same bits on all sets of this machine, in batches, and on two threads.
fn check_bits(what: &str, program: impl Fn(usize) -> Program, tokens: &[u32]) {
    let expected = bits(&program(16), 1, None, tokens);
    assert_eq!(expected.len(), tokens.len());
    for batch in [1, 16, 5] {
        let program = program(batch);
        for set in [
            InstructionSet::Scalar,
            InstructionSet::Sse41,
            InstructionSet::Avx2,
            InstructionSet::Avx512Vnni,
        ] {
            for threads in [1, 2] {
                let found = bits(&program, threads, Some(set), tokens);
                assert!(
                    found == expected,
                    "{what}, batch {batch}, {set}, {threads} threads"
                );
            }
        }
    }
}

/// A file's own formats: `keep` holds its values, in its bytes.
#[test]
fn what_files_hold_is_kept() {
    for (dtype, format) in [
        (DType::Q8_0, WeightFormat::Q8),
        (DType::Q6_K, WeightFormat::Q6K),
        (DType::Q5_1, WeightFormat::Q5M),
        (DType::Q5_0, WeightFormat::Q5),
        (DType::Q5_K, WeightFormat::Q5K),
        (DType::Q4_1, WeightFormat::Q4M),
        (DType::Q4_0, WeightFormat::Q4),
        (DType::Q4_K, WeightFormat::Q4K),
        (DType::IQ4_NL, WeightFormat::IQ4NL),
        (DType::IQ4_XS, WeightFormat::IQ4XS),
        (DType::MXFP4, WeightFormat::MXFP4),
        (DType::Q3_K, WeightFormat::Q3K),
        (DType::Q2_K, WeightFormat::Q2K),
        (DType::TQ2_0, WeightFormat::TQ2),
        (DType::TQ1_0, WeightFormat::TQ1),
    ] {
        let shape = Shape {
            hidden: 256,
            intermediate: 512,
            layers: 1,
            heads: 4,
            kv_heads: 2,
            head_dim: 64,
            rope_dim: 64,
            tied: false,
            dtype,
            ..Shape::default()
        };
        let tokens = tokens(&shape, 21);
        let model = import_gguf(&Tiny::new(shape, 13));
        let plan = plan(&model, &profile(16), &Request::default()).unwrap();
        assert!(plan.formats().values().all(|&found| found == format));
        assert!(plan.conversions().iter().all(|kept| kept.lossless));
        let matrices = model
            .tensors()
            .iter()
            .filter(|(key, _)| key.role.is_matrix());
        let bytes: usize = matrices.map(|(_, tensor)| tensor.bytes().len()).sum();
        let held = |(key, format): (&TensorKey, &WeightFormat)| {
            let tensor = model.tensor(*key).unwrap();
            format.matrix_bytes(tensor.rows(), tensor.cols())
        };
        let held: usize = plan.formats().iter().map(held).sum();
        assert_eq!(held, bytes, "{format}");

        let kept = |batch| program(&model, Quant::Keep, batch);
        let floats = program(&model, Quant::To(WeightFormat::F32), 16);
        // What the embedding gives is the file's, to the bit.
        let first = |program: &Program| {
            let mut stages = Residuals::default();
            Interpreter::new(program, 1).feed(&tokens, &mut stages);
            stages.0
        };
        assert_eq!(first(&kept(16)), first(&floats), "{format}");
        // Products differ by the rounding of activations to 8 bits alone.
        let [found, expected] = [kept(16), floats].map(|program| run(&program, 1, None, &tokens));
        for (found, expected) in found.0.iter().zip(&expected.0) {
            let distance = found.iter().zip(expected).map(|(a, b)| (a - b).powi(2));
            let size: f32 = expected.iter().map(|b| b.powi(2)).sum();
            let part = (distance.sum::<f32>() / size).sqrt();
            assert!(part < 0.05, "{format}: {part}");
        }
        check_bits(format.name(), kept, &tokens);
    }
}

/// The residual stream's bits after the embedding.
#[derive(Default)]
struct Residuals(Vec<u32>);

impl Observer for Residuals {
    fn stage(&mut self, stage: usize, residual: &[f32]) {
        if stage == 0 {
            self.0.extend(residual.iter().map(|value| value.to_bits()));
        }
    }
}

/// A format that only holds what files have is refused for other weights, with what to do.
#[test]
fn nothing_else_is_brought_into_a_files_format() {
    let model = import_gguf(&Tiny::new(Shape::default(), 14));
    for format in WeightFormat::ALL
        .into_iter()
        .filter(|format| !format.is_made())
    {
        let request = Request {
            quant: Quant::To(format),
            ..Request::default()
        };
        let error = plan(&model, &profile(16), &request)
            .unwrap_err()
            .to_string();
        assert!(error.contains(&format!("is not in `{format}`")), "{error}");
        assert!(error.contains("take `keep`"), "{error}");
    }
}

/// Integer products have room for their activations, whichever width is the greatest.
#[test]
fn any_width_is_quantized() {
    for (hidden, intermediate, head_dim) in [(200, 64, 16), (64, 200, 16), (64, 64, 100)] {
        let shape = Shape {
            hidden,
            intermediate,
            heads: 2,
            kv_heads: 2,
            head_dim,
            rope_dim: head_dim,
            ..Shape::default()
        };
        let tokens = tokens(&shape, 9);
        let model = import_gguf(&Tiny::new(shape, 12));
        let program = |batch| program(&model, Quant::To(WeightFormat::Q8), batch);
        let one = bits(&program(1), 1, None, &tokens);
        assert!(
            bits(&program(3), 1, None, &tokens) == one,
            "{hidden}, {intermediate}, {head_dim}"
        );
    }
}

/// The KV cache in i8: logits move by about a step of 1/127 of the greatest element, no more.
#[test]
fn logits_with_a_cache_in_i8_are_near_those_of_the_naive_pass() {
    for (what, shape) in variations() {
        let tiny = Tiny::new(shape, 13);
        let tokens = tokens(&tiny.shape, 21);
        let expected = oracle::logits(&tiny, &tokens);
        let quant = Quant::To(WeightFormat::F32);
        let program = program_with(&import_gguf(&tiny), quant, CacheFormat::I8, 4);
        let found = run(&program, 2, None, &tokens).0;
        let (mut moved, mut size) = (0.0f64, 0.0f64);
        for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
            moved += (f64::from(*found) - expected).powi(2);
            size += expected.powi(2);
        }
        let moved = (moved / size).sqrt();
        assert!((1e-4..2e-2).contains(&moved), "{what}: {moved}");
    }
}

#[track_caller]
fn refused(model: &Model, request: &Request, parts: &[&str]) {
    let error = plan(model, &profile(1), request).unwrap_err().to_string();
    for part in parts {
        assert!(error.contains(part), "no {part:?} in: {error}");
    }
}

/// 256 elements are the most in i8.
#[test]
fn a_cache_in_i8_takes_heads_up_to_its_widest() {
    for (head_dim, fits) in [(256, true), (257, false)] {
        let shape = Shape {
            layers: 1,
            heads: 1,
            kv_heads: 1,
            head_dim,
            rope_dim: 256,
            ..Shape::default()
        };
        let model = import_gguf(&Tiny::new(shape, 23));
        let mut request = Request::default();
        plan(&model, &profile(1), &request).unwrap();
        request.kv_cache = CacheFormat::I8;
        if fits {
            plan(&model, &profile(1), &request).unwrap();
        } else {
            let parts = ["at most 256 elements", "the model's have 257", "f32"];
            refused(&model, &request, &parts);
        }
    }
}

/// A message or an answer has at least one token.
#[test]
fn a_session_is_longer_than_the_system_message() {
    let mut file = Gguf::new(&Tiny::new(Shape::default(), 2));
    file.text(
        "tokenizer.chat_template",
        "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}<assistant>",
    );
    let model = bind::system(read_gguf(&file), "Be brief.").unwrap();
    let tokens = model.prefix().len();
    let mut request = Request {
        context: Some(tokens),
        ..Request::default()
    };
    let problem = format!("takes {tokens} tokens, a session holds {tokens}");
    refused(&model, &request, &["system", &problem]);
    request.context = Some(tokens + 1);
    let plan = plan(&model, &profile(1), &request).unwrap();
    assert_eq!(plan.sizes().context, tokens + 1);
}

/// The same format keeps every value, until a text chooses the roundings.
#[test]
fn what_is_calibrated_is_not_called_without_loss() {
    let shape = Shape {
        dtype: DType::Q8_0,
        ..Shape::default()
    };
    let model = import_gguf(&Tiny::new(shape, 2));
    for calibrate in [false, true] {
        let request = Request {
            quant: Quant::To(WeightFormat::Q8),
            calibrate,
            ..Request::default()
        };
        let plan = plan(&model, &profile(1), &request).unwrap();
        let mut kept = plan.conversions().iter().filter(|c| c.from == DType::Q8_0);
        assert!(kept.clone().count() > 0);
        assert!(kept.all(|conversion| conversion.lossless != calibrate));
    }
}

/// Weights that are on the grid of `q4` are kept so, whatever they are stored in.
#[test]
fn a_trained_grid_is_kept() {
    let shape = Shape {
        dtype: DType::Q4_0,
        ..Shape::default()
    };
    let mut tiny = Tiny::new(shape, 2);
    let tokens = tokens(&tiny.shape, 9);
    let logits = |model: &Model, quant| run(&program(model, quant, 4), 1, None, &tokens).0;
    let stored_so = import_gguf(&tiny);
    let expected = logits(&stored_so, Quant::Keep);
    // Its types say so.
    assert_eq!(inspect(&stored_so).grid, None);
    for (dtype, quant) in [
        (DType::F32, Quant::Keep),
        (DType::F32, Quant::To(WeightFormat::Q4)),
        (DType::BF16, Quant::Keep),
    ] {
        for stored in tiny.weights.values_mut().filter(|stored| stored.rows > 1) {
            stored.dtype = dtype;
        }
        let model = import_hf(&tiny);
        let grid = inspect(&model).grid.unwrap();
        assert_eq!((grid.format, grid.matrices, grid.of), ("q4", 15, 15));
        let request = Request {
            quant,
            ..Request::default()
        };
        let kept = plan(&model, &profile(1), &request).unwrap();
        for conversion in kept.conversions() {
            assert!(conversion.lossless, "{conversion}");
            assert_eq!((conversion.from, conversion.to), (dtype, WeightFormat::Q4));
        }
        if dtype == DType::F32 {
            assert_eq!(logits(&model, quant), expected);
        }
        let request = Request {
            quant: Quant::To(WeightFormat::Q4),
            calibrate: true,
            ..Request::default()
        };
        refused(&model, &request, &["calibrate", "rounded again"]);
    }
}

/// A matrix that is not on the grid is no other for a block that is.
#[test]
fn a_grid_of_some_blocks_is_none() {
    let shape = Shape {
        dtype: DType::Q4_0,
        ..Shape::default()
    };
    let mut tiny = Tiny::new(shape, 2);
    for stored in tiny.weights.values_mut().filter(|stored| stored.rows > 1) {
        stored.dtype = DType::F32;
        *stored.values.last_mut().unwrap() += 0.001;
    }
    let plan = plan(&import_hf(&tiny), &profile(1), &Request::default()).unwrap();
    for conversion in plan.conversions() {
        assert_eq!(
            (conversion.from, conversion.to),
            (DType::F32, WeightFormat::F32)
        );
    }
}

#[test]
fn an_answer_cache_holds_at_most_2_to_the_24_tokens() {
    let model = import_gguf(&Tiny::new(Shape::default(), 2));
    let mut request = Request {
        answer_cache: Some(16_777_216),
        allow_oversize: true,
        ..Request::default()
    };
    let sizes = plan(&model, &profile(1), &request).unwrap().sizes();
    assert_eq!(sizes.answer_cache, 16_777_216);
    request.answer_cache = Some(16_777_217);
    refused(&model, &request, &["16777217 tokens", "at most 16777216"]);
}

fn bits(
    program: &Program,
    threads: usize,
    on: Option<InstructionSet>,
    tokens: &[u32],
) -> Vec<Vec<u32>> {
    let logits = run(program, threads, on, tokens).0;
    logits
        .iter()
        .map(|row| row.iter().map(|v| v.to_bits()).collect())
        .collect()
}

prop_compose! {
    fn shapes()(
        (hidden, intermediate, layers) in (1usize..50, 1usize..70, 1usize..4),
        (kv_heads, shared) in (1usize..4, 1usize..4),
        (pairs, rotated) in (1usize..9, any::<prop::sample::Index>()),
        odd in 0usize..2,
        vocab in 266usize..300,
        (attention_bias, mlp_bias, tied) in any::<(bool, bool, bool)>(),
        scaling in prop::sample::select(vec![
            Scaling::None, Scaling::Linear { factor: 2.5 }, LLAMA3, YARN,
        ]),
        theta in prop::sample::select(vec![100.0, 10_000.0, 500_000.0]),
        dtype in prop::sample::select(vec![DType::F32, DType::F16, DType::BF16]),
    ) -> Shape {
        Shape {
            hidden, intermediate, layers, kv_heads, heads: kv_heads * shared,
            head_dim: 2 * pairs + odd, rope_dim: 2 * (rotated.index(pairs) + 1),
            vocab, attention_bias, mlp_bias, tied, scaling, theta, dtype,
            ..Shape::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_shape_has_the_logits_of_the_naive_pass(shape in shapes(), seed in any::<u64>()) {
        let tiny = Tiny::new(shape, seed);
        let model = import_gguf(&tiny);
        let tokens = tokens(&tiny.shape, 9);
        let expected = oracle::logits(&tiny, &tokens);
        let found = run(&program(&model, Quant::To(WeightFormat::F32), 4), 2, None, &tokens).0;
        for (found, expected) in found.iter().zip(&expected) {
            for (found, expected) in found.iter().zip(expected) {
                let difference = (f64::from(*found) - expected).abs();
                prop_assert!(difference <= 1e-3, "{found} {expected}");
            }
        }
    }
}
