//! `llama`: Llama (Touvron et al. 2023, arXiv:2302.13971), SmolLM, TinyLlama and others of the same
//! network.

use crate::graph::{Builder, ValueId};
use crate::model::{Role, RopeLayout};

use super::family::{Defaults, Family, Names, Rotary, names, nothing};

/// Names as llama.cpp's converter and `LlamaForCausalLM` give them.
pub(super) const LLAMA: Family = Family {
    gguf: Some("llama"),
    model_type: "llama",
    class: "LlamaForCausalLM",
    models: &[
        "Llama 2 7B",
        "Llama 3 8B",
        "Llama 3.1 8B",
        "Llama 3.2 1B–3B",
        "SmolLM 135M–1.7B",
        "SmolLM2 135M–1.7B",
        "TinyLlama 1.1B",
        "Falcon3 1B–7B",
    ],
    rope: Some(ROPE),
    gguf_eps: "attention.layer_norm_rms_epsilon",
    attributes: &[],
    defaults: Defaults {
        rms_norm_eps: 1e-6,
        tie_word_embeddings: false,
        max_position_embeddings: 2048,
        head_dim: None,
        intermediate_size: None,
        grouped: true,
        biases: false,
    },
    biases: &[
        ATTENTION_BIAS,
        ("mlp_bias", &[Role::GateBias, Role::UpBias, Role::DownBias]),
    ],
    hf_fields: nothing,
    gguf_keys: nothing,
    activations: &["silu", "swish"],
    // Another word for what `hidden_act` says, in Falcon 3.
    fields: &[("activation", &["swiglu"])],
    tensors: &[
        ENDS,
        NORMS,
        ATTENTION,
        FEED_FORWARD,
        QKV_BIASES,
        OUTPUT_BIAS,
        FEED_FORWARD_BIASES,
    ],
    // The frequencies of plain RoPE, which old files store again.
    skipped: &["rotary_emb.inv_freq", "attn_rot_embd"],
    ternary: false,
    hf_prefix: "",
    build,
};

/// Rows in the order of both formats.
pub(super) const ROPE: Rotary = Rotary {
    gguf: RopeLayout::Interleaved,
    hf: RopeLayout::Halves,
    theta: 10_000.0,
    part: None,
    whole: true,
    alpha: false,
    original: None,
};

/// The flag of biases in the attention.
pub(super) const ATTENTION_BIAS: (&str, &[Role]) = (
    "attention_bias",
    &[
        Role::QueryBias,
        Role::KeyBias,
        Role::ValueBias,
        Role::AttentionOutputBias,
    ],
);

/// The tensors around the layers.
#[rustfmt::skip]
pub(super) const ENDS: &[Names] = &[
    names(&[Role::Embedding], "token_embd.weight", "model.embed_tokens.weight"),
    names(&[Role::OutputNorm], "output_norm.weight", "model.norm.weight"),
    names(&[Role::Output], "output.weight", "lm_head.weight"),
];

/// The norms before the branches.
#[rustfmt::skip]
pub(super) const NORMS: &[Names] = &[
    names(&[Role::AttentionNorm], "blk.{}.attn_norm.weight", "model.layers.{}.input_layernorm.weight"),
    names(&[Role::FeedForwardNorm], "blk.{}.ffn_norm.weight", "model.layers.{}.post_attention_layernorm.weight"),
];

/// The matrices of attention.
#[rustfmt::skip]
pub(super) const ATTENTION: &[Names] = &[
    names(&[Role::Query], "blk.{}.attn_q.weight", "model.layers.{}.self_attn.q_proj.weight"),
    names(&[Role::Key], "blk.{}.attn_k.weight", "model.layers.{}.self_attn.k_proj.weight"),
    names(&[Role::Value], "blk.{}.attn_v.weight", "model.layers.{}.self_attn.v_proj.weight"),
    names(&[Role::AttentionOutput], "blk.{}.attn_output.weight", "model.layers.{}.self_attn.o_proj.weight"),
];

/// The matrices of the feed-forward network.
#[rustfmt::skip]
pub(super) const FEED_FORWARD: &[Names] = &[
    names(&[Role::Gate], "blk.{}.ffn_gate.weight", "model.layers.{}.mlp.gate_proj.weight"),
    names(&[Role::Up], "blk.{}.ffn_up.weight", "model.layers.{}.mlp.up_proj.weight"),
    names(&[Role::Down], "blk.{}.ffn_down.weight", "model.layers.{}.mlp.down_proj.weight"),
];

/// The biases of queries, keys and values.
#[rustfmt::skip]
pub(super) const QKV_BIASES: &[Names] = &[
    names(&[Role::QueryBias], "blk.{}.attn_q.bias", "model.layers.{}.self_attn.q_proj.bias"),
    names(&[Role::KeyBias], "blk.{}.attn_k.bias", "model.layers.{}.self_attn.k_proj.bias"),
    names(&[Role::ValueBias], "blk.{}.attn_v.bias", "model.layers.{}.self_attn.v_proj.bias"),
];

/// The bias of what attention gives.
#[rustfmt::skip]
pub(super) const OUTPUT_BIAS: &[Names] = &[
    names(&[Role::AttentionOutputBias], "blk.{}.attn_output.bias", "model.layers.{}.self_attn.o_proj.bias"),
];

/// The biases of the feed-forward network.
#[rustfmt::skip]
pub(super) const FEED_FORWARD_BIASES: &[Names] = &[
    names(&[Role::GateBias], "blk.{}.ffn_gate.bias", "model.layers.{}.mlp.gate_proj.bias"),
    names(&[Role::UpBias], "blk.{}.ffn_up.bias", "model.layers.{}.mlp.up_proj.bias"),
    names(&[Role::DownBias], "blk.{}.ffn_down.bias", "model.layers.{}.mlp.down_proj.bias"),
];

fn build(g: &mut Builder<'_>) {
    network(g, project);
}

/// What attention takes of a layer's input.
pub(super) fn project(g: &mut Builder<'_>, x: ValueId) -> [ValueId; 3] {
    let projected = QKV.map(|role| g.linear(x, role));
    rotated(g, projected)
}

/// What the feed-forward network gives, whose gate bends by SiLU.
pub(super) fn feed_forward(g: &mut Builder<'_>, x: ValueId) -> ValueId {
    let gate = g.linear(x, Role::Gate);
    let up = g.linear(x, Role::Up);
    let hidden = g.silu_mul(gate, up);
    g.linear(hidden, Role::Down)
}

/// What attention takes.
pub(super) const QKV: [Role; 3] = [Role::Query, Role::Key, Role::Value];

/// What attention takes, its queries and keys rotated.
pub(super) fn rotated(g: &mut Builder<'_>, projected: [ValueId; 3]) -> [ValueId; 3] {
    let [query, key, value] = projected;
    [g.rope(query), g.rope(key), value]
}

/// The network, with the queries, keys and values that `project` makes of a layer's normed input.
pub(super) fn network(
    g: &mut Builder<'_>,
    project: impl Fn(&mut Builder<'_>, ValueId) -> [ValueId; 3],
) {
    let a = g.architecture();
    let factors = a.multipliers;
    let mut x = g.embed(Role::Embedding);
    x = g.scale(x, factors.embedding);
    for _ in 0..a.num_hidden_layers {
        g.layer();
        let normed = g.rms_norm(x, Role::AttentionNorm);
        let [query, key, value] = project(g, normed);
        let attended = g.attention(query, key, value);
        let output = g.linear(attended, Role::AttentionOutput);
        let output = g.scale(output, factors.residual);
        x = g.add(x, output);

        let normed = g.rms_norm(x, Role::FeedForwardNorm);
        let down = feed_forward(g, normed);
        let down = g.scale(down, factors.residual);
        x = g.add(x, down);
    }
    g.head();
    let normed = g.rms_norm(x, Role::OutputNorm);
    let normed = g.scale(normed, factors.logits);
    g.logits(normed);
}
