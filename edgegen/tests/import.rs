//! One random model, written in each format, is one model.

mod common;

use common::gguf::Gguf;
use common::hf::Folder;
use common::{Scaling, Shape, Tiny, llama2c, vocabulary};
use edgegen::import::import;
use edgegen::inspect::inspect;
use edgegen::model::{DType, Model, Role, RopeLayout, RopeScaling, TensorKey};
use edgegen::program::tokenizer::TokenizerTables;

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

fn values(model: &Model, key: TensorKey) -> Vec<f32> {
    let tensor = model.tensor(key).unwrap();
    let mut values = vec![0.0; tensor.len()];
    tensor.dequantize_rows(0..tensor.rows(), &mut values);
    values
}

/// Rows of Q or K from rotate-half order to interleaved pairs.
fn interleave(values: &[f32], head_dim: usize, cols: usize) -> Vec<f32> {
    let row = |at: usize| &values[at * cols..(at + 1) * cols];
    (0..values.len() / cols)
        .flat_map(|at| {
            let (head, within) = (at / head_dim, at % head_dim);
            row(head * head_dim + within / 2 + within % 2 * (head_dim / 2)).to_vec()
        })
        .collect()
}

fn ids(model: &Model) -> Vec<u32> {
    let tables = TokenizerTables::new(model.tokenizer());
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
        halves.rope.layout = RopeLayout::Halves;
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
        assert_eq!((one.licence(), other.licence()), (Some("mit"), Some("mit")));
    }
}

#[test]
fn block_types_hold_the_values_that_were_written() {
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
    assert_eq!(model.architecture().rope.scaling, RopeScaling::None);
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
