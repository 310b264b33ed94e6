//! The text model in a model of images or sound is the text model alone.

use edgegen::error::Result;
use edgegen::inspect::inspect;
use edgegen::model::Model;
use serde_json::{Value, json};

use crate::architectures::{changed, check_prompts_of};
use crate::common::hf::Folder;
use crate::common::{assert_refused, data};

/// A folder whose model is the text model of another: what it is called, and what is beside it.
fn wrapped(name: &str, whole: &str, called: impl Fn(&str) -> String) -> Folder {
    let mut folder = Folder::read(&data::file(&format!("architectures/{name}/hf")));
    folder.config = json!({
        "model_type": whole,
        "text_config": folder.config,
        "vision_config": {"model_type": "siglip_vision_model", "num_hidden_layers": 2},
        "image_token_index": 511,
        "projector_hidden_act": "gelu",
    });
    for (name, ..) in &mut folder.tensors {
        *name = called(name);
    }
    let patches = "vision_tower.vision_model.embeddings.patch_embedding.weight";
    folder.add(patches, "F32", &[4, 3, 14, 14]);
    folder.add("multi_modal_projector.linear_1.weight", "F32", &[8, 4]);
    folder.add("model.vision_tower.layers.0.position_ids", "U8", &[1, 4]);
    folder
}

/// As transformers has written it until version 4.51, and as it does since.
fn before(name: &str) -> String {
    format!("language_model.{name}")
}

fn since(name: &str) -> String {
    match name.strip_prefix("model.") {
        Some(inner) => format!("model.language_model.{inner}"),
        None => name.to_owned(),
    }
}

fn assert_same(what: &str, found: Result<Model>, name: &str) {
    let (found, alone) = (found.unwrap(), changed(name, &[]).unwrap());
    assert_eq!(found.architecture(), alone.architecture(), "{what}");
    assert!(found.tensors().keys().eq(alone.tensors().keys()), "{what}");
    for (key, tensor) in found.tensors() {
        assert_eq!(tensor.bytes(), alone.tensors()[key].bytes(), "{what}");
    }
    assert_eq!(found.part_of(), Some(what));
    let said = inspect(&found).to_string();
    assert!(said.contains(&format!("part of        {what}: ")), "{said}");
}

/// Published files leave out what transformers has by default.
#[test]
fn gemma_3_is_what_transformers_computes_with_its_text() {
    let mut folder = wrapped("gemma3_text", "gemma3", before);
    let text = folder.config["text_config"].as_object_mut().unwrap();
    for usual in [
        "attention_bias",
        "hidden_activation",
        "rms_norm_eps",
        "rope_local_base_freq",
        "rope_theta",
        "sliding_window_pattern",
        "tie_word_embeddings",
    ] {
        text.remove(usual).unwrap();
    }
    check_prompts_of("gemma3_text", &folder.import().unwrap());
    // As in gemma-3-4b-it: heads of 256.
    folder.config["text_config"]["head_dim"] = Value::Null;
    assert_refused("width", folder.import(), "", "q_proj", "makes it 1024 x 48");
}

#[test]
fn a_text_model_is_the_same_alone_and_wrapped() {
    for (whole, name) in [
        ("gemma3", "gemma3_text"),
        ("llava", "llama"),
        ("mistral3", "mistral"),
        ("llava_onevision", "qwen2"),
        ("internvl", "qwen3"),
        ("granite_speech", "granite"),
        ("aya_vision", "cohere2"),
    ] {
        assert_same(whole, wrapped(name, whole, before).import(), name);
        assert_same(whole, wrapped(name, whole, since).import(), name);
    }
    let idefics = |name: &str| since(name).replace("language_model", "text_model");
    let mut folder = wrapped("llama", "smolvlm", idefics);
    folder.config["text_config"]["perceiver_config"] = json!({"model_type": "vllama3"});
    folder.config["text_config"]["pixel_shuffle_factor"] = json!(4);
    assert_same("smolvlm", folder.import(), "llama");
}

#[test]
fn what_nobody_knows_is_named_by_its_place() {
    let mut folder = wrapped("llama", "llava", before);
    folder.config["text_config"]["odd_setting"] = json!(1);
    folder.config["odd_of_images"] = json!(1);
    let notes = folder.import().unwrap().notes().concat();
    assert!(
        notes.ends_with("ignored: `text_config.odd_setting`"),
        "{notes}"
    );
}

/// RoPE by time, height and width is plain RoPE in a text.
#[test]
fn the_text_of_qwen_vl_is_qwen2() {
    let rope = json!({"type": "mrope", "mrope_section": [16, 24, 24]});
    let mut folder = wrapped("qwen2", "qwen2_vl", since);
    folder.config["text_config"]["model_type"] = json!("qwen2_vl_text");
    folder.config["text_config"]["rope_scaling"] = rope.clone();
    assert_same("qwen2_vl", folder.import(), "qwen2");

    let mut flat = Folder::read(&data::file("architectures/qwen2/hf"));
    flat.config["model_type"] = json!("qwen2_5_vl");
    flat.config["rope_scaling"] = rope;
    flat.config["vision_config"] = json!({"depth": 2});
    flat.config["vision_start_token_id"] = json!(500);
    flat.add("visual.blocks.0.attn.qkv.weight", "F32", &[6, 2]);
    assert_same("qwen2_5_vl", flat.import(), "qwen2");
}

#[test]
fn what_is_no_plain_text_model_is_refused() {
    let refused = |spoil: &dyn Fn(&mut Folder), place: &str, problem: &str| {
        let mut folder = wrapped("llama", "llava", before);
        spoil(&mut folder);
        assert_refused(place, folder.import(), "", place, problem);
    };
    refused(
        &|f| f.config["model_type"] = json!("paligemma"),
        "config.json: model_type: ",
        "paligemma",
    );
    refused(
        &|f| f.config["is_encoder_decoder"] = json!(true),
        "config.json: is_encoder_decoder: ",
        "not supported",
    );
    refused(
        &|f| f.config["quantization_config"] = json!({"quant_method": "aqlm"}),
        "config.json: quantization_config.quant_method: ",
        "not supported",
    );
    refused(
        &|f| f.config["text_config"]["quantization_config"] = json!({"quant_method": "aqlm"}),
        "config.json: text_config.quantization_config.quant_method: ",
        "not supported",
    );
    refused(
        &|f| {
            f.config["text_config"]["eos_token_id"] = Value::Null;
            f.config["eos_token_id"] = json!("odd");
        },
        "config.json: eos_token_id: ",
        "a token id",
    );
    refused(
        &|f| f.config["text_config"]["model_type"] = json!("persimmon"),
        "config.json: text_config.model_type: ",
        "`persimmon` is not supported",
    );
    refused(
        &|f| f.config["text_config"]["rope_theta"] = json!("odd"),
        "config.json: text_config.rope_theta: ",
        "a number",
    );
    refused(
        &|f| f.config["text_config"] = json!([1]),
        "config.json: model_type: ",
        "`llava` is not supported",
    );
    refused(
        &|f| f.add("language_model.model.layers.0.adapter.weight", "F32", &[4]),
        "language_model.model.layers.0.adapter.weight",
        "no part of the architecture llama",
    );
    refused(
        &|f| {
            f.tensors
                .retain(|(name, ..)| !name.contains("layers.1.mlp.up"))
        },
        "",
        "Up of layer 1 is missing",
    );
}
