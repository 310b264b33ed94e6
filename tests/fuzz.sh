#!/usr/bin/env bash
# fuzz.sh [SECONDS] [TARGET...]   Fuzzes all targets of fuzz/, or these, for so many seconds each (60),
# under the address sanitizer, and says how many executions that were. Inputs that found new ways
# stay in target/fuzz/corpus; one that a target fails on is in fuzz/artifacts.
# The first time some minutes more, to compile.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift $(($# > 0))
[ $# -gt 0 ] || set -- $(basename -s .rs fuzz/fuzz_targets/*.rs)
work=$PWD/target/fuzz

CARGO_TARGET_DIR=$PWD/target cargo run --quiet --release --manifest-path fuzz/Cargo.toml \
    --example seeds "$work/seeds"
# The sanitizer needs an option that stable compilers have for their own tests. One thread a run.
export RUSTC_BOOTSTRAP=1 RAYON_NUM_THREADS=1 CARGO_TARGET_DIR=$work
fuzz() { tests/cargo-tool.sh fuzz 0.13.2 "$1" --fuzz-dir fuzz --features libfuzzer "${@:2}"; }
fuzz build

all=0
for target; do
    mkdir -p "$work/corpus/$target"
    fuzz run "$target" "$work/corpus/$target" "$PWD/fuzz/corpus/$target" "$work/seeds/$target" -- \
        -max_total_time="$seconds" -max_len=20000 -timeout=30 -rss_limit_mb=2048 -verbosity=0 \
        -print_final_stats=1 |& tee "$work/log"
    count=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
    echo "::: $target: $count executions"
    all=$((all + count))
done
echo "::: $all executions"
