#!/bin/sh
# Runs the suite as a WebAssembly module in Node, with SIMD. (One without is run by `--test browser`.)
set -eu
. "$(dirname "$0")/build.sh"
need node nodejs
if ! linker=$(command -v wasm-ld-22 || command -v wasm-ld || command -v rust-lld); then
    linker=$(rustc --print sysroot)/lib/rustlib/$(rustc --print host-tuple)/bin/rust-lld
    [ -x "$linker" ] || { echo "$0: wasm-ld is missing: install lld-22" >&2; exit 1; }
fi

export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$linker"
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="-C target-feature=+simd128"
build wasm32-unknown-unknown
node "$here/wasm.mjs" "$out/suite.wasm" "soft-float scalar simd128"
