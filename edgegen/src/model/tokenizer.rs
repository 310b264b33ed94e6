//! The tokenizer as the model's file describes it.
/// placeholder
#[derive(Debug, Clone)]
pub struct Tokenizer;
