#!/usr/bin/env bash
# cargo-tool.sh NAME VERSION ARGS...   Runs `cargo NAME ARGS...`, with cargo-NAME of that version: the
# first time it is compiled into target/tools.
set -euo pipefail
tools=$(cd "$(dirname "$0")/.." && pwd)/target/tools
name=$1 version=$2
shift 2
CARGO_TARGET_DIR=$tools/build cargo install --quiet --locked --root "$tools" "cargo-$name@$version"
PATH=$tools/bin:$PATH exec cargo "$name" "$@"
