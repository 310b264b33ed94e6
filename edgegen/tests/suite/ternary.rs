//! BitNet's matrices are the same however they are stored.

use edgegen::error::Result;
use edgegen::import::import;
use edgegen::interpret::Interpreter;
use edgegen::model::{Model, Role, TensorKey};
use edgegen::plan::{Quant, Request, plan};
use edgegen::profile::Profile;
use edgegen::program::WeightFormat;
use serde_json::{Value, json};

use crate::architectures::{
    Seen, check_prompts_in, ids, mean_nll, predictions, program_in, too_far,
};
use crate::common::hf::Folder;
use crate::common::{assert_refused, data, values};

fn packed() -> Folder {
    Folder::read(&data::file("architectures/bitnet/hf"))
}

/// The folder with other matrices: of each its weights by the package's law, and its scale.
fn stored(change: impl Fn(&[f32], f32) -> (Vec<f32>, Option<f32>)) -> Folder {
    let model = import(&data::file("architectures/bitnet/model.gguf")).unwrap();
    let mut folder = packed();
    folder
        .tensors
        .retain(|(name, ..)| !name.ends_with(".weight_scale"));
    let mut scales = Vec::new();
    for (name, dtype, shape, bytes) in &mut folder.tensors {
        if *dtype != "U8" {
            continue;
        }
        let (before, matrix) = name
            .strip_suffix("_proj.weight")
            .unwrap()
            .rsplit_once('.')
            .unwrap();
        let layer: usize = before.split('.').nth(2).unwrap().parse().unwrap();
        let role = match matrix {
            "q" => Role::Query,
            "k" => Role::Key,
            "v" => Role::Value,
            "o" => Role::AttentionOutput,
            "gate" => Role::Gate,
            "up" => Role::Up,
            _ => Role::Down,
        };
        let weights = values(&model, TensorKey::layer(layer, role));
        let scale = weights
            .iter()
            .fold(0.0f32, |max, weight| max.max(weight.abs()));
        let (weights, scale) = change(&weights, scale);
        *dtype = "F32";
        shape[0] *= 4;
        *bytes = weights
            .iter()
            .flat_map(|weight| weight.to_le_bytes())
            .collect();
        if let Some(scale) = scale {
            scales.push((
                format!("{name}_scale"),
                "F32",
                vec![1],
                scale.to_le_bytes().to_vec(),
            ));
        }
    }
    folder.tensors.extend(scales);
    folder
}

fn set(folder: &mut Folder, field: &str, value: Value) {
    folder.config["quantization_config"][field] = value;
}

/// The values of all tensors are those of the GGUF file, which has them in f32.
fn assert_same(what: &str, found: Result<Model>, tolerance: f32) {
    let (found, gguf) = (
        found.unwrap(),
        import(&data::file("architectures/bitnet/model.gguf")).unwrap(),
    );
    assert!(found.tensors().keys().eq(gguf.tensors().keys()), "{what}");
    for &key in gguf.tensors().keys() {
        let pairs = values(&found, key).into_iter().zip(values(&gguf, key));
        for (found, expected) in pairs {
            let error = (found - expected).abs();
            assert!(
                error <= tolerance * expected.abs(),
                "{what}, {key:?}: {found}, not {expected}"
            );
        }
    }
}

#[test]
fn matrices_are_the_same_however_they_are_stored() {
    assert_same("packed", packed().import(), 0.0);
    let signs = |weights: &[f32]| {
        weights
            .iter()
            .map(|w| if *w == 0.0 { 0.0 } else { w.signum() })
            .collect()
    };
    assert_same(
        "signs",
        stored(|weights, scale| (signs(weights), Some(scale))).import(),
        0.0,
    );

    let mut inverse = stored(|weights, scale| (signs(weights), Some(1.0 / scale)));
    set(&mut inverse, "linear_class", json!("bitlinear"));
    assert_same("inverse", inverse.import(), 1e-6);

    // Of a mean magnitude that is the scale, and each nearest to what it is rounded to.
    let mut trained = stored(|weights, scale| {
        let zeros = weights.iter().filter(|weight| **weight == 0.0).count() as f32;
        let all = weights.len() as f32;
        let more = (all - 0.25 * zeros) / (all - zeros);
        let weights = weights
            .iter()
            .enumerate()
            .map(|(i, &weight)| match weight == 0.0 {
                true => {
                    if i % 2 == 0 {
                        0.25 * scale
                    } else {
                        -0.25 * scale
                    }
                }
                false => more * weight,
            });
        (weights.collect(), None)
    });
    set(&mut trained, "quantization_mode", json!("online"));
    assert_same("trained", trained.import(), 1e-5);
}

/// transformers adds them to the product, which is scaled then, or after that.
#[test]
fn biases_are_scaled_with_the_product_or_not() {
    let biased = |class: &str| {
        let mut folder = packed();
        folder.config["attention_bias"] = json!(true);
        set(&mut folder, "linear_class", json!(class));
        for (layer, part) in (0..4).flat_map(|layer| ["q", "k", "v", "o"].map(|part| (layer, part)))
        {
            let width = if "kv".contains(part) { 24 } else { 48 };
            let bytes = vec![1.0f32; width]
                .iter()
                .flat_map(|one| one.to_le_bytes())
                .collect();
            let name = format!("model.layers.{layer}.self_attn.{part}_proj.bias");
            folder.tensors.push((name, "F32", vec![width], bytes));
        }
        let model = folder.import().unwrap();
        let greatest = |role| {
            let values = values(&model, TensorKey::layer(2, role));
            values.into_iter().fold(0.0, f32::max)
        };
        (greatest(Role::QueryBias), greatest(Role::Query))
    };
    let (bias, scale) = biased("autobitlinear");
    assert_eq!(bias, scale);
    assert_eq!(biased("bitlinear").0, 1.0);
}

/// Without `quantization_config` the matrices are plain, and nothing is rounded.
#[test]
fn plain_matrices_have_the_logits_of_transformers() {
    let mut plain = stored(|weights, _| (weights.to_vec(), None));
    plain.config["quantization_config"] = Value::Null;
    let golden = data::json("architectures/bitnet/golden.float.json");
    check_prompts_in("bitnet, plain", &plain.import().unwrap(), &golden);
}

/// Where a value is near the half between two steps, f32 and f64 go to different ones: a logit may
/// differ by what a step is worth, but all in all they are those with rounding.
#[test]
fn rounded_values_give_the_logits_of_transformers() {
    let read = |file: &str| data::json(&format!("architectures/bitnet/{file}.json"));
    let (golden, without) = (read("golden"), read("golden.float"));
    let model = packed().import().unwrap();
    let program = program_in(&model, Quant::To(WeightFormat::F32));
    let mut session = Interpreter::new(&program, 2);
    let prompts = golden["prompts"].as_array().unwrap().iter();
    let last = prompts.map(|prompt| {
        let mut seen = Seen::default();
        session.reset();
        session.feed(&ids(&prompt["ids"]), &mut seen);
        seen.logits.pop().unwrap()
    });
    let last: Vec<Vec<f32>> = last.collect();
    let error = |golden: &Value| {
        let prompts = golden["prompts"].as_array().unwrap().iter();
        let errors = prompts.zip(&last).flat_map(|(prompt, logits)| {
            let pairs = prompt["probe_last"].as_array().unwrap().iter();
            pairs.map(|pair| {
                let found = f64::from(logits[pair[0].as_u64().unwrap() as usize]);
                (found - pair[1].as_f64().unwrap()).abs()
            })
        });
        let errors: Vec<f64> = errors.collect();
        errors.iter().sum::<f64>() / errors.len() as f64
    };
    let (with, without) = (error(&golden), error(&without));
    assert!(with < 1e-4 && 0.01 < without, "{with} and {without}");
    check_prompts_in("bitnet", &model, &golden);

    let predictions = predictions(&mut session, &golden);
    let found = mean_nll(&predictions);
    let expected = golden["perplexity"]["mean_nll"].as_f64().unwrap();
    assert!((found - expected).abs() < 1e-3, "{found}, not {expected}");
    for quant in [Quant::To(WeightFormat::Q8), Quant::Keep] {
        let far = too_far("bitnet", &model, quant, &golden, &predictions);
        assert_eq!(far, None);
    }
}

/// Four bits hold ternary weights as they are, up to the scale's last bit.
#[test]
fn ternary_weights_are_kept_in_four_bits() {
    let request = Request {
        quant: Quant::Keep,
        ..Request::default()
    };
    let model = packed().import().unwrap();
    let plan = plan(&model, &Profile::load("host").unwrap(), &request).unwrap();
    let text: Vec<String> = plan.conversions().iter().map(ToString::to_string).collect();
    // By their widths.
    let expected = [
        "1 matrix F32 → f32, without loss",
        "24 matrices TERNARY → q4, requantized",
        "4 matrices TERNARY → q4, requantized",
    ];
    assert_eq!(text, expected);
}

#[test]
fn other_quantizations_are_refused_by_name() {
    let refused = |spoil: &dyn Fn(&mut Folder), place: &str, problem: &str| {
        let mut folder = packed();
        spoil(&mut folder);
        assert_refused(place, folder.import(), "", place, problem);
    };
    for (field, value, problem) in [
        ("quant_method", json!("awq"), "awq"),
        ("quant_method", Value::Null, "missing"),
        ("linear_class", json!("linear"), "linear"),
        ("quantization_mode", json!("later"), "later"),
        ("use_rms_norm", json!(true), "true"),
        (
            "modules_to_not_convert",
            json!(["model.layers.0"]),
            "model.layers.0",
        ),
        ("bits", json!(4), "no such setting"),
    ] {
        let place = format!("config.json: quantization_config.{field}: ");
        refused(&|f| set(f, field, value.clone()), &place, problem);
    }
    let query = "model.layers.0.self_attn.q_proj.weight";
    let spoil = |f: &mut Folder, change: &dyn Fn(&mut Vec<usize>, &mut Vec<u8>)| {
        let found = f.tensors.iter_mut().find(|(name, ..)| name == query);
        let (_, _, shape, bytes) = found.unwrap();
        change(shape, bytes);
    };
    refused(
        &|f| spoil(f, &|_, bytes| bytes[5] |= 0x30),
        query,
        "the value 3",
    );
    refused(
        &|f| spoil(f, &|shape, _| shape.insert(0, 1)),
        query,
        "is no matrix",
    );
    refused(
        &|f| {
            f.tensors
                .retain(|(name, ..)| *name != format!("{query}_scale"))
        },
        &format!("{query}_scale"),
        "missing",
    );
    refused(
        &|f| f.config["quantization_config"] = Value::Null,
        "model.layers.",
        "U8",
    );
    refused(
        &|f| f.config["hidden_act"] = json!("gelu"),
        "hidden_act",
        "gelu",
    );
}
