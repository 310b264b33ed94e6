//! `bitnet`: BitNet b1.58 (Ma et al. 2025, arXiv:2504.12285): Llama with ternary matrices, which read
//! values of 8 bits, a gate that bends by the square of ReLU, and norms inside the branches.

use crate::error::Result;
use crate::graph::{Builder, ValueId};
use crate::model::{Architecture, Gate, Role};

use super::family::{Defaults, Family, Names, Rotary, names};
use super::llama::{self, LLAMA};
use super::qwen2;
use super::settings::Settings;

/// Names as llama.cpp's converter and `BitNetForCausalLM` give them.
pub(super) const BITNET: Family = Family {
    gguf: Some("bitnet"),
    model_type: "bitnet",
    class: "BitNetForCausalLM",
    models: &["BitNet b1.58 2B4T"],
    rope: Some(Rotary {
        theta: 500_000.0,
        whole: false,
        ..qwen2::ROPE
    }),
    defaults: Defaults {
        rms_norm_eps: 1e-5,
        ..LLAMA.defaults
    },
    biases: &[llama::ATTENTION_BIAS],
    activations: &["relu2", "silu"],
    hf_fields: |fields, a| gate(fields, "hidden_act", "relu2", a),
    // llama.cpp rounds nothing, and bends by SiLU where nothing is said.
    gguf_keys: |keys, a| gate(keys, "hidden_activation", "silu", a),
    tensors: &[
        llama::ENDS,
        llama::NORMS,
        SUB_NORMS,
        llama::ATTENTION,
        llama::FEED_FORWARD,
        llama::QKV_BIASES,
        llama::OUTPUT_BIAS,
    ],
    skipped: &[],
    ternary: true,
    build,
    ..LLAMA
};

#[rustfmt::skip]
const SUB_NORMS: &[Names] = &[
    names(&[Role::AttentionSubNorm], "blk.{}.attn_sub_norm.weight", "model.layers.{}.self_attn.attn_sub_norm.weight"),
    names(&[Role::FeedForwardSubNorm], "blk.{}.ffn_sub_norm.weight", "model.layers.{}.mlp.ffn_sub_norm.weight"),
];

fn gate(settings: &dyn Settings, name: &str, usual: &str, a: &mut Architecture) -> Result<()> {
    let said = settings.text(name)?;
    a.gate = match said.as_deref().unwrap_or(usual) {
        "relu2" => Gate::Relu2,
        "silu" => Gate::Silu,
        other => return Err(settings.unsupported(name, other, "relu2 or silu")),
    };
    Ok(())
}

fn build(g: &mut Builder<'_>) {
    let a = g.architecture();
    let mut x = g.embed(Role::Embedding);
    for _ in 0..a.num_hidden_layers {
        g.layer();
        let normed = self::normed(g, x, Role::AttentionNorm);
        let [query, key, value] = llama::project(g, normed);
        let attended = g.attention(query, key, value);
        let attended = self::normed(g, attended, Role::AttentionSubNorm);
        let output = g.linear(attended, Role::AttentionOutput);
        x = g.add(x, output);

        let normed = self::normed(g, x, Role::FeedForwardNorm);
        let gate = g.linear(normed, Role::Gate);
        let up = g.linear(normed, Role::Up);
        let hidden = match a.gate {
            Gate::Relu2 => g.relu2_mul(gate, up),
            Gate::Silu => g.silu_mul(gate, up),
        };
        let hidden = self::normed(g, hidden, Role::FeedForwardSubNorm);
        let down = g.linear(hidden, Role::Down);
        x = g.add(x, down);
    }
    g.head();
    let normed = g.rms_norm(x, Role::OutputNorm);
    g.logits(normed);
}

/// What matrices read.
fn normed(g: &mut Builder<'_>, x: ValueId, gain: Role) -> ValueId {
    let normed = g.rms_norm(x, gain);
    match g.architecture().rounded {
        true => g.round_i8(normed),
        false => normed,
    }
}
