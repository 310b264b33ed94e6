//! GGUF, versions 2 and 3 (ggml's docs/gguf.md).

mod config;
mod file;
mod metadata;
mod reader;
mod tokenizer;

use std::path::Path;

use super::names::{self, Format, stated};
use crate::architectures::{self, Family};
use crate::error::{Error, Place, Result};
use crate::model::{DType, Model, Parts, RopeScaling, Tensor, View};

use file::File;
pub(super) use metadata::Metadata;

/// Whether these are the bytes of a GGUF file.
pub(crate) fn recognise(bytes: &[u8]) -> bool {
    bytes.starts_with(b"GGUF") || bytes.starts_with(b"FUGG")
}

/// Reads a model from a GGUF file.
pub(super) fn import(path: &Path, view: View) -> Result<Model> {
    let File {
        metadata,
        mut tensors,
    } = file::parse(&view)?;
    let family = describe(&metadata)?;
    let mut architecture = config::architecture(family, &metadata)?;
    if let Some(at) = tensors.iter().position(|t| t.name() == "rope_freqs.weight") {
        let rope = architecture.rope.as_mut();
        if let Some(rope) = rope {
            rope.scaling = factors(&tensors.remove(at), &rope.scaling)?;
        }
    }
    let name = metadata.string("general.name")?.and_then(stated);
    let tokenizer = tokenizer::read(&metadata).map_err(|error| {
        error
            .at("tokenizer.ggml")
            .remedy("the file is damaged; fetch or convert it again")
    })?;
    Model::new(Parts {
        name: name.unwrap_or_else(|| super::source::stem(path)),
        format: "GGUF",
        licence: metadata.string("general.license")?.and_then(stated),
        tensors: names::assign(&architecture, tensors, Format::Gguf)?,
        architecture,
        chat_template: tokenizer::chat_template(&metadata, &tokenizer)?,
        tokenizer,
        sources: vec![view],
    })
}

/// The architecture of the file's architecture.
fn describe(metadata: &Metadata) -> Result<&'static Family> {
    let key = "general.architecture";
    let name = metadata.required(key, metadata.string(key)?)?;
    architectures::find(|family| family.gguf == name).ok_or_else(|| {
        Error::unsupported(format!("the architecture `{name}` is not supported"))
            .at(key)
            .remedy(format!("use a model of: {}", architectures::supported()))
    })
}

/// Llama 3.1's stretched frequencies, which the converter stores as a tensor of divisors.
fn factors(tensor: &Tensor, scaling: &RopeScaling) -> Result<RopeScaling> {
    let refuse = |problem: &str| {
        Error::new(problem)
            .at(Place::tensor(tensor.name()))
            .remedy("convert the model again with a current converter")
    };
    if *scaling != RopeScaling::None {
        return Err(refuse("a second scaling of RoPE beside rope.scaling.type"));
    }
    if tensor.dtype() != DType::F32 || tensor.rows() != 1 {
        return Err(refuse("RoPE factors must be a vector of F32"));
    }
    let mut values = vec![0.0; tensor.cols()];
    tensor.dequantize_rows(0..1, &mut values);
    Ok(RopeScaling::Factors(values))
}
