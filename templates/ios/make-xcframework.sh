#!/bin/sh
# Makes CEdgeModel.xcframework for devices and the simulator. Needs a Mac with Xcode, and Rust with
# the targets aarch64-apple-ios and aarch64-apple-ios-sim.
set -eu
cd "$(dirname "$0")"
headers=build/headers
rm -rf build CEdgeModel.xcframework
mkdir -p "$headers"
cp ../ffi/include/edge_model.h module.modulemap "$headers"
set --
for target in aarch64-apple-ios aarch64-apple-ios-sim; do
    cargo build --release --manifest-path ../ffi/Cargo.toml --lib --target "$target" --target-dir build
    set -- "$@" -library "build/$target/release/lib{{crate}}_ffi.a" -headers "$headers"
done
xcodebuild -create-xcframework "$@" -output CEdgeModel.xcframework
