//! `qwen2`: Qwen2 and Qwen2.5 (Yang et al. 2024, arXiv:2407.10671): Llama with biases of queries,
//! keys and values.

use crate::graph::Builder;
use crate::model::RopeLayout;

use super::family::{Defaults, Family, Rotary};
use super::llama::{self, LLAMA};
use super::windows;

/// Names as llama.cpp's converter and `Qwen2ForCausalLM` give them.
pub(super) const QWEN2: Family = Family {
    gguf: Some("qwen2"),
    model_type: "qwen2",
    class: "Qwen2ForCausalLM",
    models: &[
        "Qwen2 0.5B–7B",
        "Qwen2.5 0.5B–7B",
        "Qwen2.5 Coder 0.5B–7B",
        "DeepSeek-R1-Distill-Qwen 1.5B–7B",
    ],
    rope: Some(ROPE),
    defaults: Defaults {
        max_position_embeddings: 32_768,
        ..LLAMA.defaults
    },
    biases: &[],
    hf_fields: windows::from_a_layer,
    tensors: &[
        llama::ENDS,
        llama::NORMS,
        llama::ATTENTION,
        llama::FEED_FORWARD,
        llama::QKV_BIASES,
    ],
    skipped: &[],
    build,
    ..LLAMA
};

/// Rows in the order of both formats.
pub(super) const ROPE: Rotary = Rotary {
    gguf: RopeLayout::Halves,
    ..llama::ROPE
};

fn build(g: &mut Builder<'_>) {
    llama::network(g, |g, x| {
        let projected = llama::QKV.map(|role| g.biased(x, role));
        llama::rotated(g, projected)
    });
}
