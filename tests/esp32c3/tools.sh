#!/usr/bin/env bash
# Prints a folder for PYTHONPATH with Espressif's esptool and the emulator Unicorn. Installs them,
# once, below ${EDGEGEN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/edgegen}.
set -euo pipefail

esptool=5.6.0 unicorn=2.1.4
cache=${EDGEGEN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/edgegen}
home=$cache/esptool-$esptool-unicorn-$unicorn

if [ ! -d "$home" ]; then
    mkdir -p "$cache"
    partial=$(mktemp -d "$cache/install.XXXXXX")
    trap 'rm -rf "$partial"' EXIT
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
        --target "$partial" "esptool==$esptool" "unicorn==$unicorn" >&2
    chmod 755 "$partial"
    mv "$partial" "$home"
fi
echo "$home"
