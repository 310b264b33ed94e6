// swift-tools-version:5.9
// The model as a Swift package. `make-xcframework.sh` makes its binary, on a Mac.

import PackageDescription

let package = Package(
    name: "EdgeModel",
    platforms: [.iOS(.v13), .macOS(.v11)],
    products: [.library(name: "EdgeModel", targets: ["EdgeModel"])],
    targets: [
        .binaryTarget(name: "CEdgeModel", path: "CEdgeModel.xcframework"),
        .target(name: "EdgeModel", dependencies: ["CEdgeModel"]),
    ]
)
