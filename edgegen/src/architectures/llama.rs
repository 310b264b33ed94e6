//! `llama`: Llama (Touvron et al. 2023, arXiv:2302.13971), SmolLM, TinyLlama and others of the same
//! network.

use crate::graph::{Builder, ValueId};
use crate::model::{Role, RopeLayout};

use super::family::{Defaults, Family, Layouts, Names, names};

/// Names as llama.cpp's converter and `LlamaForCausalLM` give them.
pub(super) const LLAMA: Family = Family {
    gguf: "llama",
    model_type: "llama",
    rope: Some(Layouts {
        gguf: RopeLayout::Interleaved,
        hf: RopeLayout::Halves,
    }),
    gguf_eps: "attention.layer_norm_rms_epsilon",
    attributes: &[],
    defaults: Defaults {
        rms_norm_eps: 1e-6,
        tie_word_embeddings: false,
        intermediate_size: None,
        grouped: true,
        biases: true,
    },
    activations: &["silu", "swish"],
    fields: &[],
    tensors: &[WEIGHTS, QKV_BIASES, BIASES],
    // The frequencies of plain RoPE, which old files store again.
    skipped: &["rotary_emb.inv_freq", "attn_rot_embd"],
    hf_prefix: "",
    build,
};

/// The tensors of each such network.
#[rustfmt::skip]
pub(super) const WEIGHTS: &[Names] = &[
    names(&[Role::Embedding], "token_embd.weight", "model.embed_tokens.weight"),
    names(&[Role::AttentionNorm], "blk.{}.attn_norm.weight", "model.layers.{}.input_layernorm.weight"),
    names(&[Role::Query], "blk.{}.attn_q.weight", "model.layers.{}.self_attn.q_proj.weight"),
    names(&[Role::Key], "blk.{}.attn_k.weight", "model.layers.{}.self_attn.k_proj.weight"),
    names(&[Role::Value], "blk.{}.attn_v.weight", "model.layers.{}.self_attn.v_proj.weight"),
    names(&[Role::AttentionOutput], "blk.{}.attn_output.weight", "model.layers.{}.self_attn.o_proj.weight"),
    names(&[Role::FeedForwardNorm], "blk.{}.ffn_norm.weight", "model.layers.{}.post_attention_layernorm.weight"),
    names(&[Role::Gate], "blk.{}.ffn_gate.weight", "model.layers.{}.mlp.gate_proj.weight"),
    names(&[Role::Up], "blk.{}.ffn_up.weight", "model.layers.{}.mlp.up_proj.weight"),
    names(&[Role::Down], "blk.{}.ffn_down.weight", "model.layers.{}.mlp.down_proj.weight"),
    names(&[Role::OutputNorm], "output_norm.weight", "model.norm.weight"),
    names(&[Role::Output], "output.weight", "lm_head.weight"),
];

/// The biases of queries, keys and values.
#[rustfmt::skip]
pub(super) const QKV_BIASES: &[Names] = &[
    names(&[Role::QueryBias], "blk.{}.attn_q.bias", "model.layers.{}.self_attn.q_proj.bias"),
    names(&[Role::KeyBias], "blk.{}.attn_k.bias", "model.layers.{}.self_attn.k_proj.bias"),
    names(&[Role::ValueBias], "blk.{}.attn_v.bias", "model.layers.{}.self_attn.v_proj.bias"),
];

#[rustfmt::skip]
const BIASES: &[Names] = &[
    names(&[Role::AttentionOutputBias], "blk.{}.attn_output.bias", "model.layers.{}.self_attn.o_proj.bias"),
    names(&[Role::GateBias], "blk.{}.ffn_gate.bias", "model.layers.{}.mlp.gate_proj.bias"),
    names(&[Role::UpBias], "blk.{}.ffn_up.bias", "model.layers.{}.mlp.up_proj.bias"),
    names(&[Role::DownBias], "blk.{}.ffn_down.bias", "model.layers.{}.mlp.down_proj.bias"),
];

fn build(g: &mut Builder<'_>) {
    network(g, |g, x| QKV.map(|role| g.linear(x, role)));
}

/// What attention takes.
pub(super) const QKV: [Role; 3] = [Role::Query, Role::Key, Role::Value];

/// The network, with the queries, keys and values that `project` makes of a layer's normed input.
pub(super) fn network(
    g: &mut Builder<'_>,
    project: impl Fn(&mut Builder<'_>, ValueId) -> [ValueId; 3],
) {
    let a = g.architecture();
    let rope = g.rope_table();
    let mut x = g.embed(Role::Embedding);
    for _ in 0..a.num_hidden_layers {
        g.layer();
        let normed = g.rms_norm(x, Role::AttentionNorm);
        let [query, key, value] = project(g, normed);
        let query = g.rope(query, rope);
        let key = g.rope(key, rope);
        let attended = g.attention(query, key, value);
        let output = g.linear(attended, Role::AttentionOutput);
        x = g.add(x, output);

        let normed = g.rms_norm(x, Role::FeedForwardNorm);
        let gate = g.linear(normed, Role::Gate);
        let up = g.linear(normed, Role::Up);
        let hidden = g.silu_mul(gate, up);
        let down = g.linear(hidden, Role::Down);
        x = g.add(x, down);
    }
    g.head();
    let normed = g.rms_norm(x, Role::OutputNorm);
    g.logits(normed);
}
