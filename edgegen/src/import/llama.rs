//! The architecture `llama`: Llama, SmolLM, TinyLlama and others of the same network.

use super::description::{Description, Names};
use crate::model::{Role, RopeLayout};

/// Names as llama.cpp's converter and `LlamaForCausalLM` give them.
pub(super) const LLAMA: Description = Description {
    gguf: "llama",
    model_type: "llama",
    gguf_layout: RopeLayout::Interleaved,
    hf_layout: RopeLayout::Halves,
    #[rustfmt::skip]
    tensors: &[
        names(Role::Embedding, "token_embd.weight", "model.embed_tokens.weight"),
        names(Role::AttentionNorm, "blk.{}.attn_norm.weight", "model.layers.{}.input_layernorm.weight"),
        names(Role::Query, "blk.{}.attn_q.weight", "model.layers.{}.self_attn.q_proj.weight"),
        names(Role::QueryBias, "blk.{}.attn_q.bias", "model.layers.{}.self_attn.q_proj.bias"),
        names(Role::Key, "blk.{}.attn_k.weight", "model.layers.{}.self_attn.k_proj.weight"),
        names(Role::KeyBias, "blk.{}.attn_k.bias", "model.layers.{}.self_attn.k_proj.bias"),
        names(Role::Value, "blk.{}.attn_v.weight", "model.layers.{}.self_attn.v_proj.weight"),
        names(Role::ValueBias, "blk.{}.attn_v.bias", "model.layers.{}.self_attn.v_proj.bias"),
        names(Role::AttentionOutput, "blk.{}.attn_output.weight", "model.layers.{}.self_attn.o_proj.weight"),
        names(Role::AttentionOutputBias, "blk.{}.attn_output.bias", "model.layers.{}.self_attn.o_proj.bias"),
        names(Role::FeedForwardNorm, "blk.{}.ffn_norm.weight", "model.layers.{}.post_attention_layernorm.weight"),
        names(Role::Gate, "blk.{}.ffn_gate.weight", "model.layers.{}.mlp.gate_proj.weight"),
        names(Role::GateBias, "blk.{}.ffn_gate.bias", "model.layers.{}.mlp.gate_proj.bias"),
        names(Role::Up, "blk.{}.ffn_up.weight", "model.layers.{}.mlp.up_proj.weight"),
        names(Role::UpBias, "blk.{}.ffn_up.bias", "model.layers.{}.mlp.up_proj.bias"),
        names(Role::Down, "blk.{}.ffn_down.weight", "model.layers.{}.mlp.down_proj.weight"),
        names(Role::DownBias, "blk.{}.ffn_down.bias", "model.layers.{}.mlp.down_proj.bias"),
        names(Role::OutputNorm, "output_norm.weight", "model.norm.weight"),
        names(Role::Output, "output.weight", "lm_head.weight"),
    ],
    // The frequencies of plain RoPE, which old files store again.
    skipped: &["rotary_emb.inv_freq", "attn_rot_embd"],
};

const fn names(role: Role, gguf: &'static str, hf: &'static str) -> Names {
    Names { role, gguf, hf }
}
