//! A model that others wrote is the same in each format.

use std::path::Path;

use crate::common::hf::interleave;
use crate::common::{data, values};
use edgegen::import::{Beside, import, import_with};
use edgegen::model::Role;

#[test]
fn llama_is_the_same_in_each_format() {
    let gguf = import(&data::file("architectures/llama/model.gguf")).unwrap();
    let hf = import(&data::file("architectures/llama/hf")).unwrap();
    let (heads, dims) = (2, 20);
    assert_eq!(gguf.architecture().head_dim, dims);
    assert_eq!(gguf.architecture().num_key_value_heads, heads);
    assert!(gguf.tensors().keys().eq(hf.tensors().keys()));
    for &key in gguf.tensors().keys() {
        let expected = values(&gguf, key);
        let mut other = values(&hf, key);
        if matches!(key.role, Role::Query | Role::Key) {
            other = interleave(&other, dims, 48);
        }
        assert_eq!(expected, other, "{key:?}");
    }
    assert_ne!(gguf.digest(), hf.digest());
    assert_eq!(gguf.digest().len(), 64);
}

#[test]
fn a_given_tokenizer_is_for_llama2c_only() {
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/macro-assistant/models");
    let beside = Beside {
        tokenizer: Some(tiny.join("tokenizer.bin")),
        ..Beside::default()
    };
    import_with(&tiny.join("tiny.bin"), &beside).unwrap();
    for other in ["model.gguf", "hf"] {
        let model = data::file("architectures/llama").join(other);
        let error = import_with(&model, &beside).unwrap_err();
        assert!(error.to_string().contains("own tokenizer"), "{error}");
    }
}
