//! The parts of a generated crate that are not computed from the model.
//!
//! What can stand alone is a module here, compiled and tested in place; the
//! emitter copies its text.
#![no_std]

pub mod chat;
pub mod tokenizer;
