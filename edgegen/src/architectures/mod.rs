//! The architectures, a file each: what its files call things, and how its network is built.

mod bitnet;
mod cohere2;
mod ernie4_5;
mod exaone4;
mod family;
mod gemma2;
mod gemma3;
mod gpt2;
mod gpt_neo;
mod gpt_neox;
mod granite;
mod hunyuan_v1_dense;
mod layer_norm;
mod llama;
mod minicpm;
mod mistral;
mod nemotron;
mod olmo2;
mod olmo3;
mod phi;
mod phi3;
mod qwen2;
mod qwen3;
mod settings;
mod smollm3;
mod stablelm;
mod starcoder2;
mod windows;

use crate::error::{Error, Remedy, similar};

pub(crate) use family::{Family, Form, Ignored, Names, Rotary};
pub(crate) use settings::{Repeated, Settings};

/// All architectures.
static ALL: &[&Family] = &[
    &llama::LLAMA,
    &qwen2::QWEN2,
    &qwen3::QWEN3,
    &gpt2::GPT2,
    &smollm3::SMOLLM3,
    &granite::GRANITE,
    &ernie4_5::ERNIE4_5,
    &hunyuan_v1_dense::HUNYUAN_V1_DENSE,
    &olmo2::OLMO2,
    &phi3::PHI3,
    &minicpm::MINICPM,
    &mistral::MISTRAL,
    &phi::PHI,
    &gpt_neox::GPT_NEOX,
    &stablelm::STABLELM,
    &starcoder2::STARCODER2,
    &nemotron::NEMOTRON,
    &gemma2::GEMMA2,
    &gemma3::GEMMA3,
    &olmo3::OLMO3,
    &exaone4::EXAONE4,
    &cohere2::COHERE2,
    &gpt_neo::GPT_NEO,
    &bitnet::BITNET,
];

/// The architecture of files that have no name for it.
pub(crate) static LLAMA: &Family = &llama::LLAMA;

/// The architecture that a GGUF file or `config.json` names.
pub(crate) fn find(name: impl Fn(&Family) -> bool) -> Option<&'static Family> {
    all().find(|family| name(family))
}

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Family> {
    ALL.iter().copied()
}

/// The refusal of an architecture that is none of these, by the names of one format.
pub(crate) fn unknown(name: &str, names: impl Fn(&Family) -> Option<&'static str>) -> Error {
    let names: Vec<&str> = all().filter_map(names).collect();
    let listed = Remedy::from("`edgegen models` lists what is supported, with models of each");
    let remedy = match similar(name, &names) {
        Some(near) => {
            Remedy::from(format!("the nearest name that is supported is `{near}`")).or(listed)
        }
        None => listed,
    };
    Error::unsupported(format!("the architecture `{name}` is not supported")).remedy(remedy)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What one takes over from another is none of these.
    #[test]
    fn each_has_names_and_models_of_its_own() {
        let models: Vec<&str> = all().flat_map(|family| family.models).copied().collect();
        for names in [
            all().map(|family| family.model_type).collect(),
            all().map(|family| family.class).collect(),
            models,
        ] {
            let distinct: BTreeSet<&str> = names.iter().copied().collect();
            assert_eq!(distinct.len(), names.len(), "{names:?}");
        }
        assert!(all().all(|family| !family.models.is_empty()));
    }
}
