#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Whole-file reads of the small text files by which a kernel tells its state.
///
/// Such files have no size to ask for (`stat` says 0), so they are read until the end; no Foundation, whose start-up
/// costs more than the read.
enum KernelFile {
  /// The text of the file at `path`; bytes that are not UTF-8 are replaced, since no field we read can hold one.
  static func text(at path: String) throws(MachineError) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw .unreadable(path: path, code: errno) }
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let taken = chunk.withUnsafeMutableBytes { read(file, $0.baseAddress, $0.count) }
      if taken > 0 {
        bytes.append(contentsOf: chunk[..<taken])
      } else if taken == 0 {
        return String(decoding: bytes, as: UTF8.self)
      } else if errno != EINTR {
        throw .unreadable(path: path, code: errno)
      }
    }
  }

  /// The text of a file that a host may lack or hide: `nil` then.
  static func textIfReadable(at path: String) -> String? { try? text(at: path) }

  /// Writes a short command to a control file; `false` when the kernel does not allow it.
  static func write(_ command: String, to path: String) -> Bool {
    let file = open(path, O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    let bytes = Array(command.utf8)
    while true {
      // Named through its module: the unqualified name is this function.
      #if canImport(Darwin)
        let written = bytes.withUnsafeBytes { Darwin.write(file, $0.baseAddress, $0.count) }
      #else
        let written = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      #endif
      if written < 0, errno == EINTR { continue }
      return written == bytes.count
    }
  }
}
