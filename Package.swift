// swift-tools-version: 6.2
import Foundation
import PackageDescription

let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

/// Matrix products come from oneDNN where its header is installed, else from
/// OpenBLAS; `Sources/CMatrix` hides which.
let hasOneDNN = ["/usr/include", "/usr/local/include"].contains {
  FileManager.default.fileExists(atPath: "\($0)/oneapi/dnnl/dnnl.h")
}

func floor(
  _ name: String, _ dependencies: [Target.Dependency] = [], tests: [Target.Dependency] = []
) -> [Target] {
  let target = Target.target(name: name, dependencies: dependencies, swiftSettings: strict)
  let hasTests = FileManager.default.fileExists(
    atPath: "\(Context.packageDirectory)/Tests/\(name)Tests")
  guard hasTests else { return [target] }
  let hasScreens = FileManager.default.fileExists(
    atPath: "\(Context.packageDirectory)/Tests/\(name)Tests/Screens")
  return [
    target,
    .testTarget(
      name: "\(name)Tests",
      dependencies: [.target(name: name), "TestSupport"] + dependencies + tests,
      exclude: hasScreens ? ["Screens"] : [], swiftSettings: strict),
  ]
}

let targets: [Target] =
  [
    .target(name: "CEmbedded"),
    .target(name: "CFaults"),
    .target(
      name: "CNcurses", dependencies: ["CFaults"], linkerSettings: [.linkedLibrary("ncursesw")]),
    .target(name: "CKernels"),
    .target(name: "CZlib", linkerSettings: [.linkedLibrary("z")]),
    .target(
      name: "CMatrix",
      dependencies: ["CFaults"],
      cSettings: hasOneDNN ? [.define("PARE_ONEDNN")] : [],
      linkerSettings: [.linkedLibrary(hasOneDNN ? "dnnl" : "openblas")]),
    .target(name: "CAllocations", path: "Tests/CAllocations"),
    .target(
      name: "TestSupport", dependencies: ["Terminal", "Tensors", "CAllocations"],
      path: "Tests/TestSupport", swiftSettings: strict),
  ]
  + floor("Tensors", ["CKernels"])
  + floor("Jobs")
  + floor("Terminal")
  + floor("TerminalNcurses", ["Terminal", "CNcurses"])
  + floor("CheckpointIO", ["Models", "Tensors", "CKernels", "CFaults", "CZlib"])
  + floor("Models", ["Tensors"], tests: ["CheckpointIO"])
  + floor("Tokenizers")
  + floor("Backend", ["Models", "Tensors", "CFaults", "CKernels", "CMatrix"])
  + floor("Transformers", ["Backend", "Models", "Tensors"], tests: ["CheckpointIO"])
  + floor(
    "Training", ["Transformers", "Backend", "Models", "Tensors", "Jobs"],
    tests: ["CheckpointIO"])
  + floor(
    "Compression", ["Transformers", "Backend", "Models", "Tensors", "Jobs"],
    tests: ["CheckpointIO"])
  + floor(
    "Workspace",
    [
      "Compression", "Training", "CheckpointIO", "Transformers", "Models", "Tokenizers",
      "Tensors", "Jobs", "CEmbedded",
      .product(name: "Yams", package: "Yams"),
    ])
  + floor(
    "Explorer",
    [
      "Workspace", "Compression", "Training", "CheckpointIO", "Transformers", "Models",
      "Tensors", "Jobs", "Terminal",
    ])
  + [
    .executableTarget(
      name: "pare",
      dependencies: [
        "Explorer", "Workspace", "Compression", "Training", "CheckpointIO", "Transformers",
        "Backend", "Models", "Tokenizers", "Tensors", "Jobs", "Terminal", "TerminalNcurses",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .testTarget(
      name: "EndToEndTests",
      dependencies: [
        "pare", "Explorer", "Workspace", "Compression", "CheckpointIO", "Models", "Tensors",
        "Jobs", "Terminal", "TestSupport",
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "TerminalProbe", dependencies: ["Terminal", "TerminalNcurses"],
      path: "Tests/TerminalProbe", swiftSettings: strict),
  ]

/// Reads any input with any reader, for tests and for fuzzing.
let hostileInput: [Target] = [
  .target(
    name: "HostileInput",
    dependencies: [
      "Workspace", "Training", "Transformers", "CheckpointIO", "Tensors", "TestSupport",
    ],
    path: "Tests/HostileInput", swiftSettings: strict),
  .testTarget(
    name: "HostileInputTests",
    dependencies: [
      "HostileInput", "Workspace", "Training", "Transformers", "CheckpointIO", "Models",
      "Tensors", "TestSupport",
    ], swiftSettings: strict),
]

/// Only `Benchmarks/fuzz` builds this, with every module instrumented.
let fuzz: [Target] =
  Context.environment["PARE_FUZZ"] == nil
  ? []
  : [
    .executableTarget(
      name: "Fuzz", dependencies: ["HostileInput", "TestSupport"], path: "Tests/Fuzz",
      swiftSettings: strict)
  ]

let package = Package(
  name: "pare",
  products: [.executable(name: "pare", targets: ["pare"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: targets + hostileInput + fuzz,
  swiftLanguageModes: [.v6]
)
