//! What an importer produces: architecture, tensors as stored, tokenizer, chat template.

mod architecture;
mod chat;
mod tensor;
mod tokenizer;

pub use architecture::{Architecture, Role, Rope, RopeLayout, RopeScaling, TensorKey};
pub use chat::{ChatPiece, ChatTemplate};
pub use tensor::{DType, Tensor, View};
pub use tokenizer::*;

use std::collections::BTreeMap;

/// A checked model: every tensor that the architecture needs is there, has its
/// shape and a known type, and the tokenizer agrees with the vocabulary.
#[derive(Debug, Clone)]
pub struct Model {
    name: String,
    format: &'static str,
    licence: Option<String>,
    architecture: Architecture,
    tensors: BTreeMap<TensorKey, Tensor>,
    tokenizer: Tokenizer,
    chat_template: Option<ChatTemplate>,
}
