#!/usr/bin/env bash
# Prints the folder of llama.cpp's programs, built for this machine. Builds them, once, from the
# source distribution of the Python package llama-cpp-python, below
# ${EDGEGEN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/edgegen}.
set -euo pipefail

version=0.3.36
home=${EDGEGEN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/edgegen}/llama-cpp-python-$version
programs="llama-bench llama-completion llama-quantize"

if [ ! -e "$home/complete" ]; then
    mkdir -p "$home"
    cd "$home"
    {
        python3 -m venv tools
        tools/bin/pip install --quiet --disable-pip-version-check cmake ninja
        # Only the package itself from source: its build tools come as wheels.
        PATH=$home/tools/bin:$PATH tools/bin/pip download --quiet --disable-pip-version-check \
            --no-deps --no-binary llama-cpp-python "llama-cpp-python==$version"
        tar xf llama_cpp_python-*.tar.gz
        export PATH=$home/tools/bin:$PATH
        cmake -S llama_cpp_python-$version/vendor/llama.cpp -B build -G Ninja \
            -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DBUILD_SHARED_LIBS=OFF -DLLAMA_CURL=OFF \
            -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF
        # shellcheck disable=SC2086
        cmake --build build --target $programs
    } >log 2>&1 || { echo "$0: failed, see $home/log" >&2; exit 1; }
    touch complete
fi
echo "$home/build/bin"
