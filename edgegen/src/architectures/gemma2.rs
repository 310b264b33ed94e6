//! `gemma2`: Gemma 2 (Gemma Team 2024, arXiv:2408.00118): norms before and after the branches, whose
//! gains are stored less 1, a gate that bends by GELU, a window in every other layer, and bounds of
//! scores and logits.

use crate::error::Result;
use crate::graph::{Builder, ValueId};
use crate::model::{Architecture, Caps, Role};

use super::family::{Defaults, Family, Names, Rotary, less_one, names};
use super::llama::{self, LLAMA};
use super::settings::Settings;
use super::{qwen2, windows};

/// Names as llama.cpp's converter and `Gemma2ForCausalLM` give them.
pub(super) const GEMMA2: Family = Family {
    gguf: Some("gemma2"),
    model_type: "gemma2",
    class: "Gemma2ForCausalLM",
    models: &["Gemma 2 2B–9B"],
    rope: Some(ROPE),
    attributes: &[("hidden_act", "hidden_activation")],
    defaults: Defaults {
        tie_word_embeddings: true,
        max_position_embeddings: 8192,
        head_dim: Some(256),
        ..LLAMA.defaults
    },
    biases: &[llama::ATTENTION_BIAS],
    activations: &["gelu_pytorch_tanh"],
    // Which cache a library uses; and what older files say beside `hidden_activation`, where nobody
    // reads it.
    fields: &[("hidden_act", &[])],
    hf_fields,
    gguf_keys,
    tensors: &[
        ENDS,
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

/// The tensors around the layers.
#[rustfmt::skip]
pub(super) const ENDS: &[Names] = &[
    names(&[Role::Embedding], "token_embd.weight", "model.embed_tokens.weight"),
    less_one(&[Role::OutputNorm], "output_norm.weight", "model.norm.weight"),
    names(&[Role::Output], "output.weight", "lm_head.weight"),
];

/// The norms around the branches.
#[rustfmt::skip]
pub(super) const NORMS: &[Names] = &[
    less_one(&[Role::AttentionNorm], "blk.{}.attn_norm.weight", "model.layers.{}.input_layernorm.weight"),
    less_one(&[Role::AttendedNorm], "blk.{}.post_attention_norm.weight", "model.layers.{}.post_attention_layernorm.weight"),
    less_one(&[Role::FeedForwardNorm], "blk.{}.ffn_norm.weight", "model.layers.{}.pre_feedforward_layernorm.weight"),
    less_one(&[Role::FedForwardNorm], "blk.{}.post_ffw_norm.weight", "model.layers.{}.post_feedforward_layernorm.weight"),
];

/// Rows in the order of both formats.
pub(super) const ROPE: Rotary = Rotary {
    whole: false,
    ..qwen2::ROPE
};

/// The bounds of a file that does not speak of them, as transformers and llama.cpp have them.
const CAPS: Caps = Caps {
    scores: Some(50.0),
    logits: Some(30.0),
};

/// What scores are divided by the root of, where a Hugging Face file does not say it.
const QUERY_SCALAR: f64 = 256.0;

/// Layers from the first on, every other.
fn has_window(layer: usize) -> bool {
    layer.is_multiple_of(2)
}

fn hf_fields(fields: &dyn Settings, a: &mut Architecture) -> Result<()> {
    constants(fields, a, CAPS)?;
    let window = windows::size(fields)?;
    windows::by_types(fields, a, Some(window), has_window).map(drop)
}

fn gguf_keys(keys: &dyn Settings, a: &mut Architecture) -> Result<()> {
    scale_embedding(a);
    caps(keys, a, CAPS)?;
    windows::by_pattern(keys, a, Some(windows::SIZE), has_window).map(drop)
}

/// What Hugging Face's files of Gemma 2 and 3 say of factors and bounds.
pub(super) fn constants(fields: &dyn Settings, a: &mut Architecture, usual: Caps) -> Result<()> {
    scale_embedding(a);
    let scalar = fields.number("query_pre_attn_scalar")?;
    a.attention_scale = (1.0 / scalar.unwrap_or(QUERY_SCALAR).sqrt()) as f32;
    if fields.flag("use_bidirectional_attention")? == Some(true) {
        return Err(fields.unsupported("use_bidirectional_attention", "true", "false"));
    }
    caps(fields, a, usual)
}

/// Of one name in both formats; null is none, and `usual` is meant where nothing is said.
pub(super) fn caps(settings: &dyn Settings, a: &mut Architecture, usual: Caps) -> Result<()> {
    let cap = |name, usual| match settings.has(name) {
        true => Ok(settings.number(name)?.map(|cap| cap as f32)),
        false => Ok(usual),
    };
    a.caps = Caps {
        scores: cap("attn_logit_softcapping", usual.scores)?,
        logits: cap("final_logit_softcapping", usual.logits)?,
    };
    Ok(())
}

/// No file says it.
pub(super) fn scale_embedding(a: &mut Architecture) {
    a.multipliers.embedding = (a.hidden_size as f64).sqrt() as f32;
}

fn build(g: &mut Builder<'_>) {
    network(g, llama::project);
}

/// The network, with the queries, keys and values that `project` makes of a layer's normed input.
pub(super) fn network(
    g: &mut Builder<'_>,
    project: impl Fn(&mut Builder<'_>, ValueId) -> [ValueId; 3],
) {
    let a = g.architecture();
    let mut x = g.embed(Role::Embedding);
    x = g.scale(x, a.multipliers.embedding);
    for _ in 0..a.num_hidden_layers {
        g.layer();
        let normed = g.rms_norm(x, Role::AttentionNorm);
        let [query, key, value] = project(g, normed);
        let attended = g.attention(query, key, value);
        let output = g.linear(attended, Role::AttentionOutput);
        let output = g.rms_norm(output, Role::AttendedNorm);
        x = g.add(x, output);

        let normed = g.rms_norm(x, Role::FeedForwardNorm);
        let gate = g.linear(normed, Role::Gate);
        let up = g.linear(normed, Role::Up);
        let hidden = g.gelu_mul(gate, up);
        let down = g.linear(hidden, Role::Down);
        let down = g.rms_norm(down, Role::FedForwardNorm);
        x = g.add(x, down);
    }
    g.head();
    let normed = g.rms_norm(x, Role::OutputNorm);
    g.logits(normed);
}
