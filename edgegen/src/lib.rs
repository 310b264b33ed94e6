//! A compiler for small language models: a model file and a platform profile go in, a standalone
//! Rust crate comes out, or a module of the crate that is being built.
//!
//! # For a build script
//!
//! [`build::Emit`] puts a model into the crate whose build script calls it; its options are those
//! of the command line. Leave the feature `cli` out, which is the program's.
//!
//! ```no_run
//! // build.rs
//! edgegen::build::Emit::new("models/SmolLM2-135M-Instruct.Q4_1.gguf")
//!     .platform("raspberry_pi")
//!     .context(512)
//!     .generate();
//! ```
//!
//! What it is told wrongly ends the build with an [`error::Error`]: what, where, and what to do.
//!
//! # The rest
//!
//! The other modules are the stages, for edgegen's own programs and tests. They change without
//! notice, and are not documented here: `docs/design.md` says what each does.
//!
//! ```text
//! import → Model → bind ─┐
//!                        ├─ plan → Plan ─ compress → Program ─┬─ emit → Crate
//! profile → Profile ─────┘                                    └─ interpret → Golden
//! ```

pub mod build;
pub mod error;

mod architectures;
#[doc(hidden)]
pub mod bind;
#[doc(hidden)]
pub mod cache;
#[doc(hidden)]
pub mod catalogue;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod compile;
#[doc(hidden)]
pub mod compress;
#[doc(hidden)]
pub mod emit;
mod forward;
mod graph;
mod half;
#[doc(hidden)]
pub mod hub;
#[doc(hidden)]
pub mod import;
#[doc(hidden)]
pub mod inspect;
#[doc(hidden)]
pub mod interpret;
mod isa;
mod layout;
mod memory;
#[doc(hidden)]
pub mod model;
mod path;
mod plain;
#[doc(hidden)]
pub mod plan;
#[doc(hidden)]
pub mod profile;
#[doc(hidden)]
pub mod program;
#[doc(hidden)]
pub mod progress;
#[doc(hidden)]
pub mod prune;
#[doc(hidden)]
pub mod recipe;
#[doc(hidden)]
pub mod schema;
#[doc(hidden)]
pub mod search;
#[doc(hidden)]
pub mod size;
mod small_file;
#[doc(hidden)]
pub mod text;
mod toml_file;
