#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Where results go.
enum StandardOutput {
  /// Writes all of `text`, or says that it could not: a receipt cut short must not look like a whole one.
  static func write(_ text: String) throws(OutputError) {
    if let code = Descriptor.write(text, to: STDOUT_FILENO) { throw OutputError(code: code) }
  }

  /// Columns of the terminal that standard output is; `nil` where it is none or doesn't say.
  static var terminalWidth: Int? {
    guard isatty(STDOUT_FILENO) == 1 else { return nil }
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }
}

/// Where progress and errors go.
enum StandardError {
  /// Writes one line; whoever closed the stream does not want to know.
  static func write(_ line: String) { _ = Descriptor.write(line + "\n", to: STDERR_FILENO) }
}

private enum Descriptor {
  /// Writes all of `text`; answers with the `errno` where that fails.
  static func write(_ text: String, to descriptor: Int32) -> Int32? {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { return errno }
      rest = rest.dropFirst(written)
    }
    return nil
  }

  private static func systemWrite(_ descriptor: Int32, _ start: UnsafeRawPointer?, _ count: Int) -> Int {
    #if canImport(Darwin)
      Darwin.write(descriptor, start, count)
    #else
      Glibc.write(descriptor, start, count)
    #endif
  }
}

/// Why a result could not be written; `code` is the `errno`.
struct OutputError: Error, CustomStringConvertible {
  let code: Int32

  var description: String {
    let reason = strerror(code).map { String(cString: $0) } ?? "error \(code)"
    return "standard output cannot be written: \(reason)"
  }
}
