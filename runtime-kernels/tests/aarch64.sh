#!/bin/sh
# Runs the suite on emulated AArch64: a Cortex-A53 (NEON) and a Cortex-A76 (and dot product).
set -eu
. "$(dirname "$0")/build.sh"
need aarch64-linux-gnu-gcc "gcc-aarch64-linux-gnu and libc6-dev-arm64-cross"
need qemu-aarch64-static qemu-user-static

export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static"
build aarch64-unknown-linux-gnu

expect() {
    found=$(qemu-aarch64-static -cpu "$1" "$out/run-suite")
    echo "$1: $found"
    [ "$found" = "equal: $2" ] || { echo "$0: $1 should have run: $2" >&2; exit 1; }
}
expect cortex-a53 "scalar soft-float neon"
expect cortex-a76 "scalar soft-float neon neon-dotprod"
