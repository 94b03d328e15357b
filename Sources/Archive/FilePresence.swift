#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

enum FilePresence {
  /// Whether a file is at `path`, so that opening it makes none.
  static func isThere(_ path: String) -> Bool { access(path, F_OK) == 0 }
}
