//! The architectures, a file each: what its files call things, and how its network is built.

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

pub(crate) use family::{Family, Form, Ignored, Rotary};
pub(crate) use settings::Settings;

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
];

/// The architecture of files that have no name for it.
pub(crate) static LLAMA: &Family = &llama::LLAMA;

/// The architecture that a GGUF file or `config.json` names.
pub(crate) fn find(name: impl Fn(&Family) -> bool) -> Option<&'static Family> {
    ALL.iter().copied().find(|family| name(family))
}

/// The names of all architectures, for messages.
pub(crate) fn supported() -> String {
    let names: Vec<&str> = ALL.iter().map(|family| family.model_type).collect();
    names.join(", ")
}
