//! What the macro makes for the tests is in a cache of their own: the user's must not matter.

fn main() {
    let out = std::env::var("OUT_DIR").expect("cargo sets it");
    println!("cargo::rustc-env=EDGEGEN_CACHE={out}/cache");
    println!("cargo::rerun-if-changed=build.rs");
}
