//! `phi3`: Phi-3 and Phi-4-mini (Abdin et al. 2024, arXiv:2404.14219): Llama whose files join
//! matrices, and whose RoPE may turn a part of each head only.

use crate::error::Result;
use crate::model::{Architecture, Role};

use super::family::{Defaults, Family, Names, Rotary, names};
use super::llama::{self, LLAMA};
use super::qwen2;
use super::settings::Settings;

/// Names as llama.cpp's converter and `Phi3ForCausalLM` give them.
pub(super) const PHI3: Family = Family {
    gguf: "phi3",
    model_type: "phi3",
    rope: Some(Rotary {
        part: Some(1.0),
        ..qwen2::ROPE
    }),
    defaults: Defaults {
        rms_norm_eps: 1e-5,
        ..LLAMA.defaults
    },
    biases: &[],
    hf_fields: |fields, a| refuse_window(fields, "sliding_window", a),
    gguf_keys: |keys, a| refuse_window(keys, "attention.sliding_window", a),
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

/// Of 0, there is none.
fn refuse_window(settings: &dyn Settings, name: &str, a: &mut Architecture) -> Result<()> {
    let window = settings.size(name)?.filter(|&window| window != 0);
    settings.refuse_window(name, window, a.max_position_embeddings)
}
