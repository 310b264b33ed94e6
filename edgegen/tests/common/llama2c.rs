//! Writes llama2.c's checkpoints, versions 0 and 2, and its tokenizer.

use edgegen::model::{DType, Role};

use super::{Tiny, vocabulary};

fn header(tiny: &Tiny, vocab: i32) -> Vec<u8> {
    let shape = &tiny.shape;
    assert_eq!(
        shape.head_dim * shape.heads,
        shape.hidden,
        "llama2.c's rule"
    );
    let sizes = [
        shape.hidden as i32,
        shape.intermediate as i32,
        shape.layers as i32,
        shape.heads as i32,
        shape.kv_heads as i32,
        vocab,
        shape.context as i32,
    ];
    sizes.iter().flat_map(|size| size.to_le_bytes()).collect()
}

fn push(file: &mut Vec<u8>, tiny: &Tiny, role: Role, dtype: DType) {
    let layers = if role.is_per_layer() {
        (0..tiny.shape.layers).map(Some).collect()
    } else {
        vec![None]
    };
    for layer in layers {
        let stored = tiny.get(layer, role).unwrap();
        assert_eq!(stored.dtype, dtype);
        file.extend(&stored.bytes);
    }
}

/// A checkpoint of version 0: all F32.
pub fn version_0(tiny: &Tiny) -> Vec<u8> {
    let vocab = tiny.shape.vocab as i32;
    let mut file = header(tiny, if tiny.shape.tied { vocab } else { -vocab });
    for role in [
        Role::Embedding,
        Role::AttentionNorm,
        Role::Query,
        Role::Key,
        Role::Value,
        Role::AttentionOutput,
        Role::FeedForwardNorm,
        Role::Gate,
        Role::Down,
        Role::Up,
        Role::OutputNorm,
    ] {
        push(&mut file, tiny, role, DType::F32);
    }
    let tables = tiny.shape.context * tiny.shape.head_dim * 4;
    file.resize(file.len() + tables, 0);
    if !tiny.shape.tied {
        push(&mut file, tiny, Role::Output, DType::F32);
    }
    file
}

/// A checkpoint of version 2: matrices in groups of int8.
pub fn version_2(tiny: &Tiny) -> Vec<u8> {
    let dtype = tiny.shape.dtype;
    let DType::Q8Groups { group_size } = dtype else {
        panic!("version 2 has groups");
    };
    let mut file = 0x616b_3432u32.to_le_bytes().to_vec();
    file.extend(2i32.to_le_bytes());
    file.extend(header(tiny, tiny.shape.vocab as i32));
    file.push(tiny.shape.tied.into());
    file.extend((group_size as i32).to_le_bytes());
    file.resize(256, 0);
    for role in [Role::AttentionNorm, Role::FeedForwardNorm, Role::OutputNorm] {
        push(&mut file, tiny, role, DType::F32);
    }
    for role in [
        Role::Embedding,
        Role::Query,
        Role::Key,
        Role::Value,
        Role::AttentionOutput,
        Role::Gate,
        Role::Down,
        Role::Up,
    ] {
        push(&mut file, tiny, role, dtype);
    }
    if !tiny.shape.tied {
        push(&mut file, tiny, Role::Output, dtype);
    }
    file
}

/// `tokenizer.bin`.
pub fn tokenizer(size: usize) -> Vec<u8> {
    let pieces = vocabulary::pieces(size);
    let texts: Vec<String> = pieces.iter().map(|p| p.text.replace('▁', " ")).collect();
    let longest = texts.iter().map(String::len).max().unwrap();
    let mut file = (longest as i32).to_le_bytes().to_vec();
    for (piece, text) in pieces.iter().zip(&texts) {
        file.extend(piece.score.to_le_bytes());
        file.extend((text.len() as i32).to_le_bytes());
        file.extend(text.as_bytes());
    }
    file
}
