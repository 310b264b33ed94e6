#!/bin/sh
# Runs the suite on emulated Arm: a Cortex-A53 (NEON), a Cortex-A76 (and dot product), all that the
# emulator has (and products of matrices), and a Cortex-A7 with 32 bits.
set -eu
. "$(dirname "$0")/build.sh"

# on GCC TARGET: builds for it.
on() {
    need "$1-gcc" "gcc-$1 and its C library"
    linker=CARGO_TARGET_$(echo "$2" | tr a-z- A-Z_)
    export "${linker}_LINKER=$1-gcc" "${linker}_RUSTFLAGS=-C target-feature=+crt-static"
    build "$2"
}

# expect EMULATOR CPU SETS: runs what was built.
expect() {
    need "$1" qemu-user-static
    found=$("$1" -cpu "$2" "$out/run-suite")
    echo "$2: $found"
    [ "$found" = "equal: $3" ] || { echo "$0: $2 should have run: $3" >&2; exit 1; }
}

on aarch64-linux-gnu aarch64-unknown-linux-gnu
expect qemu-aarch64-static cortex-a53 "soft-float scalar neon"
expect qemu-aarch64-static cortex-a76 "soft-float scalar neon neon-dotprod"
expect qemu-aarch64-static max "soft-float scalar neon neon-dotprod neon-i8mm"
on arm-linux-gnueabihf armv7-unknown-linux-gnueabihf
expect qemu-arm-static cortex-a7 "soft-float scalar"
