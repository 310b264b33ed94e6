//! Models of the Hugging Face hub, by name: what is missing in the hub's cache is fetched, and read
//! from there as other files are. The cache is that of the Python package `huggingface_hub`, and so
//! are the variables that say where it is.

#[cfg(feature = "hub")]
mod fetch;
#[cfg(not(feature = "hub"))]
#[path = "without.rs"]
mod fetch;
mod layout;
mod name;

pub use fetch::fetch;
pub(crate) use layout::{called, origin, repository};
pub use name::Name;
