//! `ernie4_5`: ERNIE 4.5 (Baidu 2025), the dense ones: Llama whose RoPE pairs neighbours.

use crate::model::{Role, RopeLayout};

use super::family::{Defaults, Family, Rotary};
use super::llama::{self, LLAMA};

/// Names as llama.cpp's converter and `Ernie4_5ForCausalLM` give them.
pub(super) const ERNIE4_5: Family = Family {
    gguf: Some("ernie4_5"),
    model_type: "ernie4_5",
    class: "Ernie4_5ForCausalLM",
    models: &["ERNIE 4.5 0.3B"],
    rope: Some(Rotary {
        hf: RopeLayout::Interleaved,
        theta: 500_000.0,
        ..llama::ROPE
    }),
    defaults: Defaults {
        rms_norm_eps: 1e-5,
        tie_word_embeddings: true,
        max_position_embeddings: 131_072,
        head_dim: Some(128),
        ..LLAMA.defaults
    },
    biases: &[(
        "use_bias",
        &[
            Role::QueryBias,
            Role::KeyBias,
            Role::ValueBias,
            Role::AttentionOutputBias,
            Role::GateBias,
            Role::UpBias,
            Role::DownBias,
        ],
    )],
    // What no code reads.
    fields: &[("use_rmsnorm", &["true"])],
    skipped: &[],
    ..LLAMA
};
