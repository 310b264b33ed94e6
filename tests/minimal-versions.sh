#!/usr/bin/env bash
# The workspace compiles with the oldest versions of its dependencies that the manifests allow.
# Takes some minutes: all dependencies are compiled anew.
set -euo pipefail
cd "$(dirname "$0")/.."
# Another lock file is written on the way, hence the copy.
copy=target/minimal-versions/tree
tests/copy-tracked.sh "$copy"
rm -f "$copy/Cargo.lock"
export CARGO_TARGET_DIR=$PWD/target/minimal-versions RUSTC_BOOTSTRAP=1
cargo -Z direct-minimal-versions check --manifest-path "$copy/Cargo.toml" --workspace --all-targets
