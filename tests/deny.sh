#!/usr/bin/env bash
# Dependencies: their licences and sources are those that deny.toml allows, and none is unused.
# Takes 10 s, and some minutes the first time to compile the tools.
set -euo pipefail
cd "$(dirname "$0")/.."
tests/cargo-tool.sh deny 0.20.2 check licenses bans sources
tests/cargo-tool.sh shear 1.13.2
