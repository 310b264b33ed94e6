//! Helpers of the whole-path tests: emit a crate with the real command, build it for a target,
//! run its program and read what it prints.
//!
//! Nothing here checks a promise; the files in `tests/` do, one for each.

pub mod browser;
pub mod built;
pub mod document;
pub mod emitted;
pub mod golden;
pub mod homectl;
pub mod instructions;
pub mod measure;
pub mod paths;
pub mod peers;
pub mod questions;
pub mod riscv32;
pub mod run;
pub mod trial;

pub use built::{Program, Target};
pub use emitted::{Emitted, Recipe};
#[doc(hidden)]
pub use libtest_mimic;
pub use trial::{Missing, Outcome};
