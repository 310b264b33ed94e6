//! What the macro refuses, as a user sees it.

use std::env;
use std::fs;
use std::process::Command;

/// The cache of these tests, empty at their start: the user's must not matter.
const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/cache of the refusals");

#[test]
#[ignore = "long"]
fn refusals_point_at_the_option() {
    if env::var_os("EDGEGEN_CACHE").is_some_and(|cache| cache == CACHE) {
        trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
        return;
    }
    // The cache is told by the environment, and that is another process's.
    if fs::exists(CACHE).unwrap() {
        fs::remove_dir_all(CACHE).unwrap();
    }
    let again = Command::new(env::current_exe().unwrap())
        .args(["--exact", "refusals_point_at_the_option", "--nocapture"])
        .env("EDGEGEN_CACHE", CACHE)
        .status()
        .unwrap();
    assert!(again.success());
}
