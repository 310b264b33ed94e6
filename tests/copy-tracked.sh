#!/usr/bin/env bash
# copy-tracked.sh FOLDER   Makes FOLDER a copy of the files that git knows, with their times.
set -euo pipefail
mkdir -p "$1"
copy=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
git ls-files -z --deduplicate | while IFS= read -rd '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
    xargs -0 cp --parents --no-dereference --preserve=timestamps --target-directory="$copy"
