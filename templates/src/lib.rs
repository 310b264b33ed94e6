//! The parts of a generated crate that are not computed from the model.
//!
//! What can stand alone is a module here, compiled and tested in place; the
//! emitter copies its text.
#![no_std]

extern crate std;

pub use runtime_kernels as kernels;

pub mod chat;
pub mod crew;
pub mod frame;
pub mod golden;
pub mod team;
pub mod tokenizer;

/// Path below `src` and text of the library's files.
pub const FILES: &[(&str, &str)] = &[];
/// Path and text of the crate's other files; `{{crate}}` stands for the crate's name.
pub const PROGRAM: &[(&str, &str)] = &[];
