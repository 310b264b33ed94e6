//! A smaller network: what does nothing goes first and is not missed, what matters stays.

use std::ops::Range;

use super::{logits, program};
use crate::common::gguf::Gguf;
use crate::common::hf::Folder;
use crate::common::{Shape, Stored, Tiny, assert_refused, llama2c};
use edgegen::emit::{Options, emit};
use edgegen::import::{built_in, import};
use edgegen::interpret::golden;
use edgegen::model::{DType, Model, Role, TensorKey};
use edgegen::plan::{Quant, Request, plan, schedule};
use edgegen::profile::Profile;
use edgegen::program::{Placement, WeightFormat};
use edgegen::{compress, prune, text};

const F32: Quant = Quant::To(WeightFormat::F32);
const TOKENS: [u32; 12] = [5, 60, 7, 200, 9, 31, 261, 17, 5, 5, 99, 250];

/// Enough for some windows.
fn some_text() -> &'static str {
    let end = text::CALIBRATION.char_indices().nth(4000).unwrap().0;
    &text::CALIBRATION[..end]
}

/// With and without biases, of an output projection of its own.
fn tinies() -> [Tiny; 2] {
    [false, true].map(|with| {
        let shape = Shape {
            attention_bias: with,
            mlp_bias: with,
            tied: !with,
            ..Shape::default()
        };
        Tiny::new(shape, 5)
    })
}

/// The model with its queries and keys in both orders.
fn models(tiny: &Tiny) -> [Model; 2] {
    let folder = tempfile::tempdir().unwrap();
    Folder::new(tiny).write(folder.path());
    [gguf(tiny), import(folder.path()).unwrap()]
}

fn gguf(tiny: &Tiny) -> Model {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    std::fs::write(&path, Gguf::new(tiny).bytes()).unwrap();
    import(&path).unwrap()
}

/// Changes the values of a matrix, given row and column.
fn change(tiny: &mut Tiny, key: TensorKey, value: impl Fn(usize, usize, f32) -> f32) {
    let stored = &tiny.weights[&key];
    let values =
        (0..stored.values.len()).map(|i| value(i / stored.cols, i % stored.cols, stored.values[i]));
    let changed = Stored::f32(stored.rows, stored.cols, values.collect());
    tiny.weights.insert(key, changed);
}

/// Sets columns of a matrix to 0.
fn clear(tiny: &mut Tiny, layer: usize, role: Role, gone: impl Fn(usize) -> bool) {
    let zero = |_: usize, col: usize, value: f32| if gone(col) { 0.0 } else { value };
    change(tiny, TensorKey::layer(layer, role), zero);
}

fn check_same(what: &str, before: &Model, after: &Model) {
    let [before, after] = [before, after].map(|model| logits(&program(model, F32), &TOKENS));
    assert_eq!(before, after, "{what}");
}

/// How far logits are apart at most, and how large they are.
fn apart(before: &Model, after: &Model) -> (f32, f32) {
    let [before, after] = [before, after].map(|model| {
        let logits = logits(&program(model, F32), &TOKENS).concat();
        logits.into_iter().map(f32::from_bits).collect::<Vec<f32>>()
    });
    let pairs = before.iter().zip(&after);
    (
        pairs.fold(0.0, |worst, (a, b)| worst.max((a - b).abs())),
        before.iter().fold(0.0, |most, a| most.max(a.abs())),
    )
}

#[test]
fn neurons_that_do_nothing_are_not_missed() {
    for mut tiny in tinies() {
        // Others in each layer.
        clear(&mut tiny, 0, Role::Down, |col| col % 2 == 0);
        clear(&mut tiny, 1, Role::Down, |col| col < 32);
        for model in models(&tiny) {
            let pruned = prune::neurons(model.clone(), 32, some_text()).unwrap();
            assert_eq!(pruned.architecture().intermediate_size, 32);
            assert_eq!(pruned.left_out().neurons, 32);
            // Sums have other lanes.
            let (worst, most) = apart(&model, &pruned);
            assert!(worst < 1e-5 * most, "{worst} of {most}");
        }
    }
}

#[test]
fn heads_that_do_nothing_are_not_missed() {
    let shape = Shape::default();
    let group = |index: usize| -> Range<usize> {
        let width = shape.heads / shape.kv_heads * shape.head_dim;
        index * width..(index + 1) * width
    };
    for mut tiny in tinies() {
        clear(&mut tiny, 0, Role::AttentionOutput, |col| {
            group(0).contains(&col)
        });
        clear(&mut tiny, 1, Role::AttentionOutput, |col| {
            group(1).contains(&col)
        });
        for model in models(&tiny) {
            let pruned = prune::heads(model.clone(), 1, some_text()).unwrap();
            let architecture = pruned.architecture();
            assert_eq!(architecture.num_key_value_heads, 1);
            assert_eq!(architecture.num_attention_heads, 2);
            assert_eq!(pruned.left_out().key_value_heads, 1);
            check_same("heads", &model, &pruned);
        }
    }
}

#[test]
fn layers_that_do_nothing_are_not_missed() {
    for idle in [0, 1, 3] {
        let shape = Shape {
            layers: 4,
            ..Shape::default()
        };
        let mut tiny = Tiny::new(shape, 5);
        for role in [Role::AttentionOutput, Role::Down] {
            clear(&mut tiny, idle, role, |_| true);
            clear(&mut tiny, 2, role, |_| true);
        }
        let model = gguf(&tiny);
        let pruned = prune::layers(model.clone(), 2, some_text()).unwrap();
        assert_eq!(pruned.architecture().num_hidden_layers, 2);
        assert_eq!(pruned.left_out().layers, 2);
        check_same("layers", &model, &pruned);
    }
}

/// Rows of a matrix, or elements of a vector.
fn outputs(model: &Model, layer: usize, role: Role) -> Vec<Vec<f32>> {
    let tensor = model.tensor(TensorKey::layer(layer, role)).unwrap();
    let mut values = vec![0.0; tensor.len()];
    tensor.dequantize_rows(0..tensor.rows(), &mut values);
    let width = if role.is_matrix() { tensor.cols() } else { 1 };
    values.chunks(width).map(<[f32]>::to_vec).collect()
}

#[test]
fn the_one_that_matters_is_kept() {
    let mut tiny = tinies()[1].clone();
    for (layer, one) in [(0, 37), (1, 5)] {
        let weaker =
            |_: usize, col: usize, value: f32| if col == one { value } else { value / 100.0 };
        change(&mut tiny, TensorKey::layer(layer, Role::Down), weaker);
    }
    let model = gguf(&tiny);
    let pruned = prune::neurons(model.clone(), 1, some_text()).unwrap();
    for (layer, one) in [(0, 37), (1, 5)] {
        for role in [Role::Gate, Role::GateBias, Role::Up, Role::UpBias] {
            let found = outputs(&pruned, layer, role);
            assert_eq!(
                found,
                [outputs(&model, layer, role)[one].clone()],
                "{role:?}"
            );
        }
    }
    let (worst, most) = apart(&model, &pruned);
    assert!(worst < 0.05 * most, "{worst} of {most}");
}

#[test]
fn all_of_it_is_the_model() {
    let model = gguf(&tinies()[1]);
    let whole = prune::Shape {
        intermediate_size: Some(64),
        num_key_value_heads: Some(2),
        num_hidden_layers: Some(2),
    };
    // No text is needed.
    for shape in [whole, prune::Shape::default()] {
        let kept = shape.prune(model.clone(), "").unwrap();
        assert_eq!(kept.architecture(), model.architecture());
        assert_eq!(kept.left_out(), model.left_out());
        for (key, tensor) in model.tensors() {
            assert_eq!(kept.tensor(*key).unwrap().bytes(), tensor.bytes());
        }
    }
}

#[test]
fn what_is_not_possible_is_refused() {
    let model = gguf(&tinies()[1]);
    for size in [0, 65, usize::MAX] {
        let refused = prune::neurons(model.clone(), size, some_text());
        assert_refused(
            "neurons",
            refused,
            "",
            "--intermediate-size",
            "the model has 64",
        );
    }
    for size in [0, 3, usize::MAX] {
        let refused = prune::heads(model.clone(), size, some_text());
        assert_refused("heads", refused, "", "--kv-heads", "the model has 2");
        let refused = prune::layers(model.clone(), size, some_text());
        assert_refused("layers", refused, "", "--layers", "the model has 2");
    }
    for refused in [
        prune::neurons(model.clone(), 1, "short"),
        prune::heads(model.clone(), 1, "short"),
        prune::layers(model.clone(), 1, "short"),
    ] {
        assert_refused(
            "text",
            refused,
            "",
            "--calibration",
            "the calibration text has",
        );
    }
    let mut tiny = tinies()[1].clone();
    change(&mut tiny, TensorKey::layer(0, Role::Up), |_, _, value| {
        1e38 * value
    });
    let huge = gguf(&tiny);
    let refused = prune::neurons(huge.clone(), 32, some_text());
    assert_refused("huge", refused, "", "weights", "not finite");
    // Of what is not finite any layer is as good as another.
    prune::layers(huge, 1, some_text()).unwrap();
}

fn stored(dtype: DType) -> Model {
    let blocks = matches!(dtype, DType::Q8Groups { .. });
    let tiny = Tiny::new(
        Shape {
            dtype,
            head_dim: 16,
            rope_dim: 16,
            intermediate: 128,
            hidden: 64,
            ..Shape::default()
        },
        5,
    );
    if !blocks {
        return gguf(&tiny);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.bin");
    std::fs::write(&path, llama2c::version_2(&tiny)).unwrap();
    let tokenizer = llama2c::tokenizer(tiny.shape.vocab);
    std::fs::write(folder.path().join("tokenizer.bin"), tokenizer).unwrap();
    import(&path).unwrap()
}

/// Of every type of weights: the outline has the plan of the pruned model, and the formats are those
/// of the file.
#[test]
fn types_and_sizes_are_known_beforehand() {
    let shape = prune::Shape {
        intermediate_size: Some(96),
        num_key_value_heads: Some(1),
        num_hidden_layers: Some(1),
    };
    for (dtype, format) in [
        (DType::F32, WeightFormat::F32),
        (DType::F16, WeightFormat::F16),
        (DType::Q8_0, WeightFormat::Q8),
        (DType::Q4_0, WeightFormat::Q4),
        (DType::Q4_1, WeightFormat::Q4M),
        (DType::Q8Groups { group_size: 32 }, WeightFormat::Q8),
    ] {
        let model = stored(dtype);
        let pruned = shape.prune(model.clone(), some_text()).unwrap();
        let outline = shape.outline(&model).unwrap();
        assert_eq!(pruned.architecture(), outline.architecture());
        let host = Profile::load("host").unwrap();
        let [found, expected] =
            [&pruned, &outline].map(|model| plan(model, &host, &Request::default()).unwrap());
        assert_eq!(found, expected, "{dtype:?}");
        assert!(found.formats().values().all(|&f| f == format), "{dtype:?}");
        let kept = |role| {
            let tensor = pruned.tensor(TensorKey::layer(0, role)).unwrap();
            (tensor.dtype(), tensor.origin())
        };
        assert_eq!(kept(Role::Gate), (dtype, dtype));
        assert_eq!(kept(Role::Query), (dtype, dtype));
        // Blocks lose columns only as numbers.
        let plain = matches!(dtype, DType::F32 | DType::F16);
        let narrower = if plain { dtype } else { DType::F32 };
        assert_eq!(kept(Role::Down), (narrower, dtype));
        assert_eq!(kept(Role::AttentionOutput), (narrower, dtype));
    }
}

/// One thread or many: the same bytes.
#[test]
fn threads_change_nothing() {
    let model = built_in().unwrap();
    let pruned = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let model = model.clone();
        pool.build()
            .unwrap()
            .install(|| prune::neurons(model, 200, some_text()).unwrap())
    });
    for (key, tensor) in pruned[0].tensors() {
        assert_eq!(
            tensor.bytes(),
            pruned[1].tensor(*key).unwrap().bytes(),
            "{key:?}"
        );
    }
}

/// The basic policy's schedule is carried out as it is shown, and the crate says so.
#[test]
fn the_basic_policy_prunes() {
    let model = built_in().unwrap();
    let neurons = model.architecture().intermediate_size;
    let esp32 = Profile::load("esp32").unwrap();
    let schedule = schedule(&model, &esp32, &Request::default()).unwrap();
    let step = &schedule.steps[1];
    assert_eq!(step.action.name(), "prune");
    let kept = schedule.shape.intermediate_size.unwrap();
    assert!(kept.is_multiple_of(32) && kept.abs_diff(neurons * 7 / 10) <= 16);
    let architecture = model.architecture();
    let weights = 3 * architecture.hidden_size * (neurons - kept) * architecture.num_hidden_layers;
    // 34 bytes hold 32 weights.
    assert_eq!(step.before - step.after, weights / 32 * 34);
    let pruned = schedule.prune(model).unwrap();
    let program = compress::compress(&pruned, &schedule.plan, &|_, _| {}).unwrap();
    assert_eq!(program.flash_bytes(), schedule.steps.last().unwrap().after);
    let options = Options {
        name: "pruned".into(),
        weights: Placement::Embedded,
        allow_oversize: false,
    };
    let krate = emit(&program, &golden(&program, 1).unwrap(), &esp32, &options);
    let readme = String::from_utf8(krate.files()["README.md"].to_vec()).unwrap();
    let row = format!("| feed-forward neurons | {kept} of the source's {neurons} in each layer |");
    assert!(readme.contains(&row), "{readme}");
}
