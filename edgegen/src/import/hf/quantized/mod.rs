//! Weights that a Hugging Face folder holds quantized: what `quantization_config` names as method.
//!
//! Values are the products of exact integers or floats and exact scales, rounded to f32 once, where
//! the libraries round them to the type of the activations (F16 or BF16).

mod awq;
mod compressed_tensors;
mod fp8;
mod gptq;
mod grid;
mod parts;
pub(super) mod ternary;

use std::collections::BTreeMap;

use crate::architectures::Ignored;
use crate::error::{Error, Result};
use crate::model::Tensor;

use super::config::Fields;
use super::weights::Stored;
use parts::Module;

/// A method, as a configuration describes it.
pub(super) trait Method {
    /// What only modules have that are quantized; others are stored as ever.
    fn marks(&self) -> &'static [&'static str];

    /// The weights of a module, from parts that are taken out of it.
    ///
    /// # Errors
    /// When a part is missing, or has another shape or type than the others make it.
    fn weight(&self, module: &mut Module) -> Result<Tensor>;
}

/// What to do about a quantization that is not read.
const UNQUANTIZED: &str = "give the unquantized model: edgegen quantizes by itself";

/// Reads `quantization_config`.
pub(super) fn read(fields: &Fields<'_>) -> Result<Box<dyn Method>> {
    let (method, ignored): (Box<dyn Method>, &[Ignored]) = match fields.text("quant_method")? {
        Some("awq") => (Box::new(awq::Awq::read(fields)?), awq::IGNORED),
        Some("compressed-tensors") => (
            Box::new(compressed_tensors::CompressedTensors::read(fields)?),
            compressed_tensors::IGNORED,
        ),
        Some("fp8") => (Box::new(fp8::Fp8::read(fields)?), fp8::IGNORED),
        Some("gptq") => (Box::new(gptq::Gptq::read(fields)?), gptq::IGNORED),
        other => {
            let method = other.map_or("without a name".to_owned(), |name| format!("`{name}`"));
            let problem = format!("the quantization {method} is not supported");
            return Err(unsupported("quant_method", problem));
        }
    };
    fields.refuse_unread(
        &[ignored],
        "this setting of a quantization is not supported",
    )?;
    Ok(method)
}

/// The tensors of a folder; the weights of a quantized module have the name that they have in one
/// that is not.
pub(super) fn tensors(method: Option<&dyn Method>, stored: Vec<Stored>) -> Result<Vec<Tensor>> {
    let Some(method) = method else {
        return stored.into_iter().map(Stored::plain).collect();
    };
    let mut modules: BTreeMap<String, Module> = BTreeMap::new();
    for tensor in stored {
        let name = tensor.name.rsplit_once('.').map_or("", |(name, _)| name);
        let module = modules.entry(name.to_owned());
        module.or_insert_with(|| Module::new(name)).put(tensor);
    }
    let mut tensors = Vec::new();
    for mut module in modules.into_values() {
        if method.marks().iter().any(|mark| module.has(mark)) {
            tensors.push(method.weight(&mut module)?);
        }
        for other in module.into_parts() {
            tensors.push(other.plain()?);
        }
    }
    Ok(tensors)
}

fn unsupported(field: &str, problem: String) -> Error {
    Error::unsupported(problem).at(field).remedy(UNQUANTIZED)
}

/// The value of a field if it is one of these, of which the first is the default.
fn one_of<'a>(fields: &Fields<'a>, name: &str, values: &[&'static str]) -> Result<&'static str> {
    let Some(said) = fields.text(name)? else {
        return Ok(values[0]);
    };
    let said_so = values.iter().find(|value| value.eq_ignore_ascii_case(said));
    said_so
        .copied()
        .ok_or_else(|| unsupported(name, format!("`{said}` is not supported")))
}
