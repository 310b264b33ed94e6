//! The tests of the library and the command, a file for each subject: one program, so that they are
//! compiled once and run side by side. `cargo test --test suite NAME::` runs those of a file.

#[path = "../common/mod.rs"]
mod common;

mod architectures;
mod as_found;
mod catalogue;
mod cli;
mod cold_and_warm;
mod dequantize;
mod emission;
mod evaluate;
mod hostile_bytes;
mod hostile_gguf;
mod hostile_hf;
mod hostile_llama2c;
mod hostile_sizes;
mod hostile_text;
#[cfg(feature = "hub")]
mod hub;
mod import;
mod licences;
mod long_words;
mod lora;
mod models;
mod new;
mod pipeline;
mod predictions;
mod prune;
mod quantized;
mod remedies;
mod schema;
mod search;
mod settings;
mod snapshots;
mod ternary;
mod tokenizer;
mod wrapped;
