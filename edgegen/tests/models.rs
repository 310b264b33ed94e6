//! Real models import, and one model is the same in each format.

use std::path::PathBuf;
use std::time::Instant;

use edgegen::import::{import, import_with_tokenizer};
use edgegen::model::{DType, Model, Role, RopeLayout, TensorKey};

/// The shared folder beside the workspace, or a message that the test did not run.
fn shared(path: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared")
        .join(path);
    if !path.exists() {
        eprintln!("not run: {} is missing", path.display());
        return None;
    }
    Some(path)
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

#[test]
fn stories_is_the_same_in_each_format() {
    let Some(folder) = shared("models/stories260K") else {
        return;
    };
    let bin = import(&folder.join("stories260K.bin")).unwrap();
    let gguf = import(&folder.join("stories260K.f32.gguf")).unwrap();
    let hf = import(&folder.join("hf")).unwrap();
    assert_eq!(bin.architecture(), gguf.architecture());
    let mut halves = gguf.architecture().clone();
    halves.rope.layout = RopeLayout::Halves;
    assert_eq!(hf.architecture(), &halves);
    assert_eq!(bin.tensors().len(), 47);
    assert!(bin.tensors().keys().eq(gguf.tensors().keys()));
    assert!(bin.tensors().keys().eq(hf.tensors().keys()));
    for &key in bin.tensors().keys() {
        let expected = values(&bin, key);
        assert_eq!(expected, values(&gguf, key), "{key:?}");
        let mut other = values(&hf, key);
        if matches!(key.role, Role::Query | Role::Key) {
            other = interleave(&other, 8, 64);
        }
        assert_eq!(expected, other, "{key:?}");
    }
    assert_ne!(bin.digest(), gguf.digest());
    assert_eq!(bin.digest().len(), 64);
}

#[test]
fn a_given_tokenizer_is_for_llama2c_only() {
    let Some(folder) = shared("models/stories260K") else {
        return;
    };
    let tokenizer = folder.join("tok512.bin");
    import_with_tokenizer(&folder.join("stories260K.bin"), Some(&tokenizer)).unwrap();
    for other in ["stories260K.f32.gguf", "hf"] {
        let error = import_with_tokenizer(&folder.join(other), Some(&tokenizer)).unwrap_err();
        assert!(error.to_string().contains("own tokenizer"), "{error}");
    }
}

#[test]
fn smollm2_imports_quickly() {
    let Some(path) = std::env::var_os("EDGEGEN_SMOLLM2") else {
        eprintln!("not run: set EDGEGEN_SMOLLM2 to SmolLM2-135M-Instruct.Q4_1.gguf");
        return;
    };
    let start = Instant::now();
    let model = import(&PathBuf::from(path)).unwrap();
    eprintln!("import took {:?}", start.elapsed());
    let start = Instant::now();
    let digest = model.digest();
    eprintln!("digest took {:?}", start.elapsed());
    assert_eq!(digest, model.digest());
    assert_eq!(model.licence(), Some("apache-2.0"));
    assert_eq!(model.tensors().len(), 272);
    let architecture = model.architecture();
    assert_eq!(architecture.num_key_value_heads, 3);
    assert_eq!(architecture.rope.theta, 100_000.0);
    let embedding = model.tensor(TensorKey::global(Role::Embedding)).unwrap();
    assert_eq!((embedding.rows(), embedding.dtype()), (49152, DType::Q8_0));
    eprintln!("{}", edgegen::inspect::inspect(&model));
}
