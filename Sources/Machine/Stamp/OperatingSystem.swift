#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The operating system a measurement was made under; no host name, since reports are published.
public struct OperatingSystem: Hashable, Sendable, Codable {
  /// The distribution with its version (`Debian GNU/Linux 12 (bookworm)`), or the kernel's name where it is not known.
  public let name: String
  /// The kernel's name and release: `Linux 6.1.0-18-amd64`.
  public let kernel: String
  /// `x86_64`, `aarch64`, `arm64`.
  public let architecture: String

  public init(name: String, kernel: String, architecture: String) {
    self.name = name
    self.kernel = kernel
    self.architecture = architecture
  }

  /// The system of now (uname(2), os-release(5)).
  public static func read() throws(MachineError) -> OperatingSystem {
    var names = utsname()
    guard uname(&names) == 0 else { throw .callFailed(name: "uname", code: errno) }
    let system = text(of: names.sysname)
    let release =
      KernelFile.textIfReadable(at: "/etc/os-release") ?? KernelFile.textIfReadable(at: "/usr/lib/os-release")
    return OperatingSystem(
      name: release.flatMap { prettyName(osRelease: $0) } ?? (system == "Darwin" ? "macOS" : system),
      kernel: system + " " + text(of: names.release),
      architecture: text(of: names.machine))
  }

  /// The value of `PRETTY_NAME` in the text of an `os-release` file, without its quotes; `nil` when there is none.
  package static func prettyName(osRelease text: String) -> String? {
    for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix("PRETTY_NAME=") {
      var value = line.dropFirst("PRETTY_NAME=".count).trimmed[...]
      if value.count >= 2, let quote = value.first, quote == "\"" || quote == "'", value.last == quote {
        value = value.dropFirst().dropLast()
      }
      return value.isEmpty ? nil : String(value)
    }
    return nil
  }

  /// The text of a C character array, which Swift sees as a tuple, up to its first zero.
  private static func text<Characters>(of characters: Characters) -> String {
    withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
