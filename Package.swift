// swift-tools-version: 6.2
import PackageDescription

// Floors, bottom up. An import goes down, never sideways or up; the build checks it with
// `--explicit-target-dependency-import-check error` (see the Makefile).

/// One list for every Swift target, so that no corner of the house is laxer than another.
let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// For the targets that own memory: `Span`-valued properties on types of our own need lifetime annotations.
let memory: [SwiftSetting] = strict + [.enableExperimentalFeature("Lifetimes")]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

let package = Package(
  name: "Plimsoll",
  platforms: [.macOS(.v26)],
  products: [
    .executable(name: "plimsoll", targets: ["PlimsollCLI"]),
    .library(name: "Plimsoll", targets: ["Bookkeeping", "Modeling", "Planning", "Reporting"]),
    .library(name: "PlimsollEngine", targets: ["Kernels", "Machine", "Texts", "Training"]),
  ],
  dependencies: [
    // Argument parsing, help and usage errors of every command.
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    // Reading YAML: the training configurations of axolotl, LLaMA-Factory, torchtune, TRL and Accelerate.
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
  ],
  targets: [
    // MARK: Floor 0: bytes, accounts, moments, ledgers; C libraries
    .target(name: "Bookkeeping", swiftSettings: strict),
    .target(
      name: "CKernels",
      cSettings: [.treatAllWarnings(as: .error)],
      linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))]),
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"]), .brew(["openblas"])]),
    .systemLibrary(name: "CHwloc", pkgConfig: "hwloc", providers: [.apt(["libhwloc-dev"]), .brew(["hwloc"])]),

    // MARK: Floor 1: what is trained and how; arithmetic; the host; text and its tokens
    .target(name: "Modeling", dependencies: ["Bookkeeping"], swiftSettings: strict),
    .target(name: "Kernels", dependencies: ["CKernels", "COpenBLAS"], swiftSettings: memory),
    .target(name: "Machine", dependencies: ["Bookkeeping", "CHwloc"], swiftSettings: strict),
    .target(name: "Texts", dependencies: ["Modeling"], swiftSettings: strict),

    .target(name: "Configurations", dependencies: ["Bookkeeping", "Modeling", yams], swiftSettings: strict),

    // MARK: Floor 2: the two clerks, who never meet
    .target(name: "Planning", dependencies: ["Bookkeeping", "Modeling"], swiftSettings: strict),
    .target(
      name: "Training", dependencies: ["Bookkeeping", "Modeling", "Kernels", "Machine"], swiftSettings: memory),

    // MARK: Floor 3: values to text
    // The probe's script is Python, compiled in, so that an installed program finds it.
    .target(
      name: "Reporting", dependencies: ["Bookkeeping", "Modeling", "Planning"],
      resources: ["settings", "memory", "model", "training", "main"].map { .embedInCode("Probe/Script/\($0).py") },
      swiftSettings: strict),

    // MARK: Floor 4: the commands
    .executableTarget(
      name: "PlimsollCLI",
      dependencies: [
        "Bookkeeping", "Modeling", "Configurations", "Planning", "Texts", "Training", "Kernels", "Machine", "Reporting",
        argumentParser,
      ],
      swiftSettings: strict),

    // MARK: Tests
    .testTarget(name: "BookkeepingTests", dependencies: ["Bookkeeping"], swiftSettings: strict),
    .testTarget(
      name: "ModelingTests", dependencies: ["Bookkeeping", "Modeling"],
      resources: [.copy("Resources")], swiftSettings: strict),
    .testTarget(
      name: "ConfigurationsTests", dependencies: ["Bookkeeping", "Modeling", "Configurations"],
      resources: [.copy("Examples")], swiftSettings: strict),
    .testTarget(
      name: "KernelsTests", dependencies: ["Bookkeeping", "Modeling", "Kernels"],
      resources: [.copy("Golden")], swiftSettings: memory),
    .testTarget(name: "MachineTests", dependencies: ["Bookkeeping", "Machine"], swiftSettings: strict),
    .testTarget(
      name: "TextsTests", dependencies: ["Modeling", "Texts"], resources: [.copy("Resources")], swiftSettings: strict),
    .testTarget(
      name: "PlanningTests", dependencies: ["Bookkeeping", "Modeling", "Planning"],
      exclude: ["Probe/Recordings"], resources: [.copy("Resources")], swiftSettings: strict),
    .testTarget(
      name: "TrainingTests", dependencies: ["Bookkeeping", "Modeling", "Kernels", "Machine", "Training"],
      resources: [.copy("Golden")], swiftSettings: memory),
    .testTarget(
      name: "ReconciliationTests",
      dependencies: ["Bookkeeping", "Modeling", "Planning", "Machine", "Training"], swiftSettings: strict),
    .testTarget(
      name: "ReportingTests", dependencies: ["Bookkeeping", "Modeling", "Planning", "Reporting"],
      exclude: ["Snapshots"], swiftSettings: strict),
    .testTarget(name: "CLITests", dependencies: ["PlimsollCLI"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
