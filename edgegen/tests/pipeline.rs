//! Import, plan, compress, interpret: the logits are those of a naive forward pass in
//! f64, and their bits depend on neither threads, instruction set nor batch.

mod common;

use std::path::Path;

use common::gguf::Gguf;
use common::hf::Folder;
use common::{Random, Scaling, Shape, Tiny, llama2c, oracle};
use edgegen::compress::compress;
use edgegen::import::import;
use edgegen::interpret::{Interpreter, Observer};
use edgegen::model::{DType, Model, Role};
use edgegen::plan::{Quant, Request, plan};
use edgegen::profile::{InstructionSet, Profile};
use edgegen::program::{CacheFormat, Program, WeightFormat};
use proptest::prelude::*;

#[derive(Default)]
struct Logits(Vec<Vec<f32>>);

impl Observer for Logits {
    fn logits(&mut self, logits: &[f32]) {
        self.0.push(logits.to_vec());
    }
}

/// A profile without limits that takes `batch` tokens at once.
fn profile(batch: usize) -> Profile {
    let text = include_str!("../src/profile/built_in/host_x86_64.toml");
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
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    std::fs::write(&path, Gguf::new(tiny).bytes()).unwrap();
    import(&path).unwrap()
}

fn import_hf(tiny: &Tiny) -> Model {
    let folder = tempfile::tempdir().unwrap();
    Folder::new(tiny).write(folder.path());
    import(folder.path()).unwrap()
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
    let expected = oracle::logits(tiny, &tokens);
    let program = program(model, Quant::To(WeightFormat::F32), 16);
    let found = run(&program, 1, None, &tokens);
    assert_eq!(found.0.len(), tokens.len(), "{what}");
    for (position, (found, expected)) in found.0.iter().zip(&expected).enumerate() {
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
    for dtype in [
        DType::Q8_0,
        DType::Q4_0,
        DType::Q4_1,
        DType::Q5_0,
        DType::Q5_1,
    ] {
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
    let formats = WeightFormat::ALL.map(|format| (format, CacheFormat::F32));
    for (format, cache) in (formats.into_iter()).chain([(WeightFormat::F32, CacheFormat::I8)]) {
        let program = |batch| program_with(&model, Quant::To(format), cache, batch);
        let expected = bits(&program(16), 1, None, &tokens);
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
                    let found = bits(&program, threads, Some(set), &tokens);
                    assert!(
                        found == expected,
                        "{format}, cache {cache}, batch {batch}, {set}, {threads} threads"
                    );
                }
            }
        }
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
