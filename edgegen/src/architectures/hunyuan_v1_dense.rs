//! `hunyuan_v1_dense`: Hunyuan (Tencent 2025), the dense ones: Llama with norms of each head's
//! queries and keys, after RoPE.

use crate::graph::Builder;
use crate::model::Role;

use super::family::{Defaults, Family, Names, Rotary, names};
use super::llama::{self, LLAMA};
use super::qwen2;

/// Names as llama.cpp's converter and `HunYuanDenseV1ForCausalLM` give them.
pub(super) const HUNYUAN_V1_DENSE: Family = Family {
    gguf: Some("hunyuan-dense"),
    model_type: "hunyuan_v1_dense",
    class: "HunYuanDenseV1ForCausalLM",
    models: &["Hunyuan 0.5B–7B"],
    rope: Some(Rotary {
        alpha: true,
        ..qwen2::ROPE
    }),
    defaults: Defaults {
        rms_norm_eps: 1e-5,
        ..LLAMA.defaults
    },
    biases: &[llama::ATTENTION_BIAS],
    fields: &[
        // Tokens.
        ("im_end_id", &[]),
        ("im_newline_id", &[]),
        ("im_start_id", &[]),
        ("image_token_id", &[]),
        ("mask_init_id", &[]),
        ("pad_id", &[]),
        ("text_end_id", &[]),
        ("text_start_id", &[]),
        // They are of classifiers, and of switches that are off.
        ("cla_share_factor", &[]),
        ("class_num", &[]),
        ("dense_list", &[]),
        ("org_vocab_size", &[]),
        ("pool_type", &[]),
        // `head_dim` says it.
        ("attention_head_dim", &[]),
        // Of the class with experts.
        ("num_experts", &["1"]),
        // No code reads them: the network has these norms.
        ("norm_type", &["rms"]),
        ("use_qk_norm", &[]),
    ],
    tensors: &[
        llama::ENDS,
        llama::NORMS,
        llama::ATTENTION,
        llama::FEED_FORWARD,
        NORMS,
        llama::QKV_BIASES,
        llama::OUTPUT_BIAS,
    ],
    skipped: &[],
    build,
    ..LLAMA
};

#[rustfmt::skip]
const NORMS: &[Names] = &[
    names(&[Role::QueryNorm], "blk.{}.attn_q_norm.weight", "model.layers.{}.self_attn.query_layernorm.weight"),
    names(&[Role::KeyNorm], "blk.{}.attn_k_norm.weight", "model.layers.{}.self_attn.key_layernorm.weight"),
];

fn build(g: &mut Builder<'_>) {
    llama::network(g, |g, x| {
        let projected = llama::QKV.map(|role| g.linear(x, role));
        let [query, key, value] = llama::rotated(g, projected);
        let query = g.head_norm(query, Role::QueryNorm);
        let key = g.head_norm(key, Role::KeyNorm);
        [query, key, value]
    });
}
