#!/usr/bin/env bash
# mutants.sh [SHARD] [GROUP...]   Makes single faults in the sources, one at a time, and says which of
# them the tests do not see. SHARD is K/N, every Nth fault from the Kth on (0/16: about 300); a GROUP is
# one of those below. .cargo/mutants.toml says which faults may live, and why. On 2 cores a fault takes
# half a minute.
# Globs are cargo-mutants', not the shell's.
set -ufo pipefail
cd "$(dirname "$0")/.."
shard=${1:-0/16}
shift $(($# > 0))
[ $# -gt 0 ] || set -- kernels templates sessions cache plan schema import

tree=$PWD/target/mutants/tree
# A run that was killed left a fault there, and what was built of it.
rm -rf "$tree"
tests/copy-tracked.sh "$tree" || exit
find "$tree" -name '*.rs' -exec touch {} +
export CARGO_TARGET_DIR=$PWD/target/mutants/build EDGEGEN_CACHE=$PWD/target/mutants/cache
unset CI

# mutate GROUP PACKAGES GLOBS ARGS...: faults in GLOBS (a `!` before one leaves it out), judged by the
# tests of PACKAGES that ARGS choose.
mutate() {
    local group=$1 packages=$2 globs=$3 out=target/mutants/$1 options=() glob
    shift 3
    for glob in $globs; do
        case $glob in
            !*) options+=(--exclude "${glob#!}") ;;
            *) options+=(--file "$glob") ;;
        esac
    done
    mkdir -p "$out"
    tests/cargo-tool.sh mutants 27.1.0 --dir "$tree" --in-place --output "$out" --workspace \
        --shard "$shard" --sharding round-robin --build-timeout 600 \
        --test-package "$packages" "${options[@]}" -- "$@"
    for kind in caught timeout unviable missed; do
        echo "::: $group: $kind $(wc -l <"$out/mutants.out/$kind.txt")"
    done
    cat "$out/mutants.out/missed.txt"
}

for group; do
    case $group in
        kernels) mutate "$group" runtime-kernels 'runtime-kernels/src/**' --all-features --lib --tests ;;
        templates)
            mutate "$group" edgegen-templates,edgegen 'templates/src/** !templates/src/options.rs' \
                --lib --tests -- --skip cli:: --skip cold_and_warm:: --skip emission:: --skip evaluate:: --skip hostile_ \
                --skip import:: --skip new:: --skip predictions:: --skip prune:: --skip search::
            ;;
        sessions)
            # cargo-mutants does not see what a macro includes, and does not evaluate `any()`.
            files=templates/src/options.rs
            for file in answers completion generation lookup memory pass piece prefix scratch self_test session state; do
                printf '#[cfg(any())]\nmod %s;\n' "$file" >>"$tree/templates/src/lib.rs"
                files+=" templates/src/$file.rs"
            done
            mutate "$group" edgegen-sessions "$files" --lib
            ;;
        cache)
            mutate "$group" edgegen 'edgegen/src/cache/** edgegen/src/build/**' --lib --test suite -- \
                --include-ignored cache:: build:: emission:: cold_and_warm::
            ;;
        plan)
            mutate "$group" edgegen 'edgegen/src/plan/** edgegen/src/layout/** edgegen/src/program/**' \
                --lib --test suite -- plan:: layout:: program:: pipeline:: snapshots:: cli:: \
                hostile_sizes:: remedies::
            ;;
        schema)
            mutate "$group" edgegen 'edgegen/src/schema/**' --lib --test suite --test schema_limits -- \
                --include-ignored schema bounded
            ;;
        import)
            mutate "$group" edgegen 'edgegen/src/import/** edgegen/src/model/** edgegen/src/bind.rs' --lib --test suite -- \
                import:: model:: tokenizer:: dequantize:: hostile_ long_words:: pipeline:: remedies:: \
                architectures:: settings:: prune:: schema::
            ;;
        *) echo "$0: there is no group $group" >&2 && exit 2 ;;
    esac
done
