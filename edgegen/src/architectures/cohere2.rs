//! `cohere2`: Command R7B (Cohere 2024): branches side by side behind one LayerNorm without bias, a
//! window in three of four layers, and RoPE in these alone.

use crate::error::Result;
use crate::graph::Builder;
use crate::model::{Architecture, Role, RopeLayout};

use super::family::{Defaults, Family, Names, Rotary, names};
use super::llama::{self, LLAMA};
use super::settings::Settings;
use super::windows;

/// Names as llama.cpp's converter and `Cohere2ForCausalLM` give them.
pub(super) const COHERE2: Family = Family {
    gguf: Some("cohere2"),
    model_type: "cohere2",
    class: "Cohere2ForCausalLM",
    models: &["Command R7B"],
    rope: Some(Rotary {
        hf: RopeLayout::Interleaved,
        whole: false,
        ..llama::ROPE
    }),
    gguf_eps: "attention.layer_norm_epsilon",
    attributes: &[("rms_norm_eps", "layer_norm_eps")],
    defaults: Defaults {
        rms_norm_eps: 1e-5,
        tie_word_embeddings: true,
        max_position_embeddings: 8192,
        ..LLAMA.defaults
    },
    biases: &[llama::ATTENTION_BIAS],
    fields: &[
        // What no code reads.
        ("order_of_interleaved_layers", &[]),
        ("position_embedding_type", &["rope_gptj"]),
        ("rotary_pct", &["1.0", "1"]),
        ("use_embedding_sharing", &["true"]),
        ("use_gated_activation", &["true"]),
        ("use_parallel_block", &["true"]),
        ("use_parallel_embedding", &["false"]),
        ("use_qk_norm", &["false"]),
    ],
    hf_fields,
    gguf_keys,
    tensors: &[
        llama::ENDS,
        NORMS,
        llama::ATTENTION,
        llama::FEED_FORWARD,
        llama::QKV_BIASES,
        llama::OUTPUT_BIAS,
    ],
    skipped: &[],
    build,
    ..LLAMA
};

#[rustfmt::skip]
const NORMS: &[Names] = &[
    names(&[Role::AttentionNorm], "blk.{}.attn_norm.weight", "model.layers.{}.input_layernorm.weight"),
];

/// Of how many layers the last has no window, where nothing is said.
const PERIOD: usize = 4;

/// The factor on logits of a file that does not speak of it.
const LOGIT_SCALE: f64 = 0.0625;

fn hf_fields(fields: &dyn Settings, a: &mut Architecture) -> Result<()> {
    a.multipliers.logits = fields.number("logit_scale")?.unwrap_or(LOGIT_SCALE) as f32;
    let windowed = windows::by_period(fields, a, PERIOD)?;
    windows::rope_in_alone(a, &windowed);
    Ok(())
}

fn gguf_keys(keys: &dyn Settings, a: &mut Architecture) -> Result<()> {
    a.multipliers.logits = keys.needed_number("logit_scale")? as f32;
    if !keys.has("attention.sliding_window") {
        return Err(keys.missing("attention.sliding_window"));
    }
    let windowed = windows::by_pattern(keys, a, None, windows::but_each(PERIOD))?;
    windows::rope_in_alone(a, &windowed);
    Ok(())
}

fn build(g: &mut Builder<'_>) {
    let a = g.architecture();
    let mut x = g.embed(Role::Embedding);
    for _ in 0..a.num_hidden_layers {
        g.layer();
        let normed = g.layer_norm_gain(x, Role::AttentionNorm);
        let [query, key, value] = llama::project(g, normed);
        let attended = g.attention(query, key, value);
        let output = g.linear(attended, Role::AttentionOutput);
        let down = llama::feed_forward(g, normed);
        x = g.add(x, output);
        x = g.add(x, down);
    }
    g.head();
    let normed = g.layer_norm_gain(x, Role::OutputNorm);
    let normed = g.scale(normed, a.multipliers.logits);
    g.logits(normed);
}
