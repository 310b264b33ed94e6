//! Folders of Hugging Face whose weights are quantized.

use std::path::{Path, PathBuf};

use edgegen::error::Result;
use edgegen::import::import;
use edgegen::inspect::inspect;
use edgegen::model::{Model, Role, TensorKey};
use edgegen::plan::{Request, plan};
use edgegen::profile::Profile;
use edgegen::program::WeightFormat;
use half::f16;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

use crate::common::hf::{Entry, Folder, safetensors};
use crate::common::{Shape, Tiny, assert_refused, data, values};

/// The matrix that the fixtures have.
const GATE: TensorKey = TensorKey {
    layer: Some(0),
    role: Role::Gate,
};
const MODULE: &str = "model.layers.0.mlp.gate_proj";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/quantized")
}

/// A Llama of which one matrix is that of a fixture, and the values of it.
fn folder(name: &str) -> (Folder, Vec<f32>) {
    let shape = Shape {
        hidden: 64,
        intermediate: 32,
        layers: 1,
        head_dim: 16,
        rope_dim: 16,
        ..Shape::default()
    };
    let mut folder = Folder::new(&Tiny::new(shape, 1));
    let file = fixtures().join(name).with_extension("safetensors");
    let bytes = std::fs::read(file).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let config = &header.metadata().as_ref().unwrap()["quantization_config"];
    folder.config["quantization_config"] = serde_json::from_str(config).unwrap();
    let weight = format!("{MODULE}.weight");
    folder.tensors.retain(|(name, ..)| *name != weight);
    let mut expected = Vec::new();
    for (part, dtype, shape, bytes) in entries(&bytes) {
        match part.as_str() {
            "expected" => expected = floats(&bytes),
            _ => folder
                .tensors
                .push((format!("{MODULE}.{part}"), dtype, shape, bytes)),
        }
    }
    (folder, expected)
}

/// The tensors of a file.
fn entries(bytes: &[u8]) -> Vec<Entry> {
    let file = SafeTensors::deserialize(bytes).unwrap();
    let entries = file.iter().map(|(name, tensor)| {
        let dtype = match tensor.dtype() {
            Dtype::F32 => "F32",
            Dtype::F16 => "F16",
            Dtype::BF16 => "BF16",
            Dtype::F8_E4M3 => "F8_E4M3",
            Dtype::I8 => "I8",
            Dtype::I32 => "I32",
            Dtype::I64 => "I64",
            other => panic!("{other:?}"),
        };
        let shape = tensor.shape().to_vec();
        (name.to_owned(), dtype, shape, tensor.data().to_vec())
    });
    entries.collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let values = bytes.as_chunks().0.iter();
    values.map(|&value| f32::from_le_bytes(value)).collect()
}

fn read(folder: &Folder) -> Result<Model> {
    let place = tempfile::tempdir().unwrap();
    folder.write(place.path());
    import(place.path())
}

#[test]
fn every_way_of_storing_has_the_values_of_the_reference() {
    let mut count = 0;
    for entry in fixtures().read_dir().unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_owned();
        let name = name.to_str().unwrap();
        let (folder, expected) = folder(name);
        let model = read(&folder).unwrap_or_else(|error| panic!("{name}: {error}"));
        let found = values(&model, GATE);
        assert_eq!(found.len(), expected.len(), "{name}");
        for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert_eq!(found, expected, "{name}, value {at}");
        }
        count += 1;
    }
    assert_eq!(count, 28);
}

#[test]
fn types_say_how_codes_are_stored() {
    for (name, dtype) in [
        ("gptq", "INT4"),
        ("gptq-zeros", "UINT4"),
        ("gptq-8", "INT8"),
        ("gptq-v2-8", "UINT8"),
        ("gptq-2", "INT4"),
        ("gptq-3-zeros", "UINT4"),
        ("awq", "UINT4"),
        ("pack-4", "INT4"),
        ("int-8", "INT8"),
        ("fp8-block", "F8_E4M3"),
        // Inputs of a group do not lie side by side.
        ("gptq-act-order", "F32"),
    ] {
        let model = read(&folder(name).0).unwrap();
        let tensor = model.tensor(GATE).unwrap();
        assert_eq!(tensor.dtype().name(), dtype, "{name}");
    }
}

/// `q4` holds them as they are, where its blocks are of one group and scales are f16.
#[test]
fn codes_without_zero_points_are_kept() {
    for (name, from, to, lossless) in [
        ("gptq", "INT4", WeightFormat::Q4, true),
        ("gptq-2", "INT4", WeightFormat::Q4, true),
        ("gptq-3", "INT4", WeightFormat::Q4, true),
        ("pack-4", "INT4", WeightFormat::Q4, true),
        ("gptq-v2", "UINT4", WeightFormat::Q4M, false),
        ("int-8", "INT8", WeightFormat::Q8, false),
        ("fp8-block", "F8_E4M3", WeightFormat::Q8, false),
    ] {
        let model = read(&folder(name).0).unwrap();
        let plan = plan(&model, &Profile::load("host").unwrap(), &Request::default()).unwrap();
        let expected = (from, to, lossless);
        let found = plan.conversions().iter();
        let mut found = found.map(|c| (c.from.name(), c.to, c.lossless));
        assert!(found.any(|found| found == expected), "{name}");
        let inspection = inspect(&model);
        let grid =
            "  grid           1 of 8 matrices are on that of q4, which holds them without loss\n";
        assert_eq!(inspection.to_string().contains(grid), lossless, "{name}");
        let json = serde_json::to_value(&inspection).unwrap();
        let grid = json!({"format": "q4", "matrices": 1, "of": 8});
        assert_eq!(json.get("grid"), lossless.then_some(&grid), "{name}");
    }
}

/// GPTQ's parts of a matrix, in groups of 8 with zero points, and the values that they stand for.
fn gptq(name: &str, shape: &[usize], weights: &[f32]) -> (Vec<Entry>, Vec<u8>) {
    let [rows, cols] = *shape else {
        panic!("{name} is no matrix");
    };
    let groups = cols / 8;
    let mut codes = vec![0_u32; groups * rows];
    let mut zeros = vec![0_u32; groups * (rows / 8)];
    let mut scales = vec![f16::ZERO; groups * rows];
    let mut values = vec![0.0; rows * cols];
    for row in 0..rows {
        for group in 0..groups {
            let first = row * cols + group * 8;
            let (low, high) = weights[first..first + 8]
                .iter()
                .fold((0.0_f32, 0.0_f32), |(l, h), &w| (l.min(w), h.max(w)));
            let scale = f16::from_f32((high - low) / 15.0);
            let steps = |value: f32| (value / scale.to_f32()).round();
            let zero = steps(-low).clamp(1.0, 15.0);
            scales[group * rows + row] = scale;
            zeros[group * (rows / 8) + row / 8] |= (zero as u32 - 1) << (row % 8 * 4);
            for at in 0..8 {
                let code = (steps(weights[first + at]) + zero).clamp(0.0, 15.0);
                codes[group * rows + row] |= (code as u32) << (at * 4);
                values[first + at] = (code - zero) * scale.to_f32();
            }
        }
    }
    let words = |words: Vec<u32>| words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let part = |part: &str| name.replace(".weight", part);
    let entries = vec![
        (part(".qweight"), "I32", vec![groups, rows], words(codes)),
        (part(".qzeros"), "I32", vec![groups, rows / 8], words(zeros)),
        (
            part(".scales"),
            "F16",
            vec![groups, rows],
            scales
                .iter()
                .flat_map(|scale| scale.to_le_bytes())
                .collect(),
        ),
    ];
    let values = values.iter().flat_map(|value| value.to_le_bytes());
    (entries, values.collect())
}

/// Joined rows, by head and not, are taken apart as they are where weights are not quantized.
#[test]
fn whole_models_are_those_of_the_dequantized_weights() {
    for name in ["llama", "qwen2", "phi3", "gpt_neox"] {
        let source = data::file(&format!("architectures/{name}/hf"));
        let (packed, plain) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for file in ["config.json", "tokenizer.json"] {
            for folder in [&packed, &plain] {
                std::fs::copy(source.join(file), folder.path().join(file)).unwrap();
            }
        }
        let mut config: Value =
            serde_json::from_slice(&std::fs::read(source.join("config.json")).unwrap()).unwrap();
        config["quantization_config"] =
            json!({"quant_method": "gptq", "bits": 4, "group_size": 8, "desc_act": false});
        std::fs::write(packed.path().join("config.json"), config.to_string()).unwrap();

        let weights = std::fs::read(source.join("model.safetensors")).unwrap();
        let (mut quantized, mut dequantized) = (Vec::new(), Vec::new());
        let mut count = 0;
        for (name, dtype, shape, bytes) in entries(&weights) {
            let whole = matches!(shape[..], [rows, cols] if rows % 8 == 0 && cols % 8 == 0);
            if whole && name.contains("layers.") {
                let (parts, values) = gptq(&name, &shape, &floats(&bytes));
                quantized.extend(parts);
                dequantized.push((name, "F32", shape, values));
                count += 1;
            } else {
                quantized.push((name.clone(), dtype, shape.clone(), bytes.clone()));
                dequantized.push((name, dtype, shape, bytes));
            }
        }
        assert!(count >= 4, "{name}: {count}");
        let write = |folder: &tempfile::TempDir, entries: &[Entry]| {
            std::fs::write(
                folder.path().join("model.safetensors"),
                safetensors(entries),
            )
            .unwrap();
            import(folder.path()).unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        let (quantized, dequantized) = (write(&packed, &quantized), write(&plain, &dequantized));
        assert_eq!(quantized.architecture(), dequantized.architecture());
        assert!(quantized.tensors().keys().eq(dequantized.tensors().keys()));
        for &key in quantized.tensors().keys() {
            let (found, expected) = (values(&quantized, key), values(&dequantized, key));
            assert_eq!(found, expected, "{name} {key:?}");
        }
    }
}

#[test]
fn methods_that_are_not_read_are_refused_by_name() {
    for method in [
        "aqlm",
        "bitnet",
        "bitsandbytes",
        "eetq",
        "fbgemm_fp8",
        "hqq",
        "modelopt",
        "mxfp4",
        "quanto",
        "torchao",
    ] {
        let (mut folder, _) = folder("gptq");
        folder.config["quantization_config"] = json!({"quant_method": method, "bits": 4});
        let problem = format!("`{method}` is not supported");
        let refused = read(&folder);
        let text = refused.as_ref().unwrap_err().to_string();
        assert!(text.contains("give the unquantized model"), "{text}");
        assert_refused(
            method,
            refused,
            "config.json: ",
            "quantization_config.quant_method",
            &problem,
        );
    }
}

/// Settings that would change values, and some that would change only how they are found.
#[test]
fn settings_are_heeded_refused_or_say_nothing() {
    let refuse = |name: &str, place: &str, value: Value, problem: &str| {
        let (mut folder, _) = folder(name);
        let mut at = &mut folder.config["quantization_config"];
        for field in place.split('.') {
            at = &mut at[field];
        }
        *at = value;
        let place = format!("quantization_config.{place}");
        assert_refused(name, read(&folder), "config.json: ", &place, problem);
    };
    refuse("gptq", "bits", json!(5), "5 bits");
    refuse("gptq", "checkpoint_format", json!("marlin"), "`marlin`");
    refuse("gptq", "pack_dtype", json!("int16"), "int16");
    refuse(
        "gptq",
        "dynamic",
        json!({"+:a": {"bits": 8}}),
        "not supported",
    );
    refuse("gptq", "something", json!(1), "not supported");
    refuse("gptq", "group_size", json!(0), "groups of 0");
    refuse("gptq", "group_size", json!(-2), "whole number");
    refuse("awq", "bits", json!(8), "8 bits");
    refuse("awq", "version", json!("gemv_fast"), "`gemv_fast`");
    refuse("awq", "checkpoint_format", json!("llm-awq"), "`llm-awq`");
    refuse("awq", "zero_point", json!(false), "zero points");
    refuse(
        "fp8-block",
        "activation_scheme",
        json!("static"),
        "`static`",
    );
    refuse("fp8-block", "fmt", json!("e5m2"), "`e5m2`");
    refuse("fp8-block", "weight_block_size", json!([0, 128]), "blocks");
    refuse(
        "pack-4",
        "format",
        json!("nvfp4-pack-quantized"),
        "`nvfp4-pack-quantized`",
    );
    refuse(
        "pack-4",
        "kv_cache_scheme",
        json!({"num_bits": 8}),
        "not supported",
    );
    refuse(
        "pack-4",
        "transform_config",
        json!({"a": 1}),
        "not supported",
    );
    let weights = "config_groups.group_0.weights";
    refuse(
        "pack-4",
        &format!("{weights}.num_bits"),
        json!(3),
        "int of 3 bits",
    );
    refuse(
        "pack-4",
        &format!("{weights}.strategy"),
        json!("tensor_group"),
        "`tensor_group`",
    );
    refuse(
        "int-8",
        "config_groups.group_0.input_activations.dynamic",
        json!(false),
        "statically",
    );
    for (field, value) in [
        ("sym", json!(false)),
        ("meta", json!({"a": 1})),
        ("dynamic", json!({})),
    ] {
        let (mut folder, expected) = folder("gptq");
        folder.config["quantization_config"][field] = value;
        assert_eq!(values(&read(&folder).unwrap(), GATE), expected, "{field}");
    }
}

/// Zero points of symmetric codes are the middle, whatever version the file says that they are of.
#[test]
fn zero_points_from_which_nothing_was_subtracted_are_found() {
    for (name, stored) in [
        ("gptq", [0x88_u8; 4]),
        ("gptq-2", [0xAA; 4]),
        ("gptq-8", [0x80; 4]),
    ] {
        let (mut folder, expected) = folder(name);
        let zeros = format!("{MODULE}.qzeros");
        let entry = folder.tensors.iter_mut().find(|entry| entry.0 == zeros);
        let words = entry.unwrap().3.as_chunks_mut().0;
        words.fill(stored);
        assert_eq!(values(&read(&folder).unwrap(), GATE), expected, "{name}");
        // Of others, 1 is added.
        folder.config["quantization_config"]["sym"] = json!(false);
        let found = values(&read(&folder).unwrap(), GATE);
        assert_ne!(found, expected, "{name}");
    }
}

/// GPTQModel's versions before 7 store other zero points of 3 bits: symmetric ones show it, and of
/// others the file says who wrote it.
#[test]
fn zero_points_of_3_bits_are_those_of_their_writer() {
    let with = |name: &str, meta: Value| {
        let (mut folder, expected) = folder(name);
        folder.config["quantization_config"]["meta"] = meta;
        (read(&folder), expected)
    };
    let by = |version: &str| json!({"quantizer": [format!("gptqmodel:{version}")]});
    for meta in [Value::Null, by("6.1.0-dev"), by("7.0.0"), by("5.8.0")] {
        for name in ["gptq-3", "gptq-3-before-7"] {
            let (model, expected) = with(name, meta.clone());
            assert_eq!(values(&model.unwrap(), GATE), expected, "{name}, {meta}");
        }
    }
    let (each, in_words) = ("gptq-3-zeros", "gptq-3-before-7-zeros");
    for (name, other, meta) in [
        (each, in_words, Value::Null),
        (each, in_words, by("7.0.0")),
        (each, in_words, json!({"quantizer": "optimum:1.2.3"})),
        (in_words, each, by("6.0.3")),
        (
            in_words,
            each,
            json!({"quantizer": ["intel:1.0", "gptqmodel:1.4.0"]}),
        ),
    ] {
        let (model, expected) = with(name, meta.clone());
        assert_eq!(values(&model.unwrap(), GATE), expected, "{name}, {meta}");
        let (model, expected) = with(other, meta.clone());
        assert_ne!(values(&model.unwrap(), GATE), expected, "{other}, {meta}");
    }
    let place = "config.json: quantization_config.meta.quantizer: ";
    let (refused, _) = with(each, by("6.1.0-dev"));
    assert_refused("dev", refused, "", place, "not supported");
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    type Spoil = fn(&mut Vec<Entry>);
    fn part<'a>(entries: &'a mut [Entry], name: &str) -> &'a mut Entry {
        let name = format!("{MODULE}.{name}");
        entries.iter_mut().find(|entry| entry.0 == name).unwrap()
    }
    fn remove(entries: &mut Vec<Entry>, name: &str) {
        entries.retain(|entry| entry.0 != format!("{MODULE}.{name}"));
    }
    fn index(entries: &mut [Entry], value: i32) {
        part(entries, "g_idx").3[..4].copy_from_slice(&value.to_le_bytes());
    }
    let cases: [(&str, Spoil, &str, &str); 17] = [
        ("gptq", |t| remove(t, "qzeros"), "qzeros", "missing"),
        ("gptq", |t| remove(t, "scales"), "scales", "missing"),
        (
            "gptq",
            |t| remove(t, "qweight"),
            "g_idx",
            "I32 is not supported",
        ),
        ("gptq-act-order", |t| remove(t, "g_idx"), "g_idx", "missing"),
        (
            "gptq-act-order",
            |t| index(t, 2),
            "scales",
            "the shape is 2 x 32",
        ),
        ("gptq-act-order", |t| index(t, -1), "g_idx", "negative"),
        (
            "gptq-act-order",
            |t| index(t, i32::MAX),
            "scales",
            "the shape is",
        ),
        (
            "gptq",
            |t| part(t, "g_idx").2 = vec![8, 8],
            "g_idx",
            "no vector",
        ),
        (
            "gptq",
            |t| part(t, "scales").2 = vec![4, 16],
            "scales",
            "4 x 16",
        ),
        ("gptq", |t| part(t, "scales").1 = "I16", "scales", "I16"),
        (
            "gptq",
            |t| part(t, "qweight").2 = vec![32, 8],
            "g_idx",
            "64 x 1",
        ),
        (
            "gptq",
            |t| part(t, "qweight").2 = vec![1, 8, 32],
            "qweight",
            "no matrix",
        ),
        (
            "gptq",
            |t| part(t, "scales").3[..2].fill(0x7C),
            "gate_proj.weight",
            "not finite",
        ),
        (
            "pack-4",
            |t| part(t, "weight_shape").3[8..].fill(1),
            "weight_shape",
            "not the shape",
        ),
        (
            "pack-4",
            |t| part(t, "weight_scale").2 = vec![64],
            "weight_scale",
            "64 x 1",
        ),
        (
            "fp8-block",
            |t| part(t, "weight").3[5] = 0xFF,
            "gate_proj.weight",
            "not finite",
        ),
        (
            "fp8-block",
            |t| part(t, "weight").1 = "F8_E5M2",
            "weight",
            "F8_E5M2",
        ),
    ];
    for (name, spoil, place, problem) in cases {
        let (mut folder, _) = folder(name);
        spoil(&mut folder.tensors);
        assert_refused(name, read(&folder), "", place, problem);
    }
}
