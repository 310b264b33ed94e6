//! The text model in a model of images or sound, which transformers has in `text_config`.
//!
//! Of the larger model only what its text alone goes through is taken: what the text model is given
//! are the same embeddings, and of the other parts nothing is left.

use serde_json::{Map, Value};

use crate::architectures;
use crate::error::{Error, Result};
use crate::import::config::unsupported;

/// A text model and what it is a part of.
pub(super) struct Wrapped {
    /// `model_type` of the whole.
    pub(super) of: String,
    /// The text model's configuration, as if it were alone.
    pub(super) config: Map<String, Value>,
    /// Where its fields are in the file, but for some.
    place: &'static str,
    /// Those that stand beside its object.
    beside: Vec<&'static str>,
}

impl Wrapped {
    /// Where a field is in the file, by the path to it in the text model's configuration.
    pub(super) fn place_of(&self, field: &str) -> String {
        let first = field.split('.').next().unwrap_or(field);
        let place = match self.beside.contains(&first) {
            true => "",
            false => self.place,
        };
        place.to_owned() + field
    }
}

const TEXT: &str = "text_config";

/// What older files have without an object of its own for the text.
const FLAT: &[(&str, &str)] = &[
    ("qwen2_vl", "qwen2_vl_text"),
    ("qwen2_5_vl", "qwen2_5_vl_text"),
];

/// Wholes whose text goes another way than the text model's own: PaliGemma's prompts are not causal.
const OTHERWISE: &[&str] = &["paligemma"];

/// Fields of images in the text's object or beside it.
const OF_IMAGES: &[&str] = &[
    "image_token_id",
    "neftune_noise_alpha",
    "perceiver_config",
    "pixel_shuffle_factor",
    "video_token_id",
    "vision_config",
    "vision_end_token_id",
    "vision_start_token_id",
    "vision_token_id",
];

/// What counts for the text though it stands beside its object.
const BESIDE: &[&str] = &["eos_token_id", "quantization_config"];

/// A text model's `model_type` here, the architecture, and what a file leaves out where it is as in
/// transformers' class of the configuration, beside what any file of the architecture may.
type Text = (&'static str, &'static str, &'static [(&'static str, u32)]);

const TEXTS: &[Text] = &[
    ("cohere2", "cohere2", COHERE2),
    ("gemma3_text", "gemma3_text", GEMMA3),
    ("granite", "granite", LLAMA),
    ("llama", "llama", LLAMA),
    ("mistral", "mistral", MISTRAL),
    ("qwen2", "qwen2", QWEN2),
    ("qwen2_5_vl_text", "qwen2", QWEN2_VL),
    ("qwen2_vl_text", "qwen2", QWEN2_VL),
    ("qwen3", "qwen3", QWEN3),
];

const COHERE2: &[(&str, u32)] = &[
    ("hidden_size", 8192),
    ("intermediate_size", 22528),
    ("num_attention_heads", 64),
    ("num_hidden_layers", 40),
    ("vocab_size", 256_000),
];

const GEMMA3: &[(&str, u32)] = &[
    ("hidden_size", 2304),
    ("intermediate_size", 9216),
    ("num_attention_heads", 8),
    ("num_hidden_layers", 26),
    ("num_key_value_heads", 4),
    ("vocab_size", 262_208),
];

const LLAMA: &[(&str, u32)] = &[
    ("hidden_size", 4096),
    ("intermediate_size", 11008),
    ("num_attention_heads", 32),
    ("num_hidden_layers", 32),
    ("vocab_size", 32000),
];

const MISTRAL: &[(&str, u32)] = &[
    ("hidden_size", 4096),
    ("intermediate_size", 14336),
    ("num_attention_heads", 32),
    ("num_hidden_layers", 32),
    ("num_key_value_heads", 8),
    ("vocab_size", 32000),
];

const QWEN2: &[(&str, u32)] = &[
    ("hidden_size", 4096),
    ("intermediate_size", 22016),
    ("num_attention_heads", 32),
    ("num_hidden_layers", 32),
    ("num_key_value_heads", 32),
    ("vocab_size", 151_936),
];

const QWEN2_VL: &[(&str, u32)] = &[
    ("hidden_size", 8192),
    ("intermediate_size", 29568),
    ("max_window_layers", 80),
    ("num_attention_heads", 64),
    ("num_hidden_layers", 80),
    ("num_key_value_heads", 8),
    ("vocab_size", 152_064),
];

const QWEN3: &[(&str, u32)] = &[
    ("hidden_size", 4096),
    ("intermediate_size", 22016),
    ("num_attention_heads", 32),
    ("num_hidden_layers", 32),
    ("num_key_value_heads", 32),
    ("vocab_size", 151_936),
];

/// The text model that a configuration wraps, if it wraps one.
pub(super) fn text(whole: &Map<String, Value>) -> Result<Option<Wrapped>> {
    let Some(of) = whole.get("model_type").and_then(Value::as_str) else {
        return Ok(None);
    };
    if architectures::find(|family| family.model_type == of).is_some() {
        return Ok(None);
    }
    let flat = FLAT.iter().find(|(name, _)| *name == of);
    let (mut config, place) = match (whole.get(TEXT), flat) {
        (Some(Value::Object(text)), _) => (text.clone(), "text_config."),
        (None | Some(Value::Null), Some((_, text))) => {
            let mut config = whole.clone();
            config.insert("model_type".into(), (*text).into());
            (config, "")
        }
        _ => return Ok(None),
    };
    if OTHERWISE.contains(&of) {
        return Err(unsupported(
            "model_type",
            of,
            "a model that attends to what is before alone",
        ));
    }
    if whole.get("is_encoder_decoder") == Some(&Value::Bool(true)) {
        return Err(
            Error::unsupported("an encoder before the text is not supported")
                .at("is_encoder_decoder")
                .remedy("use a decoder model"),
        );
    }
    for field in OF_IMAGES {
        config.remove(*field);
    }
    let mut beside = Vec::new();
    for field in BESIDE {
        if let Some(value) = whole.get(*field).filter(|_| is_absent(&config, field)) {
            config.insert((*field).into(), value.clone());
            beside.push(*field);
        }
    }
    complete(&mut config);
    for field in ["rope_scaling", "rope_parameters"] {
        if let Some(Value::Object(rope)) = config.get_mut(field) {
            plain_rope(rope);
        }
    }
    Ok(Some(Wrapped {
        of: of.to_owned(),
        config,
        place,
        beside,
    }))
}

/// Null is as good as absent.
fn is_absent(config: &Map<String, Value>, field: &str) -> bool {
    config.get(field).is_none_or(Value::is_null)
}

/// Adds what transformers has by default.
fn complete(config: &mut Map<String, Value>) {
    let name = config.get("model_type").and_then(Value::as_str);
    let known = TEXTS.iter().find(|(text, ..)| Some(*text) == name);
    let Some((_, architecture, usual)) = known else {
        return;
    };
    config.insert("model_type".into(), (*architecture).into());
    for (field, value) in *usual {
        if is_absent(config, field) {
            config.insert((*field).into(), (*value).into());
        }
    }
}

/// RoPE by time, height and width (Wang et al. 2024, arXiv:2409.12191) is plain RoPE where there is
/// text alone: all three positions are the token's.
fn plain_rope(rope: &mut Map<String, Value>) {
    rope.remove("mrope_section");
    rope.remove("mrope_interleaved");
    for field in ["type", "rope_type"] {
        if rope.get(field).and_then(Value::as_str) == Some("mrope") {
            rope.insert(field.into(), "default".into());
        }
    }
}
