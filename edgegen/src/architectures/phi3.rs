//! `phi3`: Phi-3 and Phi-4-mini (Abdin et al. 2024, arXiv:2404.14219): Llama whose files join
//! matrices, and whose RoPE may turn a part of each head only.

use crate::model::Role;

use super::family::{Defaults, Family, Names, Rotary, names};
use super::llama::{self, LLAMA};
use super::{qwen2, windows};

/// Names as llama.cpp's converter and `Phi3ForCausalLM` give them.
pub(super) const PHI3: Family = Family {
    gguf: Some("phi3"),
    model_type: "phi3",
    class: "Phi3ForCausalLM",
    models: &["Phi-3 mini 3.8B", "Phi-3.5 mini 3.8B", "Phi-4 mini 3.8B"],
    rope: Some(Rotary {
        part: Some(1.0),
        original: Some(4096),
        whole: false,
        ..qwen2::ROPE
    }),
    defaults: Defaults {
        rms_norm_eps: 1e-5,
        max_position_embeddings: 4096,
        ..LLAMA.defaults
    },
    biases: &[],
    hf_fields: |fields, a| {
        let window = fields.size("sliding_window")?;
        windows::by_types(fields, a, window, |_| true).map(drop)
    },
    // llama.cpp reads the window, and attends to all that is before a token.
    gguf_keys: |keys, _| keys.size("attention.sliding_window").map(drop),
    fields: &[
        // No code reads them.
        ("full_attn_mod", &["1"]),
        ("interpolate_factor", &["1"]),
        // Nothing by itself: LongRoPE reads it.
        ("original_max_position_embeddings", &[]),
    ],
    tensors: &[llama::ENDS, llama::NORMS, JOINED],
    skipped: &[],
    ..LLAMA
};

#[rustfmt::skip]
const JOINED: &[Names] = &[
    names(&llama::QKV, "blk.{}.attn_qkv.weight", "model.layers.{}.self_attn.qkv_proj.weight"),
    names(&[Role::AttentionOutput], "blk.{}.attn_output.weight", "model.layers.{}.self_attn.o_proj.weight"),
    names(&[Role::Gate, Role::Up], "blk.{}.ffn_up.weight", "model.layers.{}.mlp.gate_up_proj.weight"),
    names(&[Role::Down], "blk.{}.ffn_down.weight", "model.layers.{}.mlp.down_proj.weight"),
];
