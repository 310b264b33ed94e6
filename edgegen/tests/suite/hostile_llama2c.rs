//! Wrong llama2.c checkpoints and tokenizers are refused.

use crate::common::{Shape, Tiny, assert_refused, llama2c};
use edgegen::error::Result;
use edgegen::import::import;
use edgegen::model::{DType, Model};

fn tiny(dtype: DType) -> Tiny {
    Tiny::new(
        Shape {
            dtype,
            tied: false,
            ..Shape::default()
        },
        1,
    )
}

fn version_0() -> Vec<u8> {
    llama2c::version_0(&tiny(DType::F32))
}

fn version_2() -> Vec<u8> {
    llama2c::version_2(&tiny(DType::Q8Groups { group_size: 16 }))
}

fn read_with(bytes: &[u8], tokenizer: Option<&[u8]>) -> Result<Model> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.bin");
    std::fs::write(&path, bytes).unwrap();
    if let Some(tokenizer) = tokenizer {
        std::fs::write(folder.path().join("tok272.bin"), tokenizer).unwrap();
    }
    import(&path)
}

fn read(bytes: &[u8]) -> Result<Model> {
    read_with(bytes, Some(&llama2c::tokenizer(272)))
}

/// Replaces the integer at a byte.
fn with(mut bytes: Vec<u8>, at: usize, value: i32) -> Vec<u8> {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    bytes
}

#[test]
fn wrong_headers() {
    read(&version_0()).unwrap();
    read(&version_2()).unwrap();
    for (what, bytes, place, problem) in [
        (
            "version 1",
            with(version_2(), 4, 1),
            "version",
            "1 is not supported",
        ),
        (
            "version -1",
            with(version_2(), 4, -1),
            "version",
            "-1 is not supported",
        ),
        (
            "negative vocabulary",
            with(version_2(), 28, -272),
            "vocab_size",
            "-272 is negative",
        ),
        (
            "group of 0",
            with(version_2(), 37, 0),
            "group_size",
            "not positive",
        ),
        (
            "group of -1",
            with(version_2(), 37, -1),
            "group_size",
            "not positive",
        ),
        ("group of 7", with(version_2(), 37, 7), "Embedding", "whole"),
        (
            "group of all",
            with(version_2(), 37, i32::MAX),
            "Embedding",
            "whole",
        ),
        (
            "negative width",
            with(version_0(), 0, -32),
            "dim",
            "negative",
        ),
        ("no heads", with(version_2(), 20, 0), "n_heads", "divided"),
        (
            "uneven heads",
            with(version_0(), 12, 5),
            "n_heads",
            "divided",
        ),
        (
            "uneven key heads",
            with(version_0(), 16, 3),
            "num_key_value_heads",
            "evenly",
        ),
        (
            "absurd layers",
            with(version_0(), 8, 1 << 20),
            "num_hidden_layers",
            "outside",
        ),
        (
            "vocabulary of the least integer",
            with(version_2(), 28, i32::MIN),
            "vocab_size",
            "negative",
        ),
        ("longer context", with(version_0(), 24, 65), "", ""),
        ("a layer more", with(version_0(), 8, 3), "", "ends"),
        (
            "a layer less",
            with(version_0(), 8, 1),
            "end of the file",
            "are left",
        ),
        (
            "a byte more",
            [version_0(), vec![0]].concat(),
            "end of the file",
            "1 bytes are left",
        ),
        (
            "NaN",
            with(version_0(), 28, -1),
            "Embedding",
            "row 0, column 0 is not finite",
        ),
        (
            "NaN norm",
            with(version_2(), 256, -1),
            "AttentionNorm of layer 0",
            "not finite",
        ),
    ] {
        assert_refused(what, read(&bytes), "bad.bin: ", place, problem);
    }
    let bytes = version_2();
    let last = bytes.len() - 4;
    assert_refused(
        "NaN scale",
        read(&with(bytes, last, -1)),
        "bad.bin: ",
        "Output",
        "block scale",
    );
}

#[test]
fn truncated_anywhere() {
    for bytes in [version_0(), version_2()] {
        for end in (0..300)
            .chain((300..bytes.len()).step_by(997))
            .chain([bytes.len() - 1])
        {
            assert_refused(
                &format!("cut at {end}"),
                read(&bytes[..end]),
                "bad.bin: ",
                "",
                "",
            );
        }
    }
}

#[test]
fn wrong_tokenizers() {
    let good = llama2c::tokenizer(272);
    assert_refused(
        "none",
        read_with(&version_0(), None),
        "bad.bin: ",
        "tokenizer",
        "none is beside it",
    );
    for (what, bytes, place, problem) in [
        (
            "of another model",
            llama2c::tokenizer(280),
            "tokenizer",
            "after the last of 272",
        ),
        ("empty", vec![], "offset 0", "early"),
        (
            "negative length",
            with(good.clone(), 8, -1),
            "offset 8",
            "-1 bytes",
        ),
        (
            "absurd length",
            with(good.clone(), 8, i32::MAX),
            "offset 12",
            "early",
        ),
        (
            "score NaN",
            with(good.clone(), 4, -1),
            "tokenizer",
            "finite",
        ),
        ("not UTF-8", with(good.clone(), 12, -1), "offset 8", "UTF-8"),
    ] {
        let result = read_with(&version_0(), Some(&bytes));
        assert_refused(what, result, "tok272.bin: ", place, problem);
    }
    for end in (0..good.len()).step_by(11) {
        let result = read_with(&version_0(), Some(&good[..end]));
        assert_refused(&format!("cut at {end}"), result, "tok272.bin: ", "", "");
    }
}
