//! Each key of a configuration is read, says nothing of the network, or is refused by its name: in
//! the files of every architecture, also where only another one reads it. One that nobody knows is
//! ignored and named.

use std::collections::BTreeSet;

use edgegen::error::Result;
use edgegen::import::import;
use edgegen::model::Model;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::architectures::{ARCHITECTURES, changed, with_gguf};
use crate::common::{assert_refused, data};

/// Fields that no architecture has a use for.
const IGNORED: &str = "activation_dropout architectures attention_dropout attn_implementation \
    attn_pdrop auto_map bos_token_id cache_implementation classifier_dropout do_sample dtype \
    embd_pdrop embedding_dropout eod_token_id flash_attn gradient_checkpointing hidden_dropout \
    id2label initializer_range is_decoder max_length max_sequence_length max_window_layers \
    min_p model_name name_or_path num_labels num_return_sequences output_attentions \
    pad_token_id prefix pretraining_tp resid_pdrop residual_dropout return_dict stop_strings \
    suppress_tokens temperature tf_legacy_loss tokenizer_class top_k torch_dtype \
    transformers_version unsloth_fixed unsloth_version use_cache use_flash_attn";

/// Fields that change the network of some architecture, or how its weights are stored.
const OPTIONS: &str = "alibi attention_bias attention_multiplier attn_logit_softcapping clip_qkv \
    embedding_multiplier final_logit_softcapping head_dim hidden_size is_causal layer_norm_eps \
    layer_types logit_scale mlp_bias no_rope_layers num_experts num_key_value_heads \
    num_local_experts parallel_residual partial_rotary_factor pruned_heads quantization_config \
    query_pre_attn_scalar residual_multiplier rms_norm_eps rope_interleaved rope_local_base_freq \
    rope_parameters rope_scaling rope_theta sliding_window use_qk_norm \
    alibi_bias_max apply_residual_connection_post_layernorm attn_config expand first_k_dense_replace \
    full_attention_interval kv_lora_rank mamba_d_state mlp_multipliers moe_intermediate_size \
    multi_query n_routed_experts new_decoder_architecture num_experts_per_tok parallel_attn \
    q_lora_rank qk_rope_head_dim shared_expert_intermediate_size ssm_state_size text_config \
    v_head_dim value_residual vision_config";

/// What is told of a key that nobody knows.
fn note(key: &str) -> String {
    format!("settings that nobody knows are ignored: `{key}`")
}

/// What is ignored in the files of one architecture, and an option of others.
const OPTIONS_ELSEWHERE: [&str; 8] = [
    "attention_head_dim",
    "hidden_act",
    "layer_norm_epsilon",
    "num_heads",
    "rms_norm_eps",
    "rope_pct",
    "sliding_window_pattern",
    "use_qk_norm",
];

/// What is ignored in the files of one architecture only.
fn own(name: &str) -> &'static str {
    match name {
        "gemma2" | "gemma3_text" => "hidden_act",
        "gpt_neo" => {
            "embed_dropout resid_dropout summary_activation summary_first_dropout \
             summary_proj_to_labels summary_type summary_use_proj"
        }
        "exaone4" => "sliding_window_pattern",
        "cohere2" => "order_of_interleaved_layers",
        "hunyuan_v1_dense" => "attention_head_dim use_qk_norm",
        "stablelm" => "num_heads rope_pct",
        "starcoder2" => "layer_norm_epsilon rms_norm_eps",
        "gpt2" => {
            "n_ctx reorder_and_upcast_attn summary_activation summary_first_dropout \
             summary_proj_to_labels summary_type summary_use_proj"
        }
        _ => "",
    }
}

/// The fields of configuration classes in transformers 5.24 but for such as are refused unless they
/// are off, and of all of them `COMMON`.
const COMMON: &str = "architectures chunk_size_feed_forward dtype id2label initializer_range \
    label2id output_attentions output_hidden_states problem_type return_dict \
    bos_token_id eos_token_id pad_token_id tie_word_embeddings transformers_version use_cache \
    vocab_size";
const LIKE_LLAMA: &str = "attention_dropout hidden_act hidden_size intermediate_size \
    max_position_embeddings num_attention_heads num_hidden_layers rope_parameters \
    num_key_value_heads";
const GROUPED: &str = "num_key_value_heads";
const CLASSES: [(&str, &str); 22] = [
    (
        "cohere2",
        "logit_scale layer_norm_eps attention_bias sliding_window layer_types",
    ),
    ("ernie4_5", "rms_norm_eps use_bias head_dim"),
    (
        "exaone4",
        "rms_norm_eps sliding_window sliding_window_pattern layer_types",
    ),
    (
        "gemma2",
        "attention_bias attn_logit_softcapping final_logit_softcapping head_dim \
         hidden_activation layer_types query_pre_attn_scalar rms_norm_eps sliding_window \
         use_bidirectional_attention",
    ),
    (
        "gemma3_text",
        "attention_bias attn_logit_softcapping final_logit_softcapping head_dim \
         hidden_activation layer_types query_pre_attn_scalar rms_norm_eps sliding_window \
         use_bidirectional_attention",
    ),
    (
        "gpt2",
        "activation_function add_cross_attention attn_pdrop embd_pdrop layer_norm_epsilon n_embd \
         n_head n_inner n_layer n_positions reorder_and_upcast_attn resid_pdrop \
         scale_attn_by_inverse_layer_idx scale_attn_weights summary_activation \
         summary_first_dropout summary_proj_to_labels summary_type summary_use_proj",
    ),
    (
        "gpt_neox",
        "attention_bias classifier_dropout hidden_dropout is_decoder layer_norm_eps \
         use_parallel_residual",
    ),
    (
        "granite",
        "attention_bias attention_multiplier embedding_multiplier logits_scaling mlp_bias \
         residual_multiplier rms_norm_eps",
    ),
    (
        "hunyuan_v1_dense",
        "attention_bias eod_token_id head_dim pretraining_tp rms_norm_eps",
    ),
    (
        "llama",
        "attention_bias head_dim mlp_bias pretraining_tp rms_norm_eps",
    ),
    // Its class is in the model's own repository.
    (
        "minicpm",
        "attention_bias dim_model_base pretraining_tp rms_norm_eps scale_depth scale_emb",
    ),
    ("mistral", "head_dim rms_norm_eps sliding_window"),
    ("nemotron", "attention_bias head_dim mlp_bias norm_eps"),
    ("olmo2", "attention_bias rms_norm_eps"),
    (
        "olmo3",
        "attention_bias layer_types rms_norm_eps sliding_window",
    ),
    ("phi", "embd_pdrop layer_norm_eps resid_pdrop"),
    (
        "phi3",
        "embd_pdrop original_max_position_embeddings resid_pdrop rms_norm_eps sliding_window",
    ),
    (
        "qwen2",
        "layer_types max_window_layers rms_norm_eps sliding_window use_sliding_window",
    ),
    (
        "qwen3",
        "attention_bias head_dim layer_types max_window_layers rms_norm_eps sliding_window \
         use_sliding_window",
    ),
    (
        "smollm3",
        "attention_bias layer_types mlp_bias no_rope_layer_interval no_rope_layers rms_norm_eps \
         sliding_window use_sliding_window",
    ),
    (
        "stablelm",
        "hidden_dropout layer_norm_eps use_parallel_residual use_qkv_bias",
    ),
    (
        "starcoder2",
        "embedding_dropout norm_epsilon residual_dropout sliding_window use_bias",
    ),
];

/// A value that no field can have that is read. RoPE's may hold what nobody knows.
fn senseless(field: &str) -> Value {
    match field {
        "rope_parameters" | "rope_scaling" => json!({"rope_type": {"odd": true}}),
        _ => json!({"odd": true}),
    }
}

/// What a value that makes no sense is refused for shows that its field is known.
#[test]
fn no_field_of_a_configuration_class_is_unknown() {
    for (name, own) in CLASSES {
        let shared = match name {
            "gpt2" => "",
            "gpt_neox" => LIKE_LLAMA.trim_end_matches(GROUPED),
            _ => LIKE_LLAMA,
        };
        let fields = [COMMON, shared, own].map(str::split_whitespace);
        for field in fields.into_iter().flatten() {
            let error = match changed(name, &[(field, senseless(field))]) {
                Ok(model) => model.notes().concat(),
                Err(error) => error.to_string(),
            };
            assert!(!error.contains("nobody knows"), "{name}: {error}");
            assert!(
                !error.contains("this setting is not supported"),
                "{name}: {error}"
            );
        }
    }
}

#[test]
fn fields_of_any_architecture_are_read_ignored_or_refused_in_all() {
    let mut fields: BTreeSet<String> = BTreeSet::new();
    fields.extend(
        [IGNORED, OPTIONS]
            .map(str::split_whitespace)
            .into_iter()
            .flatten()
            .map(str::to_owned),
    );
    for &name in ARCHITECTURES {
        let config = data::json(&format!("architectures/{name}/hf/config.json"));
        fields.extend(config.as_object().unwrap().keys().cloned());
    }
    for &name in ARCHITECTURES {
        let original = changed(name, &[]).unwrap();
        for field in &fields {
            let read = matches!(name, "qwen2" | "qwen3") && field == "max_window_layers";
            let mut ignored = IGNORED
                .split_whitespace()
                .filter(|_| !read)
                .chain(own(name).split_whitespace());
            let mut others = ARCHITECTURES
                .iter()
                .flat_map(|name| own(name).split_whitespace());
            let is_unknown =
                !OPTIONS_ELSEWHERE.contains(&field.as_str()) && others.any(|other| other == field);
            let is_ignored = ignored.any(|ignored| ignored == field);
            let model = changed(name, &[(field, senseless(field))]);
            if is_ignored || is_unknown {
                let model = model.unwrap_or_else(|error| panic!("{name}, {field}: {error}"));
                assert_eq!(model.architecture(), original.architecture(), "{field}");
                let notes = if is_ignored {
                    vec![]
                } else {
                    vec![note(field)]
                };
                assert_eq!(model.notes(), notes, "{name}");
            } else {
                assert_refused(name, model, "config.json: ", field, "");
            }
        }
    }
}

/// Right values do not help where the network has no use for them.
#[test]
fn what_only_another_architecture_reads_is_refused() {
    for (name, field, value) in [
        ("gpt2", "rope_theta", json!(10_000.0)),
        (
            "gpt2",
            "rope_scaling",
            json!({"rope_type": "linear", "factor": 2.0}),
        ),
        ("gpt2", "rope_parameters", json!({"rope_type": "default"})),
        ("gpt2", "rope_interleaved", json!(true)),
        ("gpt2", "partial_rotary_factor", json!(1.0)),
        ("gpt2", "rms_norm_eps", json!(1e-5)),
        ("gpt2", "hidden_size", json!(44)),
        ("gpt2", "attention_bias", json!(true)),
        ("gpt2", "mlp_bias", json!(true)),
        (
            "gpt2",
            "layer_types",
            json!(["full_attention", "sliding_attention"]),
        ),
        ("gpt2", "num_key_value_heads", json!(2)),
        ("gpt2", "head_dim", json!(64)),
        ("llama", "layer_norm_epsilon", json!(1e-5)),
        ("llama", "n_embd", json!(48)),
        ("qwen3", "pruned_heads", json!({"1": [0]})),
    ] {
        let refused = changed(name, &[(field, value)]);
        assert_refused(name, refused, "config.json: ", field, "not supported");
    }
}

#[test]
fn what_is_off_or_says_nothing_is_no_obstacle() {
    for &name in ARCHITECTURES {
        let original = changed(name, &[]).unwrap();
        let mut fields = vec![
            ("_attn_implementation", json!("eager")),
            ("auto_map", json!({"AutoModel": "model.Model"})),
            ("is_causal", json!(true)),
            ("is_decoder", json!(true)),
            ("max_sequence_length", json!(512)),
            ("max_window_layers", json!(28)),
            ("mlp_bias", json!(false)),
            ("num_local_experts", Value::Null),
            ("num_return_sequences", json!(1)),
            ("pruned_heads", json!({})),
            ("resid_pdrop", json!(0.1)),
            ("tokenizer_class", json!("LlamaTokenizer")),
            ("unsloth_fixed", json!(true)),
            ("unsloth_version", json!("2025.1.1")),
            ("use_qk_norm", json!(false)),
            ("unheard_of", json!(false)),
            ("never_heard_of", Value::Null),
        ];
        if original.architecture().window.is_none() {
            let layers = original.architecture().num_hidden_layers;
            fields.push(("layer_types", json!(vec!["full_attention"; layers])));
        }
        let model = changed(name, &fields).unwrap();
        assert_eq!(model.architecture(), original.architecture());
        assert_eq!(model.notes(), [""; 0]);
    }
}

/// Each kind of scaling has its settings, and refuses those of the others.
#[test]
fn settings_of_another_scaling_of_rope_are_refused() {
    let all = "factor low_freq_factor high_freq_factor original_max_position_embeddings \
        attention_factor beta_fast beta_slow mscale mscale_all_dim truncate short_factor \
        long_factor alpha";
    let llama3 = "factor low_freq_factor high_freq_factor original_max_position_embeddings";
    let yarn = "factor original_max_position_embeddings attention_factor beta_fast beta_slow \
        mscale mscale_all_dim truncate";
    let longrope = "factor short_factor long_factor original_max_position_embeddings \
        attention_factor";
    let dynamic = "alpha factor beta_fast beta_slow mscale mscale_all_dim";
    for (name, kind, own) in [
        ("llama", "default", ""),
        ("llama", "linear", "factor"),
        ("llama", "llama3", llama3),
        ("llama", "yarn", yarn),
        ("llama", "longrope", longrope),
        ("hunyuan_v1_dense", "dynamic", dynamic),
    ] {
        let mut scaling = json!({"rope_type": kind});
        for setting in own.split_whitespace() {
            scaling[setting] = match setting {
                "truncate" => json!(true),
                "short_factor" | "long_factor" => json!(vec![1.5; 10]),
                "high_freq_factor" | "original_max_position_embeddings" => json!(160),
                _ => json!(2.0),
            };
        }
        for object in ["rope_scaling", "rope_parameters"] {
            let import = |scaling: &Value| {
                let other = ("rope_scaling", Value::Null);
                changed(name, &[other, (object, scaling.clone())])
            };
            import(&scaling).unwrap();
            for setting in all.split_whitespace() {
                let mut odd = scaling.clone();
                odd[setting] = json!("odd");
                let problem = match own.split_whitespace().any(|own| own == setting) {
                    true => "the value must be",
                    false => "has no such setting",
                };
                let place = format!("{object}.{setting}: ");
                assert_refused(kind, import(&odd), "config.json: ", &place, problem);
            }
        }
    }
}

/// A string of GGUF.
fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

/// The whole name of a key of an architecture.
fn in_gguf(name: &str, key: &str) -> String {
    let prefix = match name {
        "hunyuan_v1_dense" => "hunyuan-dense",
        "mistral" => "llama",
        "phi" => "phi2",
        "gpt_neox" => "gptneox",
        "gemma3_text" => "gemma3",
        "olmo3" => "olmo2",
        _ => name,
    };
    format!("{prefix}.{key}")
}

/// The file of a model, with one more key; nothing, if it has it.
fn with_key(name: &str, key: &str, kind: u32, value: &[u8]) -> Option<Result<Model>> {
    let file = data::file(&format!("architectures/{name}/model.gguf"));
    let mut bytes = std::fs::read(file).unwrap();
    let key = string(&in_gguf(name, key));
    if bytes.windows(key.len()).any(|part| part == key) {
        return None;
    }
    let mut more = [&key[..], &kind.to_le_bytes(), value].concat();
    // What follows stays where the alignment of 32 has it.
    more.extend(string("general.padding"));
    more.extend(8u32.to_le_bytes());
    let padding = (more.len() + 8).next_multiple_of(32) - more.len() - 8;
    more.extend(string(&" ".repeat(padding)));
    let count = u64::from_le_bytes(bytes[16..24].try_into().unwrap()) + 2;
    bytes[16..24].copy_from_slice(&count.to_le_bytes());
    bytes.splice(24..24, more);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, bytes).unwrap();
    Some(import(&path))
}

#[test]
fn keys_of_any_architecture_are_read_ignored_or_refused_in_all() {
    let ignored = "rope.scaling.finetuned rope.scaling.original_context_length tensor_data_layout";
    let options = "attention.causal attention.clamp_kqv attention.head_count_kv \
        attention.key_length attention.layer_norm_epsilon attention.layer_norm_rms_epsilon \
        attention.max_alibi_bias attention.scale attention.sliding_window attention.value_length \
        attn_logit_softcapping embedding_scale expert_count expert_used_count \
        final_logit_softcapping logit_scale residual_scale rope.dimension_count rope.freq_base \
        rope.scale_linear rope.scaling.attn_factor rope.scaling.factor rope.scaling.type \
        rope.scaling.yarn_beta_fast rope.scaling.yarn_beta_slow use_parallel_residual vocab_size \
        altup.num_inputs attention.kv_lora_rank attention.value_residual_mix_lora_rank \
        leading_dense_block_count nextn_predict_layers rope.dimension_sections shortconv.l_cache \
        ssm.state_size wkv.head_size";
    for name in with_gguf() {
        let odd = string("odd");
        for key in ignored.split_whitespace() {
            match with_key(name, key, 8, &odd) {
                // There it is a switch.
                Some(model) if (name, key) == ("granite", "rope.scaling.finetuned") => {
                    assert_refused(name, model, "model.gguf: ", key, "must be a boolean");
                }
                Some(model) => drop(model.unwrap()),
                // LongRoPE reads its context.
                None => assert_eq!(name, "phi3"),
            }
        }
        for key in options.split_whitespace() {
            // A text and an array without elements: neither can be what the key wants.
            for (kind, value) in [(8, &odd[..]), (9, &[7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])] {
                if let Some(model) = with_key(name, key, kind, value) {
                    let place = format!("{}: ", in_gguf(name, key));
                    assert_refused(name, model, "model.gguf: ", &place, "");
                }
            }
        }
    }
    for (key, kind, value) in [
        ("rope.freq_base", 6, 10_000f32.to_le_bytes()),
        ("attention.head_count_kv", 4, 2u32.to_le_bytes()),
        ("attention.key_length", 4, 64u32.to_le_bytes()),
        ("rope.dimension_count", 4, 11u32.to_le_bytes()),
        ("attention.layer_norm_rms_epsilon", 6, 1e-5f32.to_le_bytes()),
    ] {
        let model = with_key("gpt2", key, kind, &value).unwrap();
        assert_refused(
            key,
            model,
            "model.gguf: ",
            &format!("gpt2.{key}: "),
            "not supported",
        );
    }
}

/// llama.cpp asserts it in the graphs of the first, and reads it in those of the others.
#[test]
fn heads_are_rotated_whole_where_llama_cpp_wants_it() {
    let patched = |name: &str| {
        let file = data::file(&format!("architectures/{name}/model.gguf"));
        let mut bytes = std::fs::read(file).unwrap();
        let key = string(&in_gguf(name, "rope.dimension_count"));
        let at = bytes.windows(key.len()).position(|part| part == key);
        // Behind the type.
        let at = at.expect("it is there") + key.len() + 4;
        bytes[at..at + 4].copy_from_slice(&8u32.to_le_bytes());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.gguf");
        std::fs::write(&path, bytes).unwrap();
        import(&path)
    };
    let half = |name: &str| {
        let added = with_key(name, "rope.dimension_count", 4, &8u32.to_le_bytes());
        added.unwrap_or_else(|| patched(name))
    };
    for name in ["qwen2", "qwen3", "exaone4", "starcoder2"] {
        assert_refused(name, half(name), "model.gguf: ", "rope.dimension_count", "");
    }
    for name in ["gemma3_text", "stablelm", "cohere2"] {
        let model = half(name).unwrap();
        assert_eq!(model.architecture().rope.as_ref().unwrap().dim, 8, "{name}");
    }
}

/// What changes nothing is no obstacle in a GGUF file, though another scaling reads it.
#[test]
fn a_key_that_is_neutral_is_no_obstacle() {
    let with = |value: f32| {
        let key = "rope.scaling.attn_factor";
        with_key("qwen2", key, 6, &value.to_le_bytes()).unwrap()
    };
    with(1.0).unwrap();
    let place = "qwen2.rope.scaling.attn_factor: ";
    assert_refused("2", with(2.0), "model.gguf: ", place, "2 is not supported");
}

/// A value that is not off: in JSON, and in GGUF with its type.
fn value() -> impl Strategy<Value = (Value, u32, Vec<u8>)> {
    prop_oneof![
        Just((json!(true), 7, vec![1])),
        (1..u32::MAX).prop_map(|n| (json!(n), 4, n.to_le_bytes().to_vec())),
        (0.001f32..1e6).prop_map(|x| (json!(x), 6, x.to_le_bytes().to_vec())),
        "[a-z]{1,9}".prop_map(|text| (json!([{"x": text}]), 8, string(&text))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 32,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_nobody_knows_is_ignored_and_named(
        name in proptest::sample::select(with_gguf()),
        field in "[a-z]{3,9}(_[a-z]{4,9}){1,3}",
        (value, kind, bytes) in value(),
    ) {
        let field = format!("odd_{field}");
        let original = changed(name, &[]).unwrap();
        let model = changed(name, &[(&field, value.clone())]).unwrap();
        prop_assert_eq!(model.notes(), [note(&field)]);
        prop_assert_eq!(model.architecture(), original.architecture());
        let model = with_key(name, &field, kind, &bytes).unwrap().unwrap();
        prop_assert_eq!(model.notes(), [note(&in_gguf(name, &field))]);
        // transformers ignores it there too, and warns.
        let scaling = |more: &str| json!({"rope_type": "linear", "factor": 2.0, more: value});
        let model = changed("llama", &[("rope_scaling", scaling(&field))]).unwrap();
        prop_assert_eq!(model.notes(), [note(&format!("rope_scaling.{field}"))]);
    }
}

#[test]
fn many_keys_are_told_as_a_line() {
    let mut fields: Vec<(String, Value)> = (0..20)
        .map(|number| (format!("odd_{number:02}"), json!(1)))
        .collect();
    fields.push((format!("odd\n{}", "x".repeat(10_000)), json!(1)));
    let fields: Vec<(&str, Value)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    let model = changed("llama", &fields).unwrap();
    let [told] = model.notes() else {
        panic!("{:?}", model.notes());
    };
    assert!(told.contains("`odd\\nxxx"), "{told}");
    assert!(told.ends_with("`odd_14` and 5 more"), "{told}");
    assert!(told.len() < 500 && !told.contains('\n'), "{told}");
}

/// What quantizes, and an adapter, would mean something by a setting that is not known here.
#[test]
fn unknown_settings_of_a_quantization_are_refused() {
    let config = json!({"quant_method": "gptq", "bits": 4, "odd_setting": 1});
    let refused = changed("llama", &[("quantization_config", config)]);
    let place = "config.json: quantization_config.odd_setting: ";
    assert_refused("gptq", refused, "", place, "not supported");
}
