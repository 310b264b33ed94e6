//! One random model, written in each format, is one model.

use std::path::Path;

use crate::common::gguf::Gguf;
use crate::common::hf::{Folder, interleave};
use crate::common::{BLOCK_TYPES, Scaling, Shape, Stored, Tiny, llama2c, values, vocabulary};
use edgegen::import::import;
use edgegen::inspect::inspect;
use edgegen::model::{ChatPiece, DType, Model, Role, RopeLayout, RopeScaling, TensorKey};

fn gguf(file: &Gguf) -> edgegen::error::Result<Model> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    std::fs::write(&path, file.bytes()).unwrap();
    import(&path)
}

fn hf(folder: &Folder) -> edgegen::error::Result<Model> {
    let place = tempfile::tempdir().unwrap();
    folder.write(place.path());
    import(place.path())
}

fn ids(model: &Model) -> Vec<u32> {
    let tables = model.tokenizer().tables();
    let mut out = vec![0; 64];
    let length = tables.runtime().encode(vocabulary::TEXT, true, &mut out);
    out.truncate(length.unwrap());
    out
}

fn odd() -> Shape {
    Shape {
        hidden: 36,
        intermediate: 50,
        heads: 6,
        kv_heads: 3,
        head_dim: 10,
        rope_dim: 10,
        vocab: 275,
        attention_bias: true,
        mlp_bias: true,
        tied: false,
        ..Shape::default()
    }
}

#[test]
fn gguf_and_folder_hold_the_same_values() {
    for dtype in [DType::F32, DType::F16, DType::BF16] {
        let tiny = Tiny::new(Shape { dtype, ..odd() }, 1);
        let one = gguf(&Gguf::new(&tiny)).unwrap();
        let other = hf(&Folder::new(&tiny)).unwrap();
        let mut halves = one.architecture().clone();
        halves.rope.as_mut().unwrap().layout = RopeLayout::Halves;
        assert_eq!(other.architecture(), &halves);
        assert!(one.tensors().keys().eq(other.tensors().keys()));
        for (&key, tensor) in one.tensors() {
            let expected = &tiny.weights[&key].values;
            assert_eq!(&values(&one, key), expected, "{key:?}");
            let mut found = values(&other, key);
            if matches!(
                key.role,
                Role::Query | Role::Key | Role::QueryBias | Role::KeyBias
            ) {
                let cols = if key.role.is_matrix() {
                    tensor.cols()
                } else {
                    1
                };
                found = interleave(&found, tiny.shape.head_dim, cols);
            }
            assert_eq!(&found, expected, "{key:?}");
        }
        for model in [&one, &other] {
            assert_eq!(model.licences()[0].id.as_deref(), Some("mit"));
        }
    }
}

#[test]
fn block_types_hold_the_values_that_were_written() {
    for dtype in BLOCK_TYPES {
        let tiny = Tiny::new(
            Shape {
                dtype,
                ..Shape::default()
            },
            2,
        );
        let model = gguf(&Gguf::new(&tiny)).unwrap();
        for (&key, stored) in &tiny.weights {
            assert_eq!(
                values(&model, key),
                stored.values,
                "{} {key:?}",
                dtype.name()
            );
        }
    }
}

/// A tensor of the blocks of ggml's numpy reference, over and over, with their values.
fn reference(rows: usize, cols: usize, dtype: DType) -> Stored {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dequantize");
    let file = |end: &str| std::fs::read(folder.join(dtype.name()).with_extension(end)).unwrap();
    let count = rows * cols / dtype.block_size();
    let blocks = file("blocks").into_iter().cycle();
    let values = file("f32").into_iter().cycle().take(rows * cols * 4);
    let values: Vec<u8> = values.collect();
    Stored {
        rows,
        cols,
        dtype,
        bytes: blocks.take(count * dtype.block_bytes()).collect(),
        values: values
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
            .collect(),
    }
}

#[test]
fn blocks_hold_the_values_of_the_reference() {
    let shape = Shape {
        hidden: 256,
        intermediate: 256,
        layers: 1,
        head_dim: 64,
        rope_dim: 64,
        ..Shape::default()
    };
    let mut tiny = Tiny::new(shape, 8);
    let types = [
        (Role::Value, DType::Q2_K),
        (Role::AttentionOutput, DType::Q3_K),
        (Role::Gate, DType::Q4_K),
        (Role::Up, DType::Q5_K),
        (Role::Down, DType::Q6_K),
        (Role::Query, DType::IQ4_XS),
        (Role::Key, DType::MXFP4),
    ];
    check_types(&mut tiny, &types);
    let types = [
        (Role::Query, DType::TQ1_0),
        (Role::Key, DType::TQ2_0),
        (Role::Gate, DType::Q1_0),
        (Role::Up, DType::Q2_0),
        (Role::Down, DType::IQ4_NL),
    ];
    check_types(&mut tiny, &types);
}

/// Stores matrices so, and compares all values that are read.
fn check_types(tiny: &mut Tiny, types: &[(Role, DType)]) {
    for &(role, dtype) in types {
        let layer = Some(0);
        let (rows, cols) = tiny.shape.dims(role);
        let stored = reference(rows, cols, dtype);
        tiny.weights.insert(TensorKey { layer, role }, stored);
    }
    let model = gguf(&Gguf::new(tiny)).unwrap();
    for (&key, stored) in &tiny.weights {
        let dtype = stored.dtype;
        let name = dtype.name();
        assert_eq!(model.tensor(key).unwrap().dtype(), dtype, "{key:?}");
        assert_eq!(values(&model, key), stored.values, "{name} {key:?}");
    }
}

#[test]
fn llama2c_holds_the_values_that_were_written() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("tiny.bin");
    for (tied, dtype) in [
        (true, DType::F32),
        (false, DType::F32),
        (true, DType::Q8Groups { group_size: 16 }),
        (false, DType::Q8Groups { group_size: 16 }),
    ] {
        let tiny = Tiny::new(
            Shape {
                tied,
                dtype,
                ..Shape::default()
            },
            3,
        );
        let bytes = match dtype {
            DType::F32 => llama2c::version_0(&tiny),
            _ => llama2c::version_2(&tiny),
        };
        std::fs::write(&path, bytes).unwrap();
        let tokenizer = llama2c::tokenizer(tiny.shape.vocab);
        std::fs::write(place.path().join("tok272.bin"), tokenizer).unwrap();
        let model = import(&path).unwrap();
        assert_eq!(ids(&model), vocabulary::IDS);
        assert_eq!(model.tensors().len(), tiny.weights.len());
        for (&key, stored) in &tiny.weights {
            assert_eq!(values(&model, key), stored.values, "{key:?}");
        }
    }
}

#[test]
fn tokenizers_give_the_same_ids() {
    let tiny = Tiny::new(Shape::default(), 4);
    assert_eq!(ids(&gguf(&Gguf::new(&tiny)).unwrap()), vocabulary::IDS);
    assert_eq!(ids(&hf(&Folder::new(&tiny)).unwrap()), vocabulary::IDS);
}

/// llama.cpp puts a space before the text unless the file says not to.
#[test]
fn gguf_says_whether_a_space_is_put_before_the_text() {
    let mut file = Gguf::new(&Tiny::new(Shape::default(), 9));
    for (says, expected) in [
        (None, [[259].as_slice(), &[262, 259], &[1, 259]]),
        (Some(true), [&[259], &[262, 259], &[1, 259]]),
        (Some(false), [&[263], &[259], &[1, 263]]),
    ] {
        if let Some(says) = says {
            file.bool("tokenizer.ggml.add_space_prefix", says);
        }
        let model = gguf(&file).unwrap();
        let tables = model.tokenizer().tables();
        for (text, expected) in ["a", " a", "<s>a"].into_iter().zip(expected) {
            let ids = tables.encode(text, true);
            assert_eq!(ids, expected, "{text:?} with {says:?}");
        }
    }
}

#[test]
fn gguf_names_the_tokens_that_end_a_turn_or_a_message() {
    let plain = Gguf::new(&Tiny::new(Shape::default(), 10));
    let stop = |keys: &[(&str, u32)]| {
        let mut file = plain.clone();
        for (key, id) in keys {
            file.u32(&format!("tokenizer.ggml.{key}_token_id"), *id);
        }
        gguf(&file).unwrap().tokenizer().stop().to_vec()
    };
    assert_eq!(stop(&[]), [2]);
    assert_eq!(stop(&[("eot", 263)]), [2, 263]);
    assert_eq!(stop(&[("eom", 264)]), [2, 264]);
    assert_eq!(stop(&[("eot", 264), ("eom", 263)]), [2, 263, 264]);
}

#[test]
fn a_factor_of_one_is_no_scaling() {
    let scaling = Scaling::Linear { factor: 1.0 };
    let tiny = Tiny::new(
        Shape {
            scaling,
            ..Shape::default()
        },
        5,
    );
    let model = gguf(&Gguf::new(&tiny)).unwrap();
    assert_eq!(
        model.architecture().rope.as_ref().unwrap().scaling,
        RopeScaling::None
    );
}

#[test]
fn a_padded_vocabulary_needs_to_be_said() {
    let tiny = Tiny::new(Shape::default(), 6);
    let mut file = Gguf::new(&tiny);
    let fewer = Gguf::new(&Tiny::new(
        Shape {
            vocab: 270,
            ..Shape::default()
        },
        6,
    ));
    for (key, kind, bytes) in fewer.keys {
        if key.starts_with("tokenizer.") {
            file.set(&key, kind, bytes);
        }
    }
    let model = gguf(&file).unwrap();
    assert_eq!(model.tokenizer().tokens().len(), 270);
    assert_eq!(model.architecture().vocab_size, 272);
    file.remove("llama.vocab_size");
    let error = gguf(&file).unwrap_err().to_string();
    assert!(error.contains("token_embd.weight"), "{error}");
}

#[test]
fn inspection_tells_all() {
    let tiny = Tiny::new(odd(), 7);
    let inspection = inspect(&gguf(&Gguf::new(&tiny)).unwrap());
    assert_eq!(inspection.tokenizer.tokens, 275);
    assert_eq!(inspection.tokenizer.stop, [2]);
    assert_eq!(inspection.chat_template, None);
    let text = inspection.to_string();
    for part in [
        "SentencePiece BPE, 275 tokens",
        "licence        mit",
        "275, separate output",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let json = serde_json::to_value(&inspection).unwrap();
    assert_eq!(json["tokenizer"]["bos"], 1);
}

/// It is compared with what it makes of each text that its own code names.
#[test]
fn a_chat_template_that_changes_messages_is_left_out() {
    let message = |code: &str| {
        format!(
            "{{% for m in messages %}}[{{{{ m.role }}}}]{{{{ m.content{code} }}}}{{% endfor %}}"
        )
    };
    for (template, reduces) in [
        (message(""), true),
        (message(" | trim"), true),
        (message(" ~ '<|eot_id|>'"), true),
        (message("|replace('<|eot_id|>', '')"), false),
        (message(".replace(\"/no_think\", '')"), false),
        (message(".split('###')[0]"), false),
        (message(" if 'secret' not in m.content"), false),
        (message(" if {'a': '}'} and m.content != 'stop'"), false),
    ] {
        let mut file = Gguf::new(&Tiny::new(Shape::default(), 1));
        file.text("tokenizer.chat_template", &template);
        let model = gguf(&file).unwrap();
        assert_eq!(model.chat_template().is_some(), reduces, "{template}");
    }
}

/// Texts that multiply may have 1 MiB together, and not a byte more; what is shown of them is their
/// length alone.
#[test]
fn a_chat_template_makes_no_longer_texts_than_it_may() {
    const SIDE: usize = 1 << 10;
    let replaced = |text: usize, by: usize| {
        let (text, by) = ("a".repeat(text), "b".repeat(by));
        format!("'{text}'.replace('a', '{by}')")
    };
    let joined = |joiner: usize, items: usize| {
        let (joiner, list) = ("b".repeat(joiner), "1,".repeat(items));
        format!("'{joiner}'.join([{list}])")
    };
    for (code, reduces) in [
        ("'aba'.replace('a', 'c')".to_owned(), true),
        ("', '.join(['a', 'b'])".to_owned(), true),
        // There is a place more than there are letters.
        (replaced(SIDE - 1, SIDE), true),
        (replaced(SIDE, SIDE), false),
        (replaced(SIDE - 1, SIDE + 1), false),
        (joined(SIDE, SIDE), true),
        (joined(SIDE + 1, SIDE), false),
        (joined(SIDE, SIDE + 1), false),
    ] {
        let template = format!(
            "{{% for m in messages %}}{{{{ m.content }}}}{{{{ {code} | length }}}}{{% endfor %}}"
        );
        let mut file = Gguf::new(&Tiny::new(Shape::default(), 1));
        file.text("tokenizer.chat_template", &template);
        let model = gguf(&file).unwrap();
        let what = code.get(..40).unwrap_or(&code);
        assert_eq!(model.chat_template().is_some(), reduces, "{what}");
    }
}

/// The chat of a folder that has these files beside the model's.
fn chat_of(files: &[(&str, String)]) -> Vec<ChatPiece> {
    let place = tempfile::tempdir().unwrap();
    Folder::new(&Tiny::new(Shape::default(), 1)).write(place.path());
    for (name, text) in files {
        std::fs::write(place.path().join(name), text).unwrap();
    }
    let model = import(place.path()).unwrap();
    model.chat_template().unwrap().without_system.clone()
}

fn literal(text: &str) -> ChatPiece {
    ChatPiece::Literal(text.to_owned())
}

/// transformers writes the template alone since 2025, and that one counts; of a list in
/// `tokenizer_config.json` the one called default.
#[test]
fn a_folder_has_its_chat_template_in_either_place() {
    let template = |begins: &str| {
        format!("{begins}{{% for m in messages %}}{{{{ m.content }}}}{{% endfor %}}")
    };
    let config = |chat: serde_json::Value| {
        let text = serde_json::json!({"chat_template": chat}).to_string();
        ("tokenizer_config.json", text)
    };
    let named = |name: &str| serde_json::json!({"name": name, "template": template(name)});
    let alone = ("chat_template.jinja", template("jinja"));
    let one = config(template("config").into());
    let many = config(serde_json::json!([named("tool_use"), named("default")]));
    for (files, begins) in [
        (vec![alone.clone()], "jinja"),
        (vec![one.clone()], "config"),
        (vec![one, alone], "jinja"),
        (vec![many], "default"),
    ] {
        assert_eq!(chat_of(&files), [literal(begins), ChatPiece::User]);
    }
}

/// As transformers renders it: without the line break behind a tag, and what is before one.
#[test]
fn a_chat_template_of_several_lines_has_no_others() {
    let template = "{% for m in messages %}\n    {%- set role = m.role %}\n    {% if role == 'user' %}\n\
                    [U]{{ m.content }}\n    {% endif %}\n{% endfor %}\n[A]";
    let chat = chat_of(&[("chat_template.jinja", template.to_owned())]);
    assert_eq!(chat, [literal("[U]"), ChatPiece::User, literal("\n[A]")]);
}
