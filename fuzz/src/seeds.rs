//! What fuzzing starts with: a right file of each kind, and a recipe of each.

use crate::{chat, import, lora, plan, profile, schema, state, tokenizer, weights};

/// Target and input.
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let files = [
        ("chat_template", chat::files()),
        ("gguf", import::gguf_files()),
        ("hf_folder", import::safetensors_files()),
        ("llama2c", import::llama2c_checkpoints()),
        ("lora", lora::adapters()),
        ("plan", plan::files()),
        ("profile", profile::files()),
        ("schema", schema::files()),
        ("state", state::files()),
        ("tokenizer_json", tokenizer::files()),
        ("weights", weights::files()),
    ];
    let mut seeds = Vec::new();
    for (target, files) in files {
        seeds.extend(files.into_iter().map(|file| (target, file)));
        // Numbers of MINSTD (Park and Miller 1988) for the choices.
        let mut random = 1u64;
        for kind in 0..8u8 {
            let mut recipe = vec![kind];
            recipe.extend((0..64).map(|_| {
                random = random * 48_271 % 0x7FFF_FFFF;
                (random >> 8) as u8
            }));
            seeds.push((target, recipe));
        }
    }
    seeds
}
