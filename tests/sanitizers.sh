#!/bin/sh
# sanitizers.sh asan|valgrind [kernels|templates|c]
# Runs what has `unsafe`, and what C calls, under the address sanitizer or valgrind. Rust's own
# compiler has the sanitizer's library (Debian's has not); valgrind 3.19 hides AVX-512 from programs.
set -eu
tool=${1:-} what=${2:-kernels templates c}
root=$(cd "$(dirname "$0")/.." && pwd)
target=x86_64-unknown-linux-gnu
folder=${CARGO_TARGET_DIR:-$root/target}/sanitizers
export CARGO_INCREMENTAL=0
cd "$root"

case $tool in
asan)
    # With a target of its own, so that macros and build scripts are built without.
    export RUSTC_BOOTSTRAP=1 CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS=-Zsanitizer=address
    cc_flags=-fsanitize=address,undefined
    ;;
valgrind)
    memcheck="valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite"
    export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER=$memcheck
    cc_flags=-g
    ;;
*)
    sed -n '2,4s/^# //p' "$0" >&2
    exit 2
    ;;
esac
command -v valgrind >/dev/null || [ "$tool" = asan ] || { echo "$0: install valgrind" >&2; exit 1; }

run() {
    subcommand=$1
    shift
    cargo "$subcommand" --release --target $target --target-dir "$folder/$tool" "$@"
}

# Every kernel and format on every instruction set; under the sanitizer also at guard pages.
kernels() {
    suite=runtime-kernels/tests/suite/Cargo.toml
    if [ "$tool" = valgrind ]; then
        run run --manifest-path $suite --bin run-suite -- --without-modes
    else
        run run --manifest-path $suite --bin run-suite
        run test -p runtime-kernels --test equal
        run test -p runtime-kernels --test scalar -- definition
    fi
}

# Files in memory, and the cache and the threads of a pass.
templates() {
    run test -p edgegen-templates --lib -- mapping weight_file frame
    run test -p edgegen-templates --test pass
}

# The C example of homectl's crate.
c() {
    krate=$folder/homectl
    variable=CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU
    env -u ${variable}_RUSTFLAGS -u ${variable}_RUNNER cargo run --quiet --release -p edgegen -- emit --platform host --quant q4 --name homectl \
        --out "$krate" --force --json >/dev/null
    run rustc --manifest-path "$krate/ffi/Cargo.toml" --offline --lib --crate-type staticlib
    # shellcheck disable=SC2086
    cc -std=c11 -O1 $cc_flags -I "$krate/ffi/include" "$krate/ffi/examples/generate.c" \
        "$folder/$tool/$target/release/libhomectl_ffi.a" -lm -o "$folder/$tool/generate"
    # shellcheck disable=SC2086
    answer=$(${memcheck:-} "$folder/$tool/generate" "switch off the lamp in the kitchen")
    echo "$answer"
    case $answer in
    *'{"do":"off","what":"lamp","where":"kitchen"}'*) ;;
    *) echo "$0: another answer was expected" >&2; exit 1 ;;
    esac
}

for step in $what; do
    case $step in
    kernels | templates | c) ;;
    *) echo "$0: $step is none of kernels, templates, c" >&2; exit 2 ;;
    esac
    start=$(date +%s)
    $step
    echo "$tool: $step took $(($(date +%s) - start)) s"
done
