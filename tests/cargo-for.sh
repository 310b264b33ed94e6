#!/bin/sh
# cargo-for.sh STD TARGET SUBCOMMAND ARGS...     STD is core | core,alloc | std
# Runs cargo for a target. Where the installed toolchain lacks the target's standard library,
# Debian's compiler (rustc-web, cargo-web, rust-web-src) does it, and builds that from source if it
# lacks it too.
set -eu
std=$1 target=$2 subcommand=$3
shift 3

# has RUSTC: whether it has the target's standard library.
has() {
    libraries=$("$1" --print target-libdir --target "$target" 2>/dev/null) &&
        ls "$libraries"/libcore-*.rlib >/dev/null 2>&1
}

if has rustc; then
    exec cargo "$subcommand" --target "$target" "$@"
fi
if [ ! -x /usr/bin/cargo ] || [ ! -d /usr/lib/rustlib/src/rust/library ]; then
    echo "$0: no standard library for $target: run 'rustup target add $target'," \
        "or install rustc-web, cargo-web and rust-web-src" >&2
    exit 1
fi
[ "$std" = std ] && std=std,panic_abort
[ "$subcommand" = test ] && std=$std,panic_unwind,test
unset LD_LIBRARY_PATH RUSTUP_TOOLCHAIN
export RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc
if has "$RUSTC"; then
    exec /usr/bin/cargo "$subcommand" --target "$target" "$@"
fi
export RUSTC_BOOTSTRAP=1
# The standard library's own dependencies, so that a build of an emitted crate can be offline.
/usr/bin/cargo fetch --quiet --locked --manifest-path /usr/lib/rustlib/src/rust/library/Cargo.toml
exec /usr/bin/cargo "$subcommand" -Zbuild-std="$std" --target "$target" "$@"
