//! Helpers of the whole-path tests: emit a crate with the real command, build it for a target,
//! run its program and read what it prints.
//!
//! Nothing here checks a promise; the files in `tests/` do, one for each.

pub mod browser;
pub mod built;
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

pub use built::{Program, Target};
pub use emitted::{Emitted, Recipe};

/// Says that a check did not run and why.
///
/// # Panics
///
/// Where `CI` is set and `must_run_in_ci`: there everything that can be installed is.
pub fn not_run(must_run_in_ci: bool, missing: &str) {
    let in_ci = std::env::var_os("CI").is_some();
    assert!(!(in_ci && must_run_in_ci), "not run: {missing}");
    eprintln!("not run: {missing}");
}
