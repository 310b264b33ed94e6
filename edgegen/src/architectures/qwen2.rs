//! `qwen2`: Qwen2 and Qwen2.5 (Yang et al. 2024, arXiv:2407.10671): Llama with biases of queries,
//! keys and values.

use crate::graph::Builder;
use crate::model::RopeLayout;

use super::family::{Defaults, Family, Layouts};
use super::llama;

/// Names as llama.cpp's converter and `Qwen2ForCausalLM` give them.
pub(super) const QWEN2: Family = Family {
    gguf: "qwen2",
    model_type: "qwen2",
    rope: Some(Layouts {
        gguf: RopeLayout::Halves,
        hf: RopeLayout::Halves,
    }),
    gguf_eps: "attention.layer_norm_rms_epsilon",
    attributes: &[],
    defaults: Defaults {
        rms_norm_eps: 1e-6,
        tie_word_embeddings: false,
        intermediate_size: None,
        grouped: true,
        biases: false,
    },
    activations: &["silu", "swish"],
    fields: &[
        // The width of windows that are off.
        ("sliding_window", &[]),
        ("use_sliding_window", &["false"]),
    ],
    tensors: &[llama::WEIGHTS, llama::QKV_BIASES],
    skipped: &[],
    hf_prefix: "",
    build,
};

fn build(g: &mut Builder<'_>) {
    llama::network(g, |g, x| llama::QKV.map(|role| g.biased(x, role)));
}
