//! The architecture that GGUF's metadata describes.

use super::metadata::Metadata;
use crate::architectures::Family;
use crate::error::{Error, Result};
use crate::import::config::unsupported;
use crate::model::{Architecture, Rope, RopeScaling};

/// Reads shapes and constants.
pub(super) fn architecture(family: &'static Family, metadata: &Metadata) -> Result<Architecture> {
    let keys = Keys {
        prefix: family.gguf,
        metadata,
    };
    let hidden_size = keys.needed_size("embedding_length")?;
    let heads = keys.needed_size("attention.head_count")?;
    let head_dim = match keys.size("attention.key_length")? {
        Some(width) if family.defaults.grouped || width.checked_mul(heads) == Some(hidden_size) => {
            width
        }
        Some(width) => {
            let key = keys.name("attention.key_length");
            let whole = format!("embedding_length / {heads}");
            return Err(unsupported(&key, &width.to_string(), &whole));
        }
        None if heads != 0 && hidden_size % heads == 0 => hidden_size / heads,
        None => {
            return Err(Error::new(format!(
                "an embedding of {hidden_size} cannot be divided among {heads} heads"
            ))
            .at(keys.name("attention.head_count"))
            .remedy("the file is damaged; fetch or convert it again"));
        }
    };
    if let Some(width) = keys.size("attention.value_length")?
        && width != head_dim
    {
        return Err(Error::unsupported(format!(
            "value heads of {width} beside key heads of {head_dim} are not supported"
        ))
        .at(keys.name("attention.value_length"))
        .remedy("use a model whose key and value heads are of one width"));
    }
    if metadata.bool(&keys.name("attention.causal"))? == Some(false) {
        return Err(
            Error::unsupported("attention that is not causal is not supported")
                .at(keys.name("attention.causal"))
                .remedy("use a decoder model; this is an encoder"),
        );
    }
    let max_position_embeddings = keys.needed_size("context_length")?;
    let key_heads = keys.size("attention.head_count_kv")?.unwrap_or(heads);
    if !family.defaults.grouped && key_heads != heads {
        let key = keys.name("attention.head_count_kv");
        return Err(unsupported(
            &key,
            &key_heads.to_string(),
            &heads.to_string(),
        ));
    }
    let eps = family.gguf_eps;
    let eps = metadata.required(&keys.name(eps), keys.float(eps)?)?;
    let architecture = Architecture {
        family,
        hidden_size,
        intermediate_size: keys.needed_size("feed_forward_length")?,
        num_hidden_layers: keys.needed_size("block_count")?,
        num_attention_heads: heads,
        num_key_value_heads: key_heads,
        head_dim,
        vocab_size: vocab_size(&keys)?,
        max_position_embeddings,
        rms_norm_eps: eps as f32,
        rope: match &family.rope {
            None => None,
            Some(layouts) => Some(Rope {
                theta: keys.float("rope.freq_base")?.unwrap_or(10_000.0),
                dim: keys.size("rope.dimension_count")?.unwrap_or(head_dim),
                layout: layouts.gguf,
                scaling: scaling(&keys, max_position_embeddings)?,
            }),
        },
        attention_scale: (1.0 / (head_dim as f64).sqrt()) as f32,
        windows: Vec::new(),
    };
    metadata.refuse_unread(&keys.name(""))?;
    let checked = architecture.check();
    checked.map_err(|error| error.rename(|field| Some(keys.name(key(field, family)?))))?;
    Ok(architecture)
}

/// The key of an architecture's field.
fn key(field: &str, family: &Family) -> Option<&'static str> {
    Some(match field {
        "hidden_size" => "embedding_length",
        "intermediate_size" => "feed_forward_length",
        "num_hidden_layers" => "block_count",
        "num_attention_heads" => "attention.head_count",
        "num_key_value_heads" => "attention.head_count_kv",
        "head_dim" => "attention.key_length",
        "vocab_size" => "vocab_size",
        "max_position_embeddings" => "context_length",
        "rms_norm_eps" => family.gguf_eps,
        "rope_theta" => "rope.freq_base",
        "rope dimension" => "rope.dimension_count",
        _ => return None,
    })
}

/// Old files have no `vocab_size`: then every row of the embedding has its token.
fn vocab_size(keys: &Keys<'_>) -> Result<usize> {
    if let Some(size) = keys.size("vocab_size")? {
        return Ok(size);
    }
    let key = "tokenizer.ggml.tokens";
    let tokens = keys.metadata.strings(key)?.map(<[String]>::len);
    keys.metadata.required(key, tokens)
}

fn scaling(keys: &Keys<'_>, context: usize) -> Result<RopeScaling> {
    let kind = keys.metadata.string(&keys.name("rope.scaling.type"))?;
    // Old files have another key for it.
    let old = keys.float("rope.scale_linear")?;
    let factor = match (keys.float("rope.scaling.factor")?, old) {
        (Some(factor), Some(old)) if factor != old => {
            return Err(Error::new(format!("it is {old}, and the factor {factor}"))
                .at(keys.name("rope.scale_linear"))
                .remedy("the file says it twice, differently; fetch or convert it again"));
        }
        (factor, old) => factor.or(old),
    };
    let attention = keys.float("rope.scaling.attn_factor")?.unwrap_or(1.0);
    if kind != Some("yarn") && attention != 1.0 {
        let key = keys.name("rope.scaling.attn_factor");
        return Err(unsupported(&key, &attention.to_string(), "1"));
    }
    let needed = || {
        keys.metadata
            .required(&keys.name("rope.scaling.factor"), factor)
    };
    match kind {
        None if factor.is_none() => Ok(RopeScaling::None),
        // A factor of 0 is refused when the architecture is checked.
        None | Some("linear") => Ok(match needed()? {
            1.0 => RopeScaling::None,
            factor => RopeScaling::Linear { factor },
        }),
        Some("none") => Ok(RopeScaling::None),
        Some("yarn") => {
            let factor = needed()?;
            Ok(RopeScaling::Yarn {
                factor,
                attention_factor: attention * (0.1 * libm::log(factor) + 1.0),
                beta_slow: keys.float("rope.scaling.yarn_beta_slow")?.unwrap_or(1.0),
                beta_fast: keys.float("rope.scaling.yarn_beta_fast")?.unwrap_or(32.0),
                original_max_position_embeddings: keys
                    .size("rope.scaling.original_context_length")?
                    .unwrap_or(context),
            })
        }
        Some(other) => Err(
            Error::unsupported(format!("RoPE scaling `{other}` is not supported"))
                .at(keys.name("rope.scaling.type"))
                .remedy("use a model with the scaling none, linear or yarn"),
        ),
    }
}

/// The architecture's own keys.
struct Keys<'a> {
    prefix: &'static str,
    metadata: &'a Metadata,
}

impl Keys<'_> {
    fn name(&self, key: &str) -> String {
        format!("{}.{key}", self.prefix)
    }

    fn size(&self, key: &str) -> Result<Option<usize>> {
        self.metadata.size(&self.name(key))
    }

    fn needed_size(&self, key: &str) -> Result<usize> {
        self.metadata.required(&self.name(key), self.size(key)?)
    }

    fn float(&self, key: &str) -> Result<Option<f64>> {
        self.metadata.float(&self.name(key))
    }
}
