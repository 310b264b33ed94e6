//! The architecture that GGUF's metadata describes.

use super::metadata::Metadata;
use super::rope::{self, Divisors};
use crate::architectures::{Family, Settings};
use crate::error::{Error, Result};
use crate::import::config::{unknown, unsupported};
use crate::model::{Architecture, Caps, Gate, Multipliers};

/// Reads shapes and constants, from keys that begin with `prefix`, and gives what is told of those
/// that nobody knows.
pub(super) fn architecture(
    prefix: &str,
    family: &'static Family,
    metadata: &Metadata,
    divisors: Divisors,
) -> Result<(Architecture, Option<String>)> {
    let keys = Keys { prefix, metadata };
    let note = unknown(&metadata.set_aside(&keys.name("")));
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
    let context = keys.needed_size("context_length")?;
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
    let mut architecture = Architecture {
        family,
        hidden_size,
        intermediate_size: keys.needed_size("feed_forward_length")?,
        num_hidden_layers: keys.needed_size("block_count")?,
        num_attention_heads: heads,
        num_key_value_heads: key_heads,
        head_dim,
        vocab_size: vocab_size(&keys)?,
        max_position_embeddings: context,
        rms_norm_eps: eps as f32,
        rope: match &family.rope {
            None => None,
            Some(rotary) => Some(rope::read(&keys, rotary, divisors, head_dim, context)?),
        },
        attention_scale: (1.0 / (head_dim as f64).sqrt()) as f32,
        window: None,
        caps: Caps::default(),
        multipliers: Multipliers::default(),
        parallel_residual: None,
        gate: Gate::default(),
        rounded: false,
    };
    let check = |architecture: &Architecture| {
        let checked = architecture.check();
        checked.map_err(|error| error.rename(|field| Some(keys.name(key(field, family)?))))
    };
    check(&architecture)?;
    (family.gguf_keys)(&keys, &mut architecture)?;
    metadata.refuse_unread(&keys.name(""))?;
    check(&architecture)?;
    Ok((architecture, note))
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
        "sliding_window" => "attention.sliding_window",
        "attn_logit_softcapping" => "attn_logit_softcapping",
        "final_logit_softcapping" => "final_logit_softcapping",
        "attention_scale" => "attention.scale",
        "embedding_scale" => "embedding_scale",
        "residual_scale" => "residual_scale",
        "logits_scale" => "logit_scale",
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

/// The architecture's own keys.
pub(super) struct Keys<'a> {
    prefix: &'a str,
    pub(super) metadata: &'a Metadata,
}

impl Keys<'_> {
    pub(super) fn name(&self, key: &str) -> String {
        format!("{}.{key}", self.prefix)
    }

    pub(super) fn size(&self, key: &str) -> Result<Option<usize>> {
        self.metadata.size(&self.name(key))
    }

    fn needed_size(&self, key: &str) -> Result<usize> {
        self.metadata.required(&self.name(key), self.size(key)?)
    }

    pub(super) fn float(&self, key: &str) -> Result<Option<f64>> {
        self.metadata.float(&self.name(key))
    }
}

impl Settings for Keys<'_> {
    fn has(&self, name: &str) -> bool {
        self.metadata.has(&self.name(name))
    }

    fn number(&self, name: &str) -> Result<Option<f64>> {
        self.float(name)
    }

    fn size(&self, name: &str) -> Result<Option<usize>> {
        Keys::size(self, name)
    }

    fn flag(&self, name: &str) -> Result<Option<bool>> {
        self.metadata.bool(&self.name(name))
    }

    fn sizes(&self, name: &str) -> Result<Option<Vec<usize>>> {
        let name = self.name(name);
        let Some(numbers) = self.metadata.integers(&name)? else {
            return Ok(None);
        };
        let sizes = numbers.iter().map(|&number| usize::try_from(number).ok());
        let sizes: Option<_> = sizes.collect();
        sizes.map(Some).ok_or_else(|| {
            Error::new("a number of the list is negative")
                .at(name)
                .remedy("the file is damaged; fetch or convert it again")
        })
    }

    fn flags(&self, name: &str) -> Result<Option<Vec<bool>>> {
        let flags = self.metadata.bools(&self.name(name))?;
        Ok(flags.map(<[bool]>::to_vec))
    }

    fn text(&self, name: &str) -> Result<Option<String>> {
        let text = self.metadata.string(&self.name(name))?;
        Ok(text.map(str::to_owned))
    }

    fn texts(&self, name: &str) -> Result<Option<Vec<String>>> {
        let texts = self.metadata.strings(&self.name(name))?;
        Ok(texts.map(<[String]>::to_vec))
    }

    fn missing(&self, name: &str) -> Error {
        self.metadata.missing(&self.name(name))
    }

    fn unsupported(&self, name: &str, value: &str, supported: &str) -> Error {
        unsupported(&self.name(name), value, supported)
    }
}
