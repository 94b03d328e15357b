import Foundation
import Testing

/// The program as it was built, run as a process of its own.
enum Program {
  struct Outcome {
    let status: Int32
    let output: String
    let errors: String

    /// The first line on standard error.
    var firstError: String { errors.split(separator: "\n").first.map(String.init) ?? "" }

    /// Standard output as a JSON object.
    func object() throws -> [String: Any] {
      try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
    }

    /// Standard output as an array of JSON objects.
    func objects() throws -> [[String: Any]] {
      try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [[String: Any]])
    }
  }

  /// Runs `plimsoll` with these arguments to its end.
  static func run(_ arguments: [String]) throws -> Outcome {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("plimsoll-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let process = Process()
    process.executableURL = try executable()
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    // Into files, since a pipe that nobody reads stops a long report halfway.
    let streams = try ["output", "errors"].map { name in
      let file = folder.appendingPathComponent(name)
      try Data().write(to: file)
      return (file, try FileHandle(forWritingTo: file))
    }
    process.standardOutput = streams[0].1
    process.standardError = streams[1].1
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationReason == .exit, "killed by signal \(process.terminationStatus)")
    let texts = try streams.map { String(decoding: try Data(contentsOf: $0.0), as: UTF8.self) }
    return Outcome(status: process.terminationStatus, output: texts[0], errors: texts[1])
  }

  /// Starts `plimsoll` with these arguments, and listens to nothing that it says.
  static func start(_ arguments: [String]) throws -> Process {
    let process = Process()
    process.executableURL = try executable()
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }

  static func run(_ arguments: String...) throws -> Outcome { try run(arguments) }

  /// The program lies beside the test bundle, which the test runner is told about or is itself.
  private static func executable() throws -> URL {
    let bundles = CommandLine.arguments.compactMap { argument -> URL? in
      var path = URL(fileURLWithPath: argument)
      while path.pathExtension != "xctest", path.pathComponents.count > 1 { path.deleteLastPathComponent() }
      return path.pathExtension == "xctest" ? path : nil
    }
    let candidates = bundles.map { $0.deletingLastPathComponent().appendingPathComponent("plimsoll") }
    return try #require(
      candidates.first { FileManager.default.isExecutableFile(atPath: $0.path) },
      "no plimsoll beside \(CommandLine.arguments)")
  }
}

/// Files that a test makes for the program to read.
enum Scratch {
  /// Calls `body` with the path of a file `name` that holds `bytes`, in a folder of its own.
  static func with<Result>(_ name: String, _ bytes: Data, _ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("plimsoll-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent(name)
    try bytes.write(to: file)
    return try body(file.path)
  }
}
