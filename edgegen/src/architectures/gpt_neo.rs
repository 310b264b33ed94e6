//! `gpt_neo`: GPT-Neo (Black et al. 2021, doi:10.5281/zenodo.5297715) and TinyStories (Eldan and Li
//! 2023, arXiv:2305.07759): GPT-2 with a window in some layers, no biases of queries, keys and values,
//! and scores that are not scaled. GGUF has no name for it.

use crate::error::{Error, Result};
use crate::model::{Architecture, Role};

use super::family::{Defaults, Family, Names, names};
use super::gpt2::{self, GPT2};
use super::settings::Settings;
use super::windows;

/// Names as `GPTNeoForCausalLM` gives them.
pub(super) const GPT_NEO: Family = Family {
    gguf: None,
    model_type: "gpt_neo",
    class: "GPTNeoForCausalLM",
    models: &["GPT-Neo 125M–2.7B", "TinyStories 1M–33M"],
    attributes: &[
        ("hidden_act", "activation_function"),
        ("num_attention_heads", "num_heads"),
        ("num_hidden_layers", "num_layers"),
        ("rms_norm_eps", "layer_norm_epsilon"),
        ("sliding_window", "window_size"),
    ],
    defaults: Defaults {
        max_position_embeddings: 2048,
        intermediate_size: Some(4),
        ..GPT2.defaults
    },
    hf_fields,
    fields: &[
        // Of training.
        ("embed_dropout", &[]),
        ("resid_dropout", &[]),
        // Of classifiers.
        ("summary_activation", &[]),
        ("summary_first_dropout", &[]),
        ("summary_proj_to_labels", &[]),
        ("summary_type", &[]),
        ("summary_use_proj", &[]),
    ],
    tensors: &[gpt2::ENDS, gpt2::NORMS, ATTENTION, FEED_FORWARD],
    // Masks of causal attention.
    skipped: &[".attn.attention.bias", ".attn.attention.masked_bias"],
    build: |g| gpt2::network(g, |g, x, role| g.linear(x, role)),
    ..GPT2
};

#[rustfmt::skip]
const ATTENTION: &[Names] = &[
    names(&[Role::Query], "blk.{}.attn_q.weight", "h.{}.attn.attention.q_proj.weight"),
    names(&[Role::Key], "blk.{}.attn_k.weight", "h.{}.attn.attention.k_proj.weight"),
    names(&[Role::Value], "blk.{}.attn_v.weight", "h.{}.attn.attention.v_proj.weight"),
    names(&[Role::AttentionOutput], "blk.{}.attn_output.weight", "h.{}.attn.attention.out_proj.weight"),
    names(&[Role::AttentionOutputBias], "blk.{}.attn_output.bias", "h.{}.attn.attention.out_proj.bias"),
];

#[rustfmt::skip]
const FEED_FORWARD: &[Names] = &[
    names(&[Role::Up], "blk.{}.ffn_up.weight", "h.{}.mlp.c_fc.weight"),
    names(&[Role::UpBias], "blk.{}.ffn_up.bias", "h.{}.mlp.c_fc.bias"),
    names(&[Role::Down], "blk.{}.ffn_down.weight", "h.{}.mlp.c_proj.weight"),
    names(&[Role::DownBias], "blk.{}.ffn_down.bias", "h.{}.mlp.c_proj.bias"),
];

/// The kinds of all layers, and the same in a short form.
const LAYERS: &str = "attention_layers";
const TYPES: &str = "attention_types";

fn hf_fields(fields: &dyn Settings, a: &mut Architecture) -> Result<()> {
    a.attention_scale = 1.0;
    let size = fields.size("sliding_window")?.unwrap_or(256);
    let (name, kinds) = kinds(fields, a)?;
    windows::check_len(fields, name, kinds.len(), a)?;
    let known = |kind: &&String| ["global", "local"].contains(&kind.as_str());
    if let Some(other) = kinds.iter().find(|kind| !known(kind)) {
        return Err(fields.unsupported(name, other, "global or local"));
    }
    let local = windows::layers(a, |layer| kinds[layer] == "local");
    a.window = windows::window(size, &local);
    Ok(())
}

/// The kinds of layers, and the field that has them.
fn kinds(fields: &dyn Settings, a: &Architecture) -> Result<(&'static str, Vec<String>)> {
    let said = fields.repeated_texts(TYPES)?;
    let long = fields.texts(LAYERS)?;
    if let (None, Some(long)) = (&said, &long) {
        return Ok((LAYERS, long.clone()));
    }
    let usual = || vec![(vec!["global".to_owned(), "local".to_owned()], 12)];
    let parts = said.unwrap_or_else(usual).into_iter();
    let parts = parts.filter(|(kinds, _)| !kinds.is_empty());
    let short = parts.flat_map(|(kinds, times)| std::iter::repeat_n(kinds, times));
    // One more than there may be.
    let short: Vec<String> = short.flatten().take(a.num_hidden_layers + 1).collect();
    match long {
        Some(long) if long != short => Err(Error::new(format!("`{LAYERS}` says it differently"))
            .at(TYPES)
            .remedy("correct the file or fetch it again")),
        _ => Ok((TYPES, short)),
    }
}
