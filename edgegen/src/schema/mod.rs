//! JSON Schema + vocabulary → Grammar: an automaton over bytes with the tokens
//! that each state allows, so that an answer always parses.
//!
//! The automaton accepts compact JSON: no spaces, properties in the schema's
//! order, no property that the schema does not name. That is a part of what the
//! schema allows, so every answer is valid.

mod automaton;
mod grammar;
mod node;
mod number;
mod parse;
mod pattern;

pub use grammar::Grammar;

use crate::error::Result;
use crate::model::Tokenizer;

/// Compiles a schema for a tokenizer.
///
/// # Errors
/// When the text is not JSON, when the schema uses what is outside the supported
/// subset (the message says what and where), allows nothing, is too large, or
/// needs bytes that the vocabulary lacks.
pub fn compile(text: &[u8], tokenizer: &Tokenizer) -> Result<Grammar> {
    let node = parse::parse(text)?;
    let automaton = automaton::build(&pattern::pattern(&node)?)?;
    Grammar::new(&automaton, tokenizer)
}
