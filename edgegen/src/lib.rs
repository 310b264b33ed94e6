//! A compiler for small language models.
//!
//! A model file and a platform profile go in; a standalone Rust crate comes
//! out. The stages, each a module with one entry point:
//!
//! ```text
//! import → Model ─┐
//!                 ├─ plan → Plan ─ compress → Program ─┬─ emit → Crate
//! profile → Profile ┘                                  └─ interpret
//! ```

mod architectures;
pub mod build;
pub mod cache;
pub mod cli;
pub mod compile;
pub mod compress;
pub mod emit;
pub mod error;
mod forward;
mod graph;
mod half;
pub mod import;
pub mod inspect;
pub mod interpret;
mod isa;
mod layout;
mod memory;
pub mod model;
mod plain;
pub mod plan;
pub mod profile;
pub mod program;
pub mod prune;
pub mod recipe;
pub mod schema;
pub mod search;
mod small_file;
pub mod text;
mod toml_file;
