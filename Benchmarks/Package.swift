// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that what only benchmarks need never reaches the users of the library.

let package = Package(
  name: "PlimsollBenchmarks",
  platforms: [.macOS(.v26)],
  dependencies: [.package(name: "Plimsoll", path: "../")],
  targets: [
    .executableTarget(
      name: "Bench",
      dependencies: [
        .product(name: "Plimsoll", package: "Plimsoll"), .product(name: "PlimsollEngine", package: "Plimsoll"),
      ],
      swiftSettings: [.treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny")])
  ],
  swiftLanguageModes: [.v6]
)
