# Sourced by aarch64.sh and wasm.sh: builds the suite for a target.
# The installed toolchain's own target is used; where it has none, Debian's compiler
# (rustc-web, cargo-web, rust-web-src) builds the standard library from source.

here=$(cd "$(dirname "$0")" && pwd)
target_dir=${CARGO_TARGET_DIR:-$here/../../target}/suite

need() {
    command -v "$1" >/dev/null || { echo "$0: $1 is missing: install $2" >&2; exit 1; }
}

build() {
    target=$1
    set -- build --manifest-path "$here/suite/Cargo.toml" --release --target "$target" --target-dir "$target_dir"
    if [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; then
        cargo "$@"
    elif [ -x /usr/bin/cargo ] && [ -d /usr/lib/rustlib/src/rust/library ]; then
        RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 /usr/bin/cargo "$@" -Zbuild-std=std,panic_abort
    else
        echo "$0: no standard library for $target: run 'rustup target add $target'," \
            "or install rustc-web, cargo-web and rust-web-src" >&2
        exit 1
    fi
}
