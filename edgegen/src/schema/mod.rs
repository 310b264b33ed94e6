//! JSON Schema + vocabulary → Grammar: an automaton over bytes with the tokens
//! that each state allows, so that an answer always parses.
//!
//! The automaton accepts compact JSON: no spaces, properties in the schema's
//! order, no property that the schema does not name. That is a part of what the
//! schema allows, so every answer is valid.

mod automaton;
mod decimal;
mod exclusive;
mod grammar;
mod json;
mod keywords;
mod minimal;
mod nfa;
mod node;
mod number;
mod parse;
mod place;
mod vocabulary;

pub use grammar::Grammar;

use std::path::Path;

use crate::error::Result;
use crate::model::Tokenizer;
use crate::small_file;

/// Longest file of a schema, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Reads a schema's file.
///
/// # Errors
/// When it cannot be read, or is too long.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    small_file::read("the schema", path, MAX_FILE)
}

/// Compiles a schema for a tokenizer.
///
/// # Errors
/// When the text is not JSON, when the schema uses what is outside the supported
/// subset (the message says what and where), allows nothing, is too large, or
/// needs bytes that the vocabulary lacks.
pub fn compile(text: &[u8], tokenizer: &Tokenizer) -> Result<Grammar> {
    small_file::check_length("the schema", text, MAX_FILE)?;
    let nodes = parse::parse(&json::read(text)?)?;
    let automaton = nfa::nfa(&nodes, automaton::MAX_BYTES)
        .ok()
        .and_then(|nfa| automaton::build(&nfa))
        .ok_or_else(|| nodes.too_large(nodes.root()))?;
    Grammar::new(&automaton, tokenizer)
}
