//! The model as a Hugging Face folder.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::Result;
use candle_core::{DType, Device};
use serde_json::json;

use crate::model::{CONTEXT, HEAD_DIM, HEADS, HIDDEN, INTERMEDIATE, KV_HEADS, LAYERS, ROPE_THETA};
use crate::vocabulary::{END, START, VOCAB_SIZE};

/// Writes weights as f16 and the configuration beside the tokenizer.
///
/// # Errors
/// If a file cannot be read or written.
pub fn export(weights: &Path, folder: &Path) -> Result<()> {
    let tensors = candle_core::safetensors::load(weights, &Device::Cpu)?;
    let halves = tensors
        .into_iter()
        .map(|(name, tensor)| Ok((name, tensor.to_dtype(DType::F16)?)))
        .collect::<Result<HashMap<_, _>>>()?;
    candle_core::safetensors::save(&halves, folder.join("model.safetensors"))?;
    let config = json!({
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": VOCAB_SIZE,
        "hidden_size": HIDDEN,
        "intermediate_size": INTERMEDIATE,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "head_dim": HEAD_DIM,
        "max_position_embeddings": CONTEXT,
        "rope_theta": ROPE_THETA,
        "rms_norm_eps": 1e-5,
        "hidden_act": "silu",
        "tie_word_embeddings": true,
        "attention_bias": false,
        "mlp_bias": false,
        "bos_token_id": START,
        "eos_token_id": END,
        "torch_dtype": "float16",
    });
    let tokenizer = json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<|start|>",
        "eos_token": "<|end|>",
        "model_max_length": CONTEXT,
    });
    for (name, value) in [
        ("config.json", config),
        ("tokenizer_config.json", tokenizer),
    ] {
        fs::write(
            folder.join(name),
            serde_json::to_string_pretty(&value)? + "\n",
        )?;
    }
    Ok(())
}
