# What `.ci/run` and `.ci/nightly` share: steps by name, what they need, and the README's commands.
# A script sources this, defines a function for each step, and calls `main STEPS... -- "$@"`.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CI=true INSTA_UPDATE=no CARGO_INCREMENTAL=0

# package:what shows that it is there
needed=(
    python3:/usr/bin/python3 python3-pip:/usr/bin/pip3 valgrind:valgrind cmake:cmake g++:g++
    time:/usr/bin/time nodejs:node npm:npm chromium:chromium
    gcc-aarch64-linux-gnu:aarch64-linux-gnu-gcc
    libc6-dev-arm64-cross:/usr/aarch64-linux-gnu/include/stdio.h
    gcc-arm-linux-gnueabihf:arm-linux-gnueabihf-gcc
    libc6-dev-armhf-cross:/usr/arm-linux-gnueabihf/include/stdio.h
    qemu-user:qemu-aarch64 qemu-user-static:qemu-aarch64-static qemu-system-misc:qemu-system-riscv32 lld-22:wasm-ld-22
    clang-22:clang-22 llvm-22:llvm-nm-22 openjdk-17-jdk-headless:javac
    rustc-web:/usr/bin/rustc cargo-web:/usr/bin/cargo rust-web-src:/usr/lib/rustlib/src/rust/library
)

install_missing() {
    local missing=() entry root=()
    for entry in "${needed[@]}"; do
        [ -e "${entry#*:}" ] || command -v "${entry#*:}" >/dev/null || missing+=("${entry%%:*}")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] || root=(sudo -n)
    "${root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq --no-install-recommends \
        "${missing[@]}"
}

# Debian's standard library for 64-bit Arm. It is for compilers on such machines, and compiles for
# them here as well; without it, it is built from source.
install_arm_library() {
    local target=aarch64-unknown-linux-gnu folder root=()
    local options=(-qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64)
    [ ! -e "/usr/lib/rustlib/$target" ] || return 0
    [ "$(id -u)" = 0 ] || root=(sudo -n)
    folder=$(mktemp -d)
    mkdir -p "$folder"/{lists,archives}/partial
    options+=(-o "Dir::State::lists=$folder/lists" -o "Dir::State::status=/dev/null"
        -o "Dir::Cache::archives=$folder/archives" -o "APT::Sandbox::User=root")
    # What is tested by `||` does not end at a failure of itself.
    (
        cd "$folder" &&
            apt-get "${options[@]}" update &&
            apt-get "${options[@]}" download \
                "libstd-rust-web-dev=$(dpkg-query -W -f '${Version}' rustc-web)" &&
            dpkg -x libstd-rust-web-dev_*.deb . &&
            "${root[@]}" cp -r "usr/lib/rustlib/$target" /usr/lib/rustlib/
    ) || echo "no standard library for $target: building it" >&2
    rm -rf "$folder"
}

# The commands of the README's fenced block below the comment `<!-- NAME -->`.
readme_command() {
    awk -v mark="<!-- $1 -->" '
        $0 == mark { found = 1; next }
        found && /^```/ { if (inside) exit; inside = 1; next }
        inside' README.md | grep . || { echo "README.md has no block below <!-- $1 -->" >&2; exit 1; }
}

run_readme_command() {
    local command
    command=$(readme_command "$1")
    echo "$command"
    bash -euo pipefail -c "$command"
}

# main STEPS... -- ARGUMENTS...: runs the steps that the arguments name, or all; `--list` names them.
main() {
    local steps=() chosen=() times=() name start
    while [ "$1" != -- ]; do steps+=("$1"); shift; done
    shift
    if [ "${1:-}" = --list ]; then
        printf '%s\n' "${steps[@]}"
        return
    fi
    for name in "$@"; do
        [[ " ${steps[*]} " = *" $name "* ]] || { echo "no step '$name': see $0 --list" >&2; exit 2; }
        chosen+=("$name")
    done
    [ ${#chosen[@]} -gt 0 ] || chosen=("${steps[@]}")

    install_missing
    install_arm_library
    EDGEGEN_SMOLLM2=$(tests/fetch-smollm2.sh)
    export EDGEGEN_SMOLLM2
    for name in "${chosen[@]}"; do
        echo "::: $name"
        start=$SECONDS
        "step_$name"
        times+=("$(printf '%5d s  %s' $((SECONDS - start)) "$name")")
        echo "::: $name took $((SECONDS - start)) s"
    done
    printf '%s\n' "::: all passed in $SECONDS s" "${times[@]}"
}
