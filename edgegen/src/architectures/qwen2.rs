//! `qwen2`: Qwen2 and Qwen2.5 (Yang et al. 2024, arXiv:2407.10671): Llama with biases of queries,
//! keys and values.

use crate::graph::Builder;
use crate::model::{Role, RopeLayout};

use super::family::{Defaults, Family, Layouts, names};

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
    #[rustfmt::skip]
    tensors: &[
        names(&[Role::Embedding], "token_embd.weight", "model.embed_tokens.weight"),
        names(&[Role::AttentionNorm], "blk.{}.attn_norm.weight", "model.layers.{}.input_layernorm.weight"),
        names(&[Role::Query], "blk.{}.attn_q.weight", "model.layers.{}.self_attn.q_proj.weight"),
        names(&[Role::QueryBias], "blk.{}.attn_q.bias", "model.layers.{}.self_attn.q_proj.bias"),
        names(&[Role::Key], "blk.{}.attn_k.weight", "model.layers.{}.self_attn.k_proj.weight"),
        names(&[Role::KeyBias], "blk.{}.attn_k.bias", "model.layers.{}.self_attn.k_proj.bias"),
        names(&[Role::Value], "blk.{}.attn_v.weight", "model.layers.{}.self_attn.v_proj.weight"),
        names(&[Role::ValueBias], "blk.{}.attn_v.bias", "model.layers.{}.self_attn.v_proj.bias"),
        names(&[Role::AttentionOutput], "blk.{}.attn_output.weight", "model.layers.{}.self_attn.o_proj.weight"),
        names(&[Role::FeedForwardNorm], "blk.{}.ffn_norm.weight", "model.layers.{}.post_attention_layernorm.weight"),
        names(&[Role::Gate], "blk.{}.ffn_gate.weight", "model.layers.{}.mlp.gate_proj.weight"),
        names(&[Role::Up], "blk.{}.ffn_up.weight", "model.layers.{}.mlp.up_proj.weight"),
        names(&[Role::Down], "blk.{}.ffn_down.weight", "model.layers.{}.mlp.down_proj.weight"),
        names(&[Role::OutputNorm], "output_norm.weight", "model.norm.weight"),
        names(&[Role::Output], "output.weight", "lm_head.weight"),
    ],
    skipped: &[],
    hf_prefix: "",
    build,
};

fn build(g: &mut Builder<'_>) {
    let a = g.architecture();
    let rope = g.rope_table();
    let mut x = g.embed(Role::Embedding);
    for _ in 0..a.num_hidden_layers {
        g.layer();
        let normed = g.rms_norm(x, Role::AttentionNorm);
        let query = g.biased(normed, Role::Query);
        let key = g.biased(normed, Role::Key);
        let value = g.biased(normed, Role::Value);
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
