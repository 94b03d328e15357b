import ArgumentParser
import Reporting

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// How the process ends when a command throws: one line on standard error, nothing on standard output.
enum Failure {
  static func end(with error: any Error) -> Never {
    // A verdict that was printed already and only has to be told to the shell.
    if let code = error as? ExitCode { exit(code.rawValue) }
    // The parser's own: requests for help and the version succeed and go to standard output.
    let code = Plimsoll.exitCode(for: error)
    if code.isSuccess { Plimsoll.exit(withError: error) }
    if code == .validationFailure {
      StandardError.write("plimsoll: " + Printable.line(Plimsoll.message(for: error)))
      if let hint = hint(for: error) { StandardError.write(hint) }
      exit(ExitStatus.usage.rawValue)
    }
    StandardError.write("plimsoll: " + Printable.line("\(error)"))
    exit(ExitStatus(for: error).rawValue)
  }

  /// The parser's pointer to the help of the command that was meant; its usage line, with thirty flags, helps nobody.
  private static func hint(for error: any Error) -> String? {
    Plimsoll.fullMessage(for: error).split(separator: "\n").map { $0.drop { $0 == " " } }
      .last { $0.hasPrefix("See ") }.map(String.init)
  }
}
