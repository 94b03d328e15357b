import Foundation

/// The Python of this machine, where it has one: with or without torch makes no difference here.
enum Python {
  static let path: String? = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin").split(separator: ":")
    .map { $0 + "/python3" }.first { FileManager.default.isExecutableFile(atPath: $0) }

  struct Outcome {
    let status: Int32
    /// Both streams together.
    let text: String
  }

  /// Whether `script` is Python, as far as its compiler can tell.
  static func compiles(_ script: String, with python: String) throws -> Bool {
    try run("import ast, sys; ast.parse(open(sys.argv[1], encoding='utf-8').read())", onScript: script, with: python)
      .status == 0
  }

  /// Runs `script` with these arguments; modules in `folder` come first.
  static func run(
    _ script: String, _ arguments: [String], with python: String, in folder: URL? = nil
  ) throws -> Outcome {
    try withFile(script) { try start(python, [$0] + arguments, modules: folder) }
  }

  private static func run(_ program: String, onScript script: String, with python: String) throws -> Outcome {
    try withFile(script) { try start(python, ["-c", program, $0], modules: nil) }
  }

  private static func withFile<Result>(_ script: String, _ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("plimsoll-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("probe.py")
    try Data(script.utf8).write(to: file)
    return try body(file.path)
  }

  private static func start(_ python: String, _ arguments: [String], modules: URL?) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = arguments
    if let modules {
      process.environment = ProcessInfo.processInfo.environment.merging(["PYTHONPATH": modules.path]) { $1 }
    }
    let pipe = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return Outcome(status: process.terminationStatus, text: text)
  }
}
