//! What networks of LayerNorm and RoPE have in common, be their branches one after the other or
//! side by side.

use crate::graph::{Builder, ValueId};
use crate::model::Role;

use super::family::{Names, names};
use super::llama;

/// What the branches of a layer read.
#[derive(Clone, Copy)]
pub(super) enum Branches {
    /// The second reads the residual stream with what the first added, through a norm of its own.
    InTurn,
    /// Both read the stream at the layer's beginning, each through a norm of its own.
    Apart,
    /// Both read it through one norm.
    Together,
}

/// A product by a role's matrix, with its bias or without: [`Builder::linear`], [`Builder::biased`].
pub(super) type Project = for<'b> fn(&mut Builder<'b>, ValueId, Role) -> ValueId;

/// The biases of the norms.
#[rustfmt::skip]
pub(super) const BIASES: &[Names] = &[
    names(&[Role::AttentionNormBias], "blk.{}.attn_norm.bias", "model.layers.{}.input_layernorm.bias"),
    names(&[Role::FeedForwardNormBias], "blk.{}.ffn_norm.bias", "model.layers.{}.post_attention_layernorm.bias"),
    names(&[Role::OutputNormBias], "output_norm.bias", "model.norm.bias"),
];

/// The network up to what the output projection reads. `project` makes queries, keys, values and
/// what attention gives; `feed_forward` is the other branch, behind its norm.
pub(super) fn network(
    g: &mut Builder<'_>,
    branches: Branches,
    project: Project,
    feed_forward: impl Fn(&mut Builder<'_>, ValueId) -> ValueId,
) -> ValueId {
    let mut x = g.embed(Role::Embedding);
    for _ in 0..g.architecture().num_hidden_layers {
        g.layer();
        let normed = g.layer_norm(x, Role::AttentionNorm, Role::AttentionNormBias);
        let projected = llama::QKV.map(|role| project(g, normed, role));
        let [query, key, value] = llama::rotated(g, projected);
        let attended = g.attention(query, key, value);
        let output = project(g, attended, Role::AttentionOutput);
        let second = |g: &mut Builder<'_>, x| {
            g.layer_norm(x, Role::FeedForwardNorm, Role::FeedForwardNormBias)
        };
        x = match branches {
            Branches::InTurn => {
                let x = g.add(x, output);
                let normed = second(g, x);
                let down = feed_forward(g, normed);
                g.add(x, down)
            }
            Branches::Apart | Branches::Together => {
                let normed = match branches {
                    Branches::Together => normed,
                    _ => second(g, x),
                };
                let down = feed_forward(g, normed);
                let x = g.add(x, output);
                g.add(x, down)
            }
        };
    }
    g.head();
    g.layer_norm(x, Role::OutputNorm, Role::OutputNormBias)
}
