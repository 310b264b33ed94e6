//! What a plan predicts is what the emitted crate is.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::common::gguf::Gguf;
use crate::common::{Shape, Tiny, data};
use edgegen::bind;
use edgegen::compress::compress;
use edgegen::emit::{Crate, Options, emit};
use edgegen::import::{built_in, import};
use edgegen::interpret::bake;
use edgegen::model::{DType, Model};
use edgegen::plan::{Footprint, Plan, Quant, Request, plan, schedule};
use edgegen::profile::Profile;
use edgegen::program::{CacheFormat, Golden, Placement, WeightFormat};
use edgegen::{prune, text};
use proptest::prelude::*;

fn request(quant: Quant, weights: Placement) -> Request {
    Request {
        quant,
        weights,
        allow_oversize: true,
        ..Request::default()
    }
}

fn in_i8(quant: Quant) -> Request {
    Request {
        kv_cache: CacheFormat::I8,
        ..request(quant, Placement::Embedded)
    }
}

/// The prediction and the crate.
fn emitted(model: &Model, profile: &Profile, request: &Request) -> (Footprint, Crate) {
    carried_out(model, profile, &plan(model, profile, request).unwrap())
}

fn carried_out(model: &Model, profile: &Profile, plan: &Plan) -> (Footprint, Crate) {
    let mut program = compress(model, plan, &|_, _| {}).unwrap();
    bake(&mut program, 1);
    // The hashes take no part in any size.
    let golden = Golden {
        stages: vec![0; program.shapes().num_hidden_layers + 1],
        logits: 0,
    };
    let options = Options {
        name: "predicted".into(),
        weights: plan.weights(),
        allow_oversize: true,
    };
    let krate = emit(&program, &golden, profile, &options);
    (*plan.footprint(), krate)
}

fn constant(krate: &Crate, name: &str) -> usize {
    let text = std::str::from_utf8(&krate.files()["src/model.rs"]).unwrap();
    let start = format!("pub const {name}: usize = ");
    let at = text.find(&start).unwrap_or_else(|| panic!("no {name}")) + start.len();
    let number = text[at..].split(';').next().unwrap();
    number.replace('_', "").parse().unwrap()
}

/// Bytes of the files that are in flash.
fn files(krate: &Crate) -> usize {
    let in_flash = |path: &&String| path.starts_with("weights/") || path.ends_with(".weights");
    let paths = krate.files().keys().filter(in_flash);
    paths.map(|path| krate.files()[path].len()).sum()
}

fn quants() -> Vec<Quant> {
    let formats = WeightFormat::MADE.map(Quant::To);
    [Quant::Keep].into_iter().chain(formats).collect()
}

fn check_flash(what: &str, model: &Model, profile: &Profile, request: &Request) {
    let (footprint, krate) = emitted(model, profile, request);
    let what = format!("{what}, {}, {request:?}", profile.name());
    check_files(&what, model, &footprint, &krate);
}

fn check_files(what: &str, model: &Model, footprint: &Footprint, krate: &Crate) {
    assert_eq!(footprint.flash(), constant(krate, "FLASH_BYTES"), "{what}");
    // The prefix's tokens are in the code.
    let tokens = 4 * model.prefix().len();
    assert_eq!(footprint.flash(), files(krate) + tokens, "{what}");
}

fn import_gguf(tiny: &Tiny) -> Model {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    std::fs::write(&path, Gguf::new(tiny).bytes()).unwrap();
    import(&path).unwrap()
}

/// A tiny model with a prefix.
fn with_system(text: &str) -> Model {
    let mut gguf = Gguf::new(&Tiny::new(Shape::default(), 2));
    let template =
        "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}<assistant>";
    gguf.text("tokenizer.chat_template", template);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    std::fs::write(&path, gguf.bytes()).unwrap();
    let model = bind::system(import(&path).unwrap(), text).unwrap();
    assert!(!model.prefix().is_empty());
    model
}

#[test]
#[ignore = "nightly"]
fn flash_on_every_platform_in_every_format_nightly() {
    let schema = br#"{"type": "object", "properties": {"a": {"type": "boolean"}}}"#;
    // What a schema and a prefix add does not depend on the formats.
    let some = || vec![Quant::Keep, Quant::To(WeightFormat::T3)];
    let models = [
        (built_in().unwrap(), quants()),
        (bind::schema(built_in().unwrap(), schema).unwrap(), some()),
        (with_system("Be brief."), some()),
    ];
    for (model, quants) in &models {
        for profile in Profile::built_in() {
            for &quant in quants {
                let request = request(quant, Placement::Embedded);
                check_flash(model.name(), model, &profile, &request);
            }
            check_flash(model.name(), model, &profile, &in_i8(Quant::Keep));
            if profile.name() != "ios" {
                let request = request(Quant::Keep, Placement::External);
                check_flash(model.name(), model, &profile, &request);
            }
        }
    }
}

/// Of programs with the same weights, too.
#[test]
fn a_digest_tells_programs_apart() {
    let host = Profile::load("host").unwrap();
    let digest = |model: Model| {
        let request = request(Quant::Keep, Placement::Embedded);
        let plan = plan(&model, &host, &request).unwrap();
        compress(&model, &plan, &|_, _| {}).unwrap().digest()
    };
    let schema = |text: &str| bind::schema(built_in().unwrap(), text.as_bytes()).unwrap();
    let digests = BTreeSet::from([
        digest(built_in().unwrap()),
        digest(schema(r#"{"type": "boolean"}"#)),
        digest(schema(r#"{"type": "integer"}"#)),
        digest(with_system("Be brief.")),
        digest(with_system("Be brisk.")),
    ]);
    assert_eq!(digests.len(), 5);
}

/// Its embedding and its feed-forward network take more than one file each.
#[test]
fn flash_of_matrices_that_are_cut() {
    let shape = Shape {
        hidden: 8192,
        intermediate: 1200,
        layers: 1,
        tied: false,
        ..Shape::default()
    };
    let model = import_gguf(&Tiny::new(shape, 3));
    let host = Profile::load("host").unwrap();
    for weights in Placement::ALL {
        for quant in [Quant::Keep, Quant::To(WeightFormat::F16)] {
            let request = request(quant, weights);
            let (_, krate) = emitted(&model, &host, &request);
            let cut = |path: &String| path.ends_with("_part_2.bin");
            assert_eq!(
                krate.files().keys().any(cut),
                weights == Placement::Embedded
            );
            check_flash("cut", &model, &host, &request);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn flash_of_random_shapes(
        (hidden, intermediate, layers) in (1usize..6, 1usize..90, 1usize..4),
        (heads, kv_heads, head_dim) in (1usize..4, 1usize..3, 1usize..9),
        vocab in 266usize..400,
        (attention_bias, mlp_bias, tied) in any::<(bool, bool, bool)>(),
        (fewer, fewer_heads, fewer_layers) in (0usize..40, any::<bool>(), any::<bool>()),
        dtype in prop::sample::select(vec![
            DType::F32, DType::F16, DType::BF16, DType::Q8_0, DType::Q4_0, DType::Q4_1,
        ]),
        quant in prop::sample::select(quants()),
        weights in prop::sample::select(Placement::ALL.to_vec()),
        platform in prop::sample::select(vec!["host", "raspberry_pi_32", "esp32", "browser"]),
    ) {
        let shape = Shape {
            hidden: 32 * hidden,
            intermediate: 32 * intermediate.div_ceil(8),
            layers,
            heads: heads * kv_heads,
            kv_heads,
            head_dim: 32 * head_dim.div_ceil(4),
            rope_dim: 2 * head_dim,
            vocab,
            attention_bias,
            mlp_bias,
            tied,
            dtype,
            ..Shape::default()
        };
        let pruned = prune::Shape {
            intermediate_size: Some(shape.intermediate.saturating_sub(fewer).max(1)),
            num_key_value_heads: fewer_heads.then_some(1),
            num_hidden_layers: fewer_layers.then_some(1),
        };
        let model = import_gguf(&Tiny::new(shape, 5));
        let model = pruned.prune(model, &text::HELD_OUT[..1000]).unwrap();
        let profile = Profile::load(platform).unwrap();
        check_flash("random", &model, &profile, &request(quant, weights));
    }
}

/// What the basic policy's steps lead to, from each type of weights: pruned, and f32 as f16 where
/// that is supported.
#[test]
fn flash_after_the_steps_of_the_policy() {
    let android = include_str!("../../src/profile/built_in/android.toml");
    let small = android.replace("\"200 MB\"", "\"20 KB\"");
    let types = "[\"int4\", \"int8\", \"f16\"]";
    for (types_left, most) in [
        (types, Some(WeightFormat::Q4)),
        ("[\"int8\", \"f16\"]", Some(WeightFormat::Q8)),
        ("[\"f16\"]", Some(WeightFormat::F16)),
        ("[\"f32\"]", None),
    ] {
        let profile = Profile::parse(&small.replace(types, types_left)).unwrap();
        for (dtype, own) in [
            (DType::F32, WeightFormat::F32),
            (DType::BF16, WeightFormat::F16),
        ] {
            let shape = Shape {
                intermediate: 128,
                dtype,
                ..Shape::default()
            };
            let model = import_gguf(&Tiny::new(shape, 5));
            let shown = schedule(&model, &profile, &Request::default()).unwrap();
            let model = shown.prune(model).unwrap();
            assert_eq!(model.architecture().intermediate_size, 96);
            let (footprint, krate) = carried_out(&model, &profile, &shown.plan);
            let what = format!("{dtype:?}, {types_left}");
            check_files(&what, &model, &footprint, &krate);
            assert_eq!(
                footprint.flash(),
                shown.steps.last().unwrap().after,
                "{what}"
            );
            let expected = most.unwrap_or(own);
            assert!(
                shown.plan.formats().values().all(|&f| f == expected),
                "{what}"
            );
        }
    }
}

/// The compiler of this machine says how large a session is, with `std` and without.
#[test]
#[ignore = "long"]
fn ram_is_what_the_compiler_says() {
    let host = include_str!("../../src/profile/built_in/host_x86_64.toml");
    let bare = host
        .replace("std = true", "std = false")
        .replace("optional = [\"avx512-vnni\", \"avx2\"]", "")
        .replace("threads = 8", "threads = 1");
    // Blocks of an odd number, so that the end of the session is padded.
    let odd = bare.replace("batch = 64", "batch = 3");
    let scalar = |text: &str| Profile::parse(&text.replace("sse4.1", "scalar")).unwrap();
    let one_set = scalar(host).for_cpu("x86-64-v3");
    let profiles = [
        ("std", scalar(host)),
        ("one set", one_set.unwrap()),
        ("bare", scalar(&bare)),
        ("odd", scalar(&odd)),
    ];
    let models = [
        built_in().unwrap(),
        // Heads that are padded.
        import_gguf(&Tiny::new(
            Shape {
                head_dim: 12,
                rope_dim: 12,
                ..Shape::default()
            },
            1,
        )),
        // A window, and room for no more than that.
        import(&data::file("architectures/mistral/hf")).unwrap(),
    ];
    for (what, profile) in &profiles {
        let placements = Placement::ALL.into_iter().cycle();
        let caches = CacheFormat::ALL.into_iter().cycle();
        for ((model, weights), kv_cache) in models.iter().zip(placements).zip(caches) {
            let request = Request {
                kv_cache,
                ..request(Quant::To(WeightFormat::Q8), weights)
            };
            let (footprint, krate) = emitted(model, profile, &request);
            let folder = tempfile::tempdir().unwrap();
            write(&krate, folder.path(), footprint.ram());
            let mut rustc = Command::new("rustc");
            rustc
                .args(["--edition=2024", "--crate-type=lib", "--emit=metadata"])
                .args(["-o", "out.rmeta", "src/lib.rs"])
                .current_dir(folder.path());
            if profile.std() {
                rustc.args(["--cfg", "feature=\"std\""]);
            }
            let output = rustc.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{what}, {weights}: {said}");
        }
    }
}

/// The crate, with a check of the session's size.
fn write(krate: &Crate, folder: &Path, ram: usize) {
    for (path, bytes) in krate.files() {
        let file = folder.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }
    let library = folder.join("src/lib.rs");
    let mut text = std::fs::read_to_string(&library).unwrap();
    // A difference of types shows both numbers.
    text += &format!("const _: [(); {ram}] = [(); RAM_BYTES];\n");
    std::fs::write(library, text).unwrap();
}

/// A decoded token reads every bias once.
#[test]
fn a_token_reads_the_biases() {
    let bytes = |attention_bias, mlp_bias| {
        let shape = Shape {
            attention_bias,
            mlp_bias,
            ..Shape::default()
        };
        let folder = tempfile::tempdir().unwrap();
        crate::common::hf::Folder::new(&Tiny::new(shape, 3)).write(folder.path());
        let model = import(folder.path()).unwrap();
        let profile = Profile::load("host").unwrap();
        let schedule = schedule(&model, &profile, &Request::default()).unwrap();
        schedule.cost.bytes
    };
    let s = Shape::default();
    let (queries, keys) = (s.heads * s.head_dim, s.kv_heads * s.head_dim);
    let attention = 4 * s.layers * (queries + 2 * keys + s.hidden);
    let mlp = 4 * s.layers * (2 * s.intermediate + s.hidden);
    let none = bytes(false, false);
    assert_eq!(bytes(true, false) - none, attention as u64);
    assert_eq!(bytes(false, true) - none, mlp as u64);
}
