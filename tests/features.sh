#!/usr/bin/env bash
# Every crate that has features compiles with none of them, with each alone and with all.
# Takes about a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
tests/cargo-tool.sh hack 0.6.45 check --release --workspace --each-feature "$@"
