//! The architectures, a file each: what its files call things, and how its network is built.

mod family;
mod gpt2;
mod llama;
mod qwen2;
mod qwen3;

pub(crate) use family::{Family, Ignored};

/// All architectures.
static ALL: &[&Family] = &[&llama::LLAMA, &qwen2::QWEN2, &qwen3::QWEN3, &gpt2::GPT2];

/// The architecture of files that have no name for it.
pub(crate) static LLAMA: &Family = &llama::LLAMA;

/// The architecture that a GGUF file or `config.json` names.
pub(crate) fn find(name: impl Fn(&Family) -> bool) -> Option<&'static Family> {
    ALL.iter().copied().find(|family| name(family))
}

/// The names of all architectures, for messages.
pub(crate) fn supported() -> String {
    let names: Vec<&str> = ALL.iter().map(|family| family.gguf).collect();
    names.join(", ")
}
