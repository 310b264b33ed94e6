#!/usr/bin/env bash
# fuzz.sh [SECONDS] [TARGET...]   Fuzzes all targets of fuzz/, or these, for so many seconds each (60),
# under the address sanitizer, and says how many executions that were. Inputs that found new ways
# stay in target/fuzz/corpus, one that a target fails on in fuzz/artifacts.
# The first time some minutes more, to compile.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift $(($# > 0))
[ $# -gt 0 ] || set -- $(basename -s .rs fuzz/fuzz_targets/*.rs)

# The sanitizers need an option that stable compilers have for their own tests; one thread a run.
export RUSTC_BOOTSTRAP=1 RAYON_NUM_THREADS=1 CARGO_TARGET_DIR=$PWD/target/fuzz
fuzz() { tests/cargo-tool.sh fuzz 0.13.2 "$1" --fuzz-dir fuzz --features libfuzzer "${@:2}"; }
fuzz build
cargo run --quiet --release --manifest-path fuzz/Cargo.toml --example seeds target/fuzz/seeds

all=0
for target; do
    corpus=target/fuzz/corpus/$target
    mkdir -p "$corpus"
    fuzz run "$target" "$corpus" "fuzz/corpus/$target" "target/fuzz/seeds/$target" -- -verbosity=0 \
        -max_total_time="$seconds" -max_len=20000 -timeout=30 -rss_limit_mb=2048 -print_final_stats=1 |&
        tee target/fuzz/log
    count=$(sed -n 's/^stat::number_of_executed_units: *//p' target/fuzz/log)
    echo "::: $target: $count executions"
    all=$((all + count))
done
echo "::: $all executions"
