//! Llama (Touvron et al. 2023, arXiv:2302.13971).

use crate::model::Role;

use super::Builder;

pub(super) fn build(g: &mut Builder<'_>) {
    let a = g.architecture();
    let rope = g.rope_table(&a.rope);
    let mut x = g.embed(Role::Embedding);
    for _ in 0..a.num_hidden_layers {
        g.layer();
        let normed = g.rms_norm(x, Role::AttentionNorm);
        let query = g.linear(normed, Role::Query);
        let key = g.linear(normed, Role::Key);
        let value = g.linear(normed, Role::Value);
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
    let mut normed = g.rms_norm(x, Role::OutputNorm);
    if g.has(Role::OutputMix) {
        normed = g.linear(normed, Role::OutputMix);
    }
    g.logits(normed);
}
