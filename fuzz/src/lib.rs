//! What the fuzz targets do with their bytes: each function is one target, and panics where what
//! it is about does not hold. `README.md` says what an input is.

mod chat;
#[path = "../../edgegen/tests/common/mod.rs"]
mod common;
mod faults;
mod import;
mod input;
mod lora;
mod plan;
mod profile;
mod safetensors;
mod schema;
mod seeds;
mod state;
mod tokenizer;
mod weights;

pub use chat::chat_template;
pub use import::{gguf, hf_folder, llama2c};
pub use lora::lora;
pub use plan::plan;
pub use profile::profile;
pub use schema::schema;
pub use seeds::seeds;
pub use state::state;
pub use tokenizer::tokenizer_json;
pub use weights::weights;

/// A target: from bytes.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: [(&str, Target); 11] = [
    ("chat_template", chat_template),
    ("gguf", gguf),
    ("hf_folder", hf_folder),
    ("llama2c", llama2c),
    ("lora", lora),
    ("plan", plan),
    ("profile", profile),
    ("schema", schema),
    ("state", state),
    ("tokenizer_json", tokenizer_json),
    ("weights", weights),
];
