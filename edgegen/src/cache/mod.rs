//! What long work gave, kept between runs in the user's cache folder by the hash of all that it depends
//! on. (Modules, which the compiler reads in place, are in `build/cache.rs`.)

mod file;
mod folder;
mod key;
mod results;
mod shrink;

pub(crate) use file::write;
pub(crate) use folder::{VARIABLE, folder};
pub use key::Key;
pub(crate) use key::{hexadecimal, sha256};
pub use results::Cache;
pub(crate) use shrink::{Entry, shrink};
