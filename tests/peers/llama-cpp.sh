#!/usr/bin/env bash
# `llama-cpp.sh [ARM_ARCHITECTURE]`: prints the folder of llama.cpp's programs and of `llama-score`
# beside them, built for this machine, or for AArch64 (armv8-a, armv8.2-a+dotprod; `llama-bench`
# alone) with the compilers of the package g++-aarch64-linux-gnu. Builds what is not there, from the
# source distribution of the Python package llama-cpp-python, below
# ${EDGEGEN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/edgegen}.
set -Eeuo pipefail

version=0.3.36
home=${EDGEGEN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/edgegen}/llama-cpp-$version
architecture=${1:-native}
build=$home/$architecture
own=$(cd "$(dirname "$0")/llama-cpp" && pwd)

fetch() {
    python3 -m venv tools
    tools/bin/pip install --quiet --disable-pip-version-check cmake ninja
    # Only the package itself from source: its build tools come as wheels.
    PATH=$home/tools/bin:$PATH tools/bin/pip download --quiet --disable-pip-version-check \
        --no-deps --no-binary llama-cpp-python "llama-cpp-python==$version"
    tar xf llama_cpp_python-*.tar.gz
    touch fetched
}

compile() {
    local programs=(llama-bench) flags=(
        "-DLLAMA_CPP=$home/llama_cpp_python-$version/vendor/llama.cpp"
        -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DLLAMA_CURL=OFF
    )
    if [ "$architecture" = native ]; then
        programs+=(llama-completion llama-quantize llama-score)
        flags+=(-DGGML_NATIVE=ON)
    else
        flags+=(
            -DGGML_NATIVE=OFF "-DGGML_CPU_ARM_ARCH=$architecture" -DGGML_OPENMP=OFF
            -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64
            -DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++
            -DCMAKE_EXE_LINKER_FLAGS=-static
        )
    fi
    cmake -S "$own" -B "$build" -G Ninja "${flags[@]}"
    cmake --build "$build" --target "${programs[@]}"
}

mkdir -p "$build"
cd "$home"
export PATH=$home/tools/bin:$PATH
exec 3>&2
trap 'echo "$0: failed, see $build/log" >&3' ERR
: >"$build/log"
[ -e fetched ] || fetch >>"$build/log" 2>&1
compile >>"$build/log" 2>&1
echo "$build/bin"
