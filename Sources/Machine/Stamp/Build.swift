#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// What is known of the build of this program.
public enum Build {
  /// The Swift release that compiled this, major and minor.
  ///
  /// Swift tells a program no more than which versions its compiler is at least.
  public static var swift: String {
    #if compiler(>=6.6)
      "6.6 or later"
    #elseif compiler(>=6.5)
      "6.5"
    #elseif compiler(>=6.4)
      "6.4"
    #elseif compiler(>=6.3)
      "6.3"
    #else
      "6.2"
    #endif
  }

  /// The commit named by the environment variable `PLIMSOLL_COMMIT`; `nil` when it is not set or empty.
  public static func commitFromEnvironment() throws(MachineError) -> String? {
    guard let value = getenv("PLIMSOLL_COMMIT") else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : try commit(text)
  }

  /// The text if it is 7 to 64 hexadecimal digits, with `-dirty` after them or not, as `git describe --dirty` says it.
  ///
  /// - Throws: ``MachineError/unusableCommit(_:)``.
  public static func commit(_ text: String) throws(MachineError) -> String {
    let digits = text.hasSuffix("-dirty") ? text.dropLast("-dirty".count) : text[...]
    guard (7...64).contains(digits.count), digits.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
      throw .unusableCommit(text)
    }
    return text
  }
}
