//! Wrong Hugging Face folders are refused, with the file, the place and a remedy.

use std::path::Path;

use crate::common::hf::Folder;
use crate::common::{Shape, Tiny, assert_refused};
use edgegen::error::Result;
use edgegen::import::import;
use edgegen::model::{DType, Model};
use serde_json::{Value, json};

fn folder() -> Folder {
    Folder::new(&Tiny::new(Shape::default(), 1))
}

fn read(folder: &Folder) -> Result<Model> {
    read_after(folder, |_| ())
}

/// Writes the folder, lets `spoil` change its files, and reads it.
fn read_after(folder: &Folder, spoil: impl FnOnce(&Path)) -> Result<Model> {
    let place = tempfile::tempdir().unwrap();
    folder.write(place.path());
    spoil(place.path());
    import(place.path())
}

type Case = (&'static str, fn(&mut Folder), &'static str, &'static str);

fn check(file: &str, cases: &[Case]) {
    for (what, spoil, place, problem) in cases {
        let mut folder = folder();
        spoil(&mut folder);
        assert_refused(what, read(&folder), file, place, problem);
    }
}

#[test]
fn wrong_configurations() {
    fn set(folder: &mut Folder, field: &str, value: Value) {
        folder.config[field] = value;
    }
    check(
        "config.json: ",
        &[
            (
                "no object",
                |f| f.config = json!([1]),
                "",
                "not a JSON object",
            ),
            (
                "architecture",
                |f| set(f, "model_type", json!("mixtral")),
                "model_type",
                "`mixtral` is not supported",
            ),
            (
                "no architecture",
                |f| set(f, "model_type", Value::Null),
                "model_type",
                "missing",
            ),
            (
                "activation",
                |f| set(f, "hidden_act", json!("gelu")),
                "hidden_act",
                "gelu",
            ),
            (
                "experts",
                |f| set(f, "num_local_experts", json!(8)),
                "num_local_experts",
                "not supported",
            ),
            (
                "sliding window",
                |f| set(f, "sliding_window", json!(4096)),
                "sliding_window",
                "not supported",
            ),
            (
                "quantized",
                |f| set(f, "quantization_config", json!({})),
                "quantization_config",
                "not supported",
            ),
            (
                "width as text",
                |f| set(f, "hidden_size", json!("32")),
                "hidden_size",
                "whole number",
            ),
            (
                "negative width",
                |f| set(f, "hidden_size", json!(-32)),
                "hidden_size",
                "whole number",
            ),
            (
                "broken width",
                |f| set(f, "hidden_size", json!(32.5)),
                "hidden_size",
                "whole number",
            ),
            (
                "no width",
                |f| set(f, "hidden_size", Value::Null),
                "hidden_size",
                "missing",
            ),
            (
                "no heads",
                |f| {
                    set(f, "num_attention_heads", json!(0));
                    set(f, "head_dim", Value::Null)
                },
                "num_attention_heads",
                "divided",
            ),
            (
                "interleaved",
                |f| set(f, "rope_interleaved", json!(true)),
                "rope_interleaved",
                "not supported",
            ),
            (
                "a part of each head",
                |f| set(f, "partial_rotary_factor", json!(0.5)),
                "partial_rotary_factor",
                "0.5",
            ),
            (
                "bias that is not there",
                |f| set(f, "attention_bias", json!(true)),
                "attention_bias",
                "missing",
            ),
            (
                "MLP bias that is not there",
                |f| set(f, "mlp_bias", json!(true)),
                "mlp_bias",
                "missing",
            ),
            (
                "output that is not there",
                |f| set(f, "tie_word_embeddings", json!(false)),
                "tie_word_embeddings",
                "missing",
            ),
            (
                "tied as a number",
                |f| set(f, "tie_word_embeddings", json!(1)),
                "tie_word_embeddings",
                "true or false",
            ),
            (
                "licence as a number",
                |f| set(f, "license", json!(1)),
                "license",
                "string",
            ),
            (
                "unknown scaling",
                |f| {
                    set(
                        f,
                        "rope_scaling",
                        json!({"rope_type": "dynamic", "factor": 2.0}),
                    )
                },
                "rope_scaling.rope_type",
                "dynamic",
            ),
            (
                "nameless scaling",
                |f| set(f, "rope_scaling", json!({"factor": 2.0})),
                "rope_scaling.rope_type",
                "missing",
            ),
            (
                "scaling as text",
                |f| set(f, "rope_scaling", json!("linear")),
                "rope_scaling",
                "object",
            ),
            (
                "scaling without factor",
                |f| set(f, "rope_scaling", json!({"type": "linear"})),
                "rope_scaling.factor",
                "missing",
            ),
            (
                "llama3 without a factor",
                |f| {
                    set(
                        f,
                        "rope_scaling",
                        json!({"rope_type": "llama3", "factor": 8.0, "high_freq_factor": 4.0}),
                    )
                },
                "rope_scaling.low_freq_factor",
                "missing",
            ),
            (
                "unknown setting",
                |f| {
                    set(
                        f,
                        "rope_scaling",
                        json!({"rope_type": "linear", "factor": 2.0, "short_factor": [1.0]}),
                    )
                },
                "rope_scaling.short_factor",
                "no such setting",
            ),
        ],
    );
    check(
        "",
        &[
            (
                "factor 0",
                |f| {
                    set(
                        f,
                        "rope_scaling",
                        json!({"rope_type": "linear", "factor": 0}),
                    )
                },
                "rope scaling factor",
                "positive",
            ),
            (
                "llama3 turned round",
                |f| {
                    set(
                        f,
                        "rope_scaling",
                        json!({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 4.0, "high_freq_factor": 1.0, "original_max_position_embeddings": 32}),
                    )
                },
                "rope_scaling",
                "not below",
            ),
            (
                "two types of RoPE",
                |f| {
                    let scaling = json!({"type": "linear", "rope_type": "default", "factor": 2.0});
                    set(f, "rope_scaling", scaling)
                },
                "rope_scaling.rope_type: ",
                "says it twice",
            ),
            (
                "two scalings of RoPE",
                |f| {
                    let linear = json!({"rope_type": "linear", "factor": 2.0});
                    set(f, "rope_scaling", linear);
                    set(f, "rope_parameters", json!({"rope_type": "default"}))
                },
                "rope_scaling and rope_parameters",
                "says it twice",
            ),
            (
                "two bases of RoPE",
                |f| {
                    let with = |theta: f64| json!({"rope_type": "default", "rope_theta": theta});
                    set(f, "rope_scaling", with(5.0));
                    set(f, "rope_parameters", with(6.0))
                },
                "rope_theta",
                "says it twice",
            ),
            (
                "no id that ends",
                |f| set(f, "eos_token_id", json!([1, "x"])),
                "eos_token_id",
                "a token id or a list",
            ),
            (
                "absurd layers",
                |f| set(f, "num_hidden_layers", json!(u64::MAX)),
                "num_hidden_layers",
                "outside",
            ),
            (
                "absurd vocabulary",
                |f| set(f, "vocab_size", json!(1u64 << 40)),
                "vocab_size",
                "outside",
            ),
            (
                "another vocabulary",
                |f| set(f, "vocab_size", json!(271)),
                "embed_tokens",
                "shape",
            ),
        ],
    );
}

#[test]
fn wrong_weights() {
    let name = "model.layers.1.mlp.up_proj.weight";
    check(
        "",
        &[
            (
                "missing",
                |f| {
                    f.tensors
                        .retain(|t| t.0 != "model.layers.1.mlp.up_proj.weight")
                },
                "",
                "Up of layer 1 is missing",
            ),
            (
                "unknown",
                |f| {
                    f.tensors.push((
                        "model.layers.0.self_attn.q_norm.weight".into(),
                        "F32",
                        vec![8],
                        vec![0; 32],
                    ))
                },
                "q_norm",
                "no part",
            ),
            (
                "layer too many",
                |f| {
                    f.tensors.push((
                        "model.layers.9.input_layernorm.weight".into(),
                        "F32",
                        vec![32],
                        vec![0; 128],
                    ))
                },
                "model.layers.9",
                "2 layers",
            ),
            (
                "another output",
                |f| {
                    f.tensors.push((
                        "lm_head.weight".into(),
                        "F32",
                        vec![272, 32],
                        vec![0; 272 * 128],
                    ))
                },
                "lm_head.weight",
                "differs",
            ),
        ],
    );
    type Change = fn(&mut (String, &'static str, Vec<usize>, Vec<u8>));
    let cases: [(&str, Change, &str); 5] = [
        ("integers", |t| t.1 = "I32", "I32 is not supported"),
        ("three dimensions", |t| t.2 = vec![2, 32, 32], "no matrix"),
        ("shape", |t| t.2 = vec![32, 64], "shape"),
        (
            "NaN",
            |t| t.3[4..8].fill(255),
            "row 0, column 1 is not finite",
        ),
        (
            "of no dimension",
            |t| {
                t.2 = vec![];
                t.3.truncate(4)
            },
            "no matrix",
        ),
    ];
    for (what, spoil, problem) in cases {
        let mut folder = folder();
        spoil(folder.tensors.iter_mut().find(|t| t.0 == name).unwrap());
        assert_refused(what, read(&folder), "", name, problem);
    }
    // An output matrix that repeats the embedding is no second one.
    let mut folder = folder();
    let embedding = folder
        .tensors
        .iter()
        .find(|t| t.0.contains("embed"))
        .unwrap()
        .clone();
    folder.tensors.push((
        "lm_head.weight".into(),
        embedding.1,
        embedding.2,
        embedding.3,
    ));
    assert_eq!(
        read(&folder).unwrap().tensors().len(),
        folder.tensors.len() - 1
    );
}

#[test]
fn wrong_safetensors() {
    let good = folder();
    let bytes = good.safetensors();
    let replaced = |bytes: &[u8]| {
        read_after(&good, |place| {
            std::fs::write(place.join("model.safetensors"), bytes).unwrap()
        })
    };
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize + 8;
    let file = "model.safetensors: ";
    for end in (0..header)
        .step_by(101)
        .chain([header, header + 1, bytes.len() - 1])
    {
        assert_refused(
            &format!("cut at {end}"),
            replaced(&bytes[..end]),
            file,
            "header",
            "",
        );
    }
    assert_refused(
        "a byte more",
        replaced(&[&bytes[..], &[0]].concat()),
        file,
        "header",
        "",
    );
    for length in [u64::MAX, 1 << 40, 0] {
        let mut bytes = bytes.clone();
        bytes[..8].copy_from_slice(&length.to_le_bytes());
        assert_refused("header's length", replaced(&bytes), file, "header", "");
    }
    let text = String::from_utf8(bytes[8..header].to_vec()).unwrap();
    let offsets = r#""data_offsets":[0,"#;
    assert!(text.contains(offsets));
    for other in [r#""data_offsets":[4,"#, r#""data_offsets":[9,"#] {
        let text = text.replace(offsets, other);
        let bytes = [&bytes[..8], text.as_bytes(), &bytes[header..]].concat();
        assert_refused("offsets", replaced(&bytes), file, "header", "");
    }
}

#[test]
fn wrong_shards() {
    let good = folder();
    let sharded = |map: &dyn Fn(&str) -> Option<String>, more: Value| {
        read_after(&good, |place| {
            std::fs::rename(place.join("model.safetensors"), place.join("a.safetensors")).unwrap();
            let map: serde_json::Map<String, Value> = good
                .tensors
                .iter()
                .filter_map(|t| Some((t.0.clone(), map(&t.0)?.into())))
                .chain(more.as_object().unwrap().clone())
                .collect();
            let index = json!({"metadata": {}, "weight_map": map}).to_string();
            std::fs::write(place.join("model.safetensors.index.json"), index).unwrap();
        })
    };
    let a = |_: &str| Some("a.safetensors".to_owned());
    sharded(&a, json!({})).unwrap();
    let index = "index.json: ";
    for name in [
        "../a.safetensors",
        "/etc/a.safetensors",
        "a.bin",
        "",
        "..\\a.safetensors",
    ] {
        let shard = |_: &str| Some(name.to_owned());
        assert_refused(
            name,
            sharded(&shard, json!({})),
            index,
            "weight_map",
            "no name",
        );
    }
    let more = json!({"model.extra.weight": "a.safetensors"});
    assert_refused(
        "in no shard",
        sharded(&a, more),
        index,
        "model.extra.weight",
        "no shard",
    );
    let fewer =
        |name: &str| (!name.contains("layers.1.mlp.up")).then(|| "a.safetensors".to_owned());
    assert_refused(
        "not in the index",
        sharded(&fewer, json!({})),
        "a.safetensors: ",
        "up_proj",
        "index",
    );
    let missing = json!({"model.extra.weight": "b.safetensors"});
    assert_refused(
        "missing shard",
        sharded(&a, missing),
        "b.safetensors: ",
        "",
        "is not there",
    );
    let index_text = |text: &'static str| {
        read_after(&good, |place| {
            std::fs::remove_file(place.join("model.safetensors")).unwrap();
            std::fs::write(place.join("model.safetensors.index.json"), text).unwrap();
        })
    };
    for text in ["", "[]", "{}", r#"{"weight_map": 5}"#] {
        assert_refused(text, index_text(text), index, "", "not an index");
    }
    let neither = read_after(&good, |place| {
        std::fs::remove_file(place.join("model.safetensors")).unwrap();
    });
    assert_refused("no weights", neither, "", "", "neither");
}

#[test]
fn wrong_tokenizers() {
    check(
        "",
        &[
            (
                "no object",
                |f| f.tokenizer = json!([]),
                "tokenizer.json",
                "cannot be read",
            ),
            (
                "type",
                |f| f.tokenizer["model"]["type"] = json!("WordPiece"),
                "tokenizer.json",
                "WordPiece",
            ),
            (
                "dropout",
                |f| f.tokenizer["model"]["dropout"] = json!(0.1),
                "tokenizer.json",
                "random",
            ),
            (
                "suffix",
                |f| f.tokenizer["model"]["end_of_word_suffix"] = json!("</w>"),
                "tokenizer.json",
                "suffixes",
            ),
            (
                "normalizer",
                |f| f.tokenizer["normalizer"] = json!({"type": "BertNormalizer"}),
                "tokenizer.json",
                "cannot be read",
            ),
            (
                "no normalizer",
                |f| f.tokenizer["normalizer"] = Value::Null,
                "tokenizer.json",
                "not known",
            ),
            (
                "pre-tokenizer",
                |f| {
                    f.tokenizer["model"]["byte_fallback"] = json!(false);
                    f.tokenizer["normalizer"] = Value::Null
                },
                "tokenizer.json pre_tokenizer",
                "not a known",
            ),
            (
                "regular expression",
                |f| {
                    f.tokenizer["model"]["byte_fallback"] = json!(false);
                    f.tokenizer["normalizer"] = Value::Null;
                    f.tokenizer["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": [
                        {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": false},
                        {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false},
                    ]});
                },
                "tokenizer.json pre_tokenizer",
                "(a+)+$",
            ),
            (
                "absurd id",
                |f| f.tokenizer["model"]["vocab"]["far"] = json!(u32::MAX),
                "tokenizer.json",
                "4294967295",
            ),
            (
                "larger id",
                |f| f.tokenizer["model"]["vocab"]["far"] = json!(u64::MAX),
                "tokenizer.json",
                "cannot be read",
            ),
            (
                "one id twice",
                |f| f.tokenizer["model"]["vocab"]["far"] = json!(270),
                "tokenizer.json",
                "270 is both",
            ),
            (
                "merge of strangers",
                |f| f.tokenizer["model"]["merges"] = json!([["q", "r"]]),
                "tokenizer.json",
                "not in the vocabulary",
            ),
            (
                "merge of three",
                |f| f.tokenizer["model"]["merges"] = json!(["a b c"]),
                "tokenizer.json",
                "two tokens",
            ),
            (
                "single words",
                |f| f.tokenizer["added_tokens"][1]["single_word"] = json!(true),
                "tokenizer.json added_tokens",
                "single word",
            ),
            (
                "more tokens than rows",
                |f| f.tokenizer["model"]["vocab"]["far"] = json!(272),
                "vocab_size",
                "273 tokens",
            ),
            (
                "other ids than the name's",
                |f| {
                    f.tokenizer["post_processor"]["special_tokens"] =
                        json!({"<s>": {"id": "<s>", "ids": [2], "tokens": ["<s>"]}})
                },
                "tokenizer.json",
                "the ids [2] for \"<s>\", which has the id 1",
            ),
            (
                "post-processor",
                |f| f.tokenizer["post_processor"] = json!({"type": "BertProcessing"}),
                "tokenizer.json",
                "cannot be read",
            ),
        ],
    );
    let good = folder();
    let none = read_after(&good, |place| {
        std::fs::remove_file(place.join("tokenizer.json")).unwrap()
    });
    assert_refused(
        "none",
        none,
        "",
        "",
        "neither tokenizer.json nor tokenizer.model",
    );
    for (name, text) in [
        ("tokenizer_config.json", "5"),
        ("generation_config.json", r#"{"eos_token_id": "x"}"#),
    ] {
        let result = read_after(&good, |place| {
            std::fs::write(place.join(name), text).unwrap()
        });
        let message = result.as_ref().unwrap_err().to_string();
        assert_refused(name, result, "", name, "cannot be read");
        assert!(message.contains("correct the file"), "{message}");
    }
    let stops = |text: &'static str| {
        read_after(&good, |place| {
            std::fs::write(place.join("generation_config.json"), text).unwrap()
        })
    };
    assert_eq!(
        stops(r#"{"eos_token_id": [2, 5]}"#)
            .unwrap()
            .tokenizer()
            .stop(),
        [2, 5]
    );
    // JSON nested without end.
    let deep = read_after(&good, |place| {
        std::fs::write(place.join("tokenizer.json"), "[".repeat(1 << 20)).unwrap();
    });
    assert_refused("deep", deep, "", "tokenizer.json", "cannot be read");
    let deep = read_after(&good, |place| {
        std::fs::write(place.join("config.json"), "{\"a\":".repeat(1 << 20)).unwrap();
    });
    assert_refused("deep", deep, "config.json: ", "", "not a JSON object");
}

/// As transformers, which makes a generation's configuration of the model's where there is no other.
#[test]
fn every_id_that_a_file_names_ends_a_generation() {
    let mut folder = folder();
    folder.config["eos_token_id"] = json!([2, 7]);
    let stop = |generation: Option<&str>| {
        let model = read_after(&folder, |place| {
            if let Some(text) = generation {
                std::fs::write(place.join("generation_config.json"), text).unwrap();
            }
        });
        model.unwrap().tokenizer().stop().to_vec()
    };
    assert_eq!(stop(None), [2, 7]);
    assert_eq!(stop(Some("{}")), [2, 7]);
    assert_eq!(stop(Some(r#"{"eos_token_id": 5}"#)), [2, 5, 7]);
    // What is no token ends nothing.
    assert_eq!(stop(Some(r#"{"eos_token_id": [-1, 99999]}"#)), [2, 7]);
}

/// What stands in a file's place is not as good as no file.
#[test]
#[cfg(unix)]
fn links_and_folders_in_place_of_files() {
    let files = [
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "generation_config.json",
        "chat_template.jinja",
        "model.safetensors",
        "model.safetensors.index.json",
    ];
    type Put = fn(&Path);
    let things: [(&str, Put); 3] = [
        ("a link to nothing", |path| {
            std::os::unix::fs::symlink("nothing", path).unwrap()
        }),
        ("a link to itself", |path| {
            std::os::unix::fs::symlink(path, path).unwrap()
        }),
        ("a folder", |path| std::fs::create_dir(path).unwrap()),
    ];
    for (what, put) in things {
        for name in files {
            let result = read_after(&folder(), |place| {
                if name == "model.safetensors.index.json" {
                    std::fs::remove_file(place.join("model.safetensors")).unwrap();
                }
                let _ = std::fs::remove_file(place.join(name));
                put(&place.join(name));
            });
            assert_refused(what, result, &format!("{name}: "), "", "not a file");
        }
    }
}

/// What a download leaves where it went wrong.
#[test]
fn pointers_and_pages_in_place_of_files() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 134515008\n";
    let page = "\n<!DOCTYPE html>\n<html><body>Not found</body></html>\n";
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        for (text, problem) in [(pointer, "pointer of Git LFS"), (page, "web page")] {
            let result = read_after(&folder(), |place| {
                std::fs::write(place.join(name), text).unwrap();
            });
            assert_refused(name, result, &format!("{name}: "), "", problem);
        }
    }
}

#[test]
fn no_folder_of_a_model() {
    let place = tempfile::tempdir().unwrap();
    assert_refused("empty", import(place.path()), "", "", "no config.json");
    assert_refused(
        "nothing",
        import(&place.path().join("none")),
        "none: ",
        "",
        "cannot open",
    );
    let halves = Folder::new(&Tiny::new(
        Shape {
            dtype: DType::F16,
            ..Shape::default()
        },
        1,
    ));
    read(&halves).unwrap();
}
