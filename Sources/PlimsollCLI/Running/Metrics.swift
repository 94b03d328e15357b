import Reporting

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// One JSON object a line, a step a line: in a file that outlives the run, and on standard output where asked for.
final class Metrics {
  private let file: UnsafeMutablePointer<FILE>
  private let path: String
  private let isPrinting: Bool

  /// Opens the file at its end; lines of steps after `step`, which a resumed run takes again, are dropped first.
  init(path: String, keepingThrough step: Int, isPrinting: Bool) throws {
    self.path = path
    self.isPrinting = isPrinting
    try Metrics.truncate(path, after: step)
    guard let file = fopen(path, "a") else { throw OutputFileError(path: path, code: errno) }
    self.file = file
  }

  deinit { fclose(file) }

  func write(_ object: OrderedJSON) throws {
    let line = object.line + "\n"
    guard fputs(line, file) >= 0, fflush(file) == 0 else { throw OutputFileError(path: path, code: errno) }
    if isPrinting { try StandardOutput.write(line) }
  }

  private static func truncate(_ path: String, after step: Int) throws {
    guard let file = fopen(path, "r") else { return }
    defer { fclose(file) }
    var kept = ""
    var line: UnsafeMutablePointer<CChar>?
    var capacity = 0
    defer { free(line) }
    while getline(&line, &capacity, file) > 0 {
      guard let line else { break }
      let text = String(cString: line)
      // A line that a kill cut off has no end, and is of a step that will come again.
      guard text.hasSuffix("\n"), let number = Metrics.step(of: text), number <= step else { continue }
      kept += text
    }
    let slash = path.lastIndex(of: "/") ?? path.startIndex
    try OutputFile.write(kept, to: String(path[..<slash]), named: String(path[path.index(after: slash)...]))
  }

  /// The number behind `"step":`, which every line has first.
  private static func step(of line: String) -> Int? {
    guard let start = line.firstRange(of: "\"step\"")?.upperBound else { return nil }
    return Int(line[start...].drop { !$0.isNumber && $0 != "-" }.prefix { $0.isNumber || $0 == "-" })
  }
}
