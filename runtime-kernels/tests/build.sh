# Sourced by arm.sh and wasm.sh: builds the suite for a target.

here=$(cd "$(dirname "$0")" && pwd)
# The folder of the whole-path tests: a standard library built for one serves the other.
target_dir=${CARGO_TARGET_DIR:-$here/../../target}/whole-path

need() {
    command -v "$1" >/dev/null || { echo "$0: $1 is missing: install $2" >&2; exit 1; }
}

# Builds for a target, and sets `out` to the folder with what was built.
build() {
    "$here/../../tests/cargo-for.sh" std "$1" build --manifest-path "$here/suite/Cargo.toml" --release \
        --target-dir "$target_dir/$1"
    out=$target_dir/$1/$1/release
}
