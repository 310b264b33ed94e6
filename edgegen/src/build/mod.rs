//! A model as a module of somebody's crate: the build-script helper, and what the macro
//! `edge_model!` shares with it. `docs/macro.md` is the user's page.

mod cache;
mod emit;
mod key;
mod module;
mod remembered;

pub use emit::{Emit, Emitted};
pub use module::{Module, module, module_in};
